"""Convolutions: sums of products, each with a bound on its error from the number of terms.

A sum of n products has an error of at most (n + 1) u Σ |terms|, in any order, with or without
fused operations (Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1).
"""

import numpy as np

from . import Case, LayerRow, Out
from ._windows import (
    conv2d,
    conv2d_backward_input,
    conv2d_backward_weight,
    depthwise,
    depthwise_backward_input,
    depthwise_backward_weight,
    output_length,
)

# batch, height, width, in, out, kernel, stride, padding, groups, dilation
SHAPES = [
    (1, 1, 1, 1, 1, (1, 1), (1, 1), (0, 0), 1, (1, 1)),
    (2, 5, 7, 3, 5, (3, 3), (1, 1), (1, 1), 1, (1, 1)),
    (2, 8, 6, 16, 17, (3, 3), (2, 2), (1, 1), 1, (1, 1)),
    (3, 6, 6, 33, 32, (1, 1), (1, 1), (0, 0), 1, (1, 1)),
    (1, 6, 7, 4, 6, (1, 1), (2, 3), (0, 0), 1, (1, 1)),
    (1, 9, 11, 6, 4, (2, 5), (3, 2), (0, 3), 2, (2, 1)),
    (1, 10, 9, 5, 10, (3, 2), (2, 1), (4, 2), 5, (1, 3)),
    (4, 28, 28, 1, 32, (3, 3), (1, 1), (1, 1), 1, (1, 1)),
    (2, 14, 14, 24, 40, (3, 3), (1, 1), (1, 1), 1, (1, 1)),
]

# batch, height, width, channels, kernel, stride, padding, dilation
DEPTHWISE_SHAPES = [
    (1, 1, 1, 1, (1, 1), (1, 1), (0, 0), (1, 1)),
    (1, 1, 1, 15, (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 5, 7, 16, (3, 3), (1, 1), (1, 1), (1, 1)),
    (2, 6, 5, 17, (3, 3), (2, 2), (1, 1), (1, 1)),
    (3, 2, 2, 33, (3, 3), (2, 1), (2, 2), (1, 1)),
    (1, 9, 12, 48, (3, 3), (1, 2), (0, 3), (2, 1)),
    (1, 8, 8, 3, (5, 5), (1, 1), (2, 2), (1, 1)),
    (1, 10, 11, 20, (2, 4), (3, 2), (1, 0), (3, 2)),
    (1, 4, 4, 16, (1, 2), (3, 3), (0, 0), (1, 1)),
    (5, 14, 100, 64, (3, 3), (1, 1), (1, 1), (1, 1)),
]


class Geometry:
    """The sizes of a case, and the shapes that they give."""

    def __init__(self, case):
        self.batch, self.height, self.width = case.sizes[:3]
        rest = case.sizes[3:]
        self.is_depthwise = len(case.sizes) == 12
        if self.is_depthwise:
            self.inputs = self.outputs = self.groups = rest[0]
            rest = rest[1:]
        else:
            self.inputs, self.outputs = rest[:2]
            self.groups = rest[8]
            rest = rest[2:8] + rest[9:]
        self.kernel, self.stride, self.padding, self.dilation = (
            tuple(rest[index : index + 2]) for index in (0, 2, 4, 6)
        )

    @property
    def x(self):
        return self.batch, self.height, self.width, self.inputs

    @property
    def weight(self):
        if self.is_depthwise:
            return (*self.kernel, self.inputs)
        return (self.outputs, *self.kernel, self.inputs // self.groups)

    @property
    def y(self):
        lengths = [
            output_length(*each)
            for each in zip(
                self.x[1:3], self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        ]
        return self.batch, *lengths, self.outputs

    @property
    def terms(self):
        """Products in one element of the output."""
        return self.kernel[0] * self.kernel[1] * (self.inputs // self.groups)

    @property
    def window(self):
        return self.stride, self.padding, self.dilation


def _sizes(depthwise):
    if depthwise:
        return [
            (*shape[:4], *(number for pair in shape[4:] for number in pair))
            for shape in DEPTHWISE_SHAPES
        ]
    return [(*shape[:5], *shape[5], *shape[6], *shape[7], shape[8], *shape[9]) for shape in SHAPES]


def _cases(depthwise, arrays, settings=lambda index: ()):
    def cases(rng):
        made = []
        for index, sizes in enumerate(_sizes(depthwise)):
            geometry = Geometry(Case({}, sizes))
            made.append(Case(arrays(rng, geometry, index), sizes, settings(index)))
        return made

    return cases


def _forward_arrays(rng, geometry, index):
    arrays = {
        "x": rng.standard_normal(geometry.x),
        "weight": rng.standard_normal(geometry.weight),
        "y": Out(geometry.y),
    }
    if index % 3 != 1:
        arrays["bias"] = rng.standard_normal(geometry.outputs)
    if index % 2:
        arrays["column_sums"] = Out((geometry.outputs,))
        if index % 4 == 1:
            arrays["column_square_sums"] = Out((geometry.outputs,))
    return arrays


def _forward(case, inputs):
    geometry = Geometry(case)
    if geometry.is_depthwise:
        y, size = depthwise(inputs["x"], inputs["weight"], *geometry.window)
    else:
        y, size = conv2d(inputs["x"], inputs["weight"], *geometry.window, geometry.groups)
    if "bias" in inputs:
        y, size = y + inputs["bias"], size + abs(inputs["bias"])
    if case.settings[0]:
        y = np.maximum(y, 0)
    axes = (0, 1, 2)
    return {
        "y": y,
        "column_sums": y.sum(axes),
        "column_square_sums": (y * y).sum(axes),
        "size": size,
    }


def _stored_step(case, inputs, eps):
    """The unit roundoff of what `y` is stored in: the sums are of what was stored."""
    return 2.0**-8 if _is_bfloat16(inputs["x"], eps) else 0.0


def _is_bfloat16(values, eps):
    """Whether float32 arithmetic is on values that all are bfloat16."""
    single = values.astype(np.float32)
    return eps > 2.0**-30 and not (single.view(np.uint32) & 0xFFFF).any()


def _forward_tolerance(case, inputs, expected, eps):
    geometry = Geometry(case)
    error = (geometry.terms + 3) * eps * expected["size"]
    stored = error + _stored_step(case, inputs, eps) * (abs(expected["y"]) + error)
    axes = (0, 1, 2)
    squares = (stored * (2 * abs(expected["y"]) + stored)).sum(axes)
    return {
        "y": error,
        "column_sums": stored.sum(axes) + 1e-13 * abs(expected["y"]).sum(axes),
        "column_square_sums": squares + 1e-13 * expected["column_square_sums"],
    }


def _input_arrays(rng, geometry, index):
    return {
        "dy": rng.standard_normal(geometry.y),
        "weight": rng.standard_normal(geometry.weight),
        "dx": Out(geometry.x),
    }


def _input(case, inputs):
    geometry = Geometry(case)
    if geometry.is_depthwise:
        arguments = inputs["dy"], inputs["weight"], geometry.x, *geometry.window
        dx, size = depthwise_backward_input(*arguments)
    else:
        arguments = inputs["dy"], inputs["weight"], geometry.x, *geometry.window
        dx, size = conv2d_backward_input(*arguments, geometry.groups)
    return {"dx": dx, "size": size}


def _input_tolerance(case, inputs, expected, eps):
    geometry = Geometry(case)
    terms = geometry.kernel[0] * geometry.kernel[1] * geometry.outputs // geometry.groups
    return {"dx": (terms + 2) * eps * expected["size"]}


def _weight_arrays(rng, geometry, index):
    arrays = {
        "dy": rng.standard_normal(geometry.y),
        "x": rng.standard_normal(geometry.x),
        "dweight": Out(geometry.weight),
    }
    if index % 2 == 0:
        arrays["dbias"] = Out((geometry.outputs,))
    return arrays


def _weight(case, inputs):
    geometry = Geometry(case)
    arguments = inputs["dy"], inputs["x"], geometry.kernel, *geometry.window
    if geometry.is_depthwise:
        dweight, size = depthwise_backward_weight(*arguments)
    else:
        dweight, size = conv2d_backward_weight(*arguments, geometry.groups)
    axes = (0, 1, 2)
    return {
        "dweight": dweight,
        "dbias": inputs["dy"].sum(axes),
        "size": size,
        "bias_size": abs(inputs["dy"]).sum(axes),
    }


def _weight_tolerance(case, inputs, expected, eps):
    terms = inputs["dy"][..., 0].size
    return {
        "dweight": (terms + 2) * eps * expected["size"],
        "dbias": (terms + 2) * eps * expected["bias_size"],
    }


def _rows(name, depthwise):
    return [
        LayerRow(
            name,
            _cases(depthwise, _forward_arrays, lambda index: (float(index % 2),)),
            _forward,
            _forward_tolerance,
        ),
        LayerRow(
            f"{name}_backward_input", _cases(depthwise, _input_arrays), _input, _input_tolerance
        ),
        LayerRow(
            f"{name}_backward_weight", _cases(depthwise, _weight_arrays), _weight, _weight_tolerance
        ),
    ]


ROWS = _rows("conv2d", False) + _rows("depthwise_conv2d", True)
