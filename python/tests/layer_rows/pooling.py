"""Pooling over windows and over whole images."""

import numpy as np

from . import Case, LayerRow, Out
from ._windows import output_length, spread, windows_of

# batch, height, width, channels, kernel, stride, padding
SHAPES = [
    (1, 1, 1, 1, (1, 1), (1, 1), (0, 0)),
    (2, 4, 6, 16, (2, 2), (2, 2), (0, 0)),
    (2, 7, 5, 17, (3, 3), (2, 2), (1, 1)),
    (1, 6, 9, 33, (3, 4), (1, 3), (1, 2)),
    (1, 5, 5, 15, (2, 2), (3, 3), (0, 1)),
    (3, 28, 28, 32, (2, 2), (2, 2), (0, 0)),
]


def _geometry(case):
    shape, numbers = case.sizes[:4], case.sizes[4:]
    return shape, numbers[:2], numbers[2:4], numbers[4:6]


def _output_shape(case):
    shape, kernel, stride, padding = _geometry(case)
    lengths = [
        output_length(*each, 1) for each in zip(shape[1:3], kernel, stride, padding, strict=True)
    ]
    return shape[0], *lengths, shape[3]


def _cases(arrays, settings=lambda index: ()):
    def cases(rng):
        made = []
        for index, shape in enumerate(SHAPES):
            sizes = (*shape[:4], *shape[4], *shape[5], *shape[6])
            y = _output_shape(Case({}, sizes))
            made.append(Case(arrays(rng, shape[:4], y, index), sizes, settings(index)))
        return made

    return cases


# ------------------------------------------------------------------- maximum


def _max_arrays(rng, x, y, index):
    # Few different numbers, so that there are equal ones in a window; one image has NaN.
    values = rng.integers(-4, 4, x).astype(float)
    if index == 2:
        values[rng.random(x) < 0.05] = np.nan
    return {"x": values, "y": Out(y), **({"places": Out(y)} if index % 3 else {})}


def _max(case, inputs):
    _, kernel, stride, padding = _geometry(case)
    parts = windows_of(inputs["x"], kernel, stride, padding, outside=-np.inf)
    flat = parts.reshape(*parts.shape[:3], -1, parts.shape[5])
    return {"y": flat.max(3), "places": flat.argmax(3)}  # argmax: the first, NaN the greatest


def _max_backward_arrays(rng, x, y, index):
    kernel = SHAPES[index][4]
    return {
        "dy": rng.standard_normal(y),
        "places": rng.integers(0, kernel[0] * kernel[1], y).astype((np.uint8, np.int32)[index % 2]),
        "dx": Out(x),
    }


def _max_backward(case, inputs):
    shape, kernel, stride, padding = _geometry(case)
    hot = np.arange(kernel[0] * kernel[1]).reshape(1, 1, 1, *kernel, 1)
    here = hot == inputs["places"][:, :, :, None, None, :]
    gradient = inputs["dy"][:, :, :, None, None, :]
    return {
        "dx": spread(np.where(here, gradient, 0), shape, stride, padding),
        "size": spread(np.where(here, abs(gradient), 0), shape, stride, padding),
    }


# ---------------------------------------------------------------------- mean


def _divisors(case):
    """What each window's sum is divided by, with two trailing axes."""
    shape, kernel, stride, padding = _geometry(case)
    if case.settings[0]:
        return np.full((*_output_shape(case)[1:3], 1), float(kernel[0] * kernel[1]))
    inside = windows_of(np.ones((1, *shape[1:3], 1)), kernel, stride, padding)
    return inside.sum((3, 4))[0]


def _mean(case, inputs):
    _, kernel, stride, padding = _geometry(case)
    parts = windows_of(inputs["x"], kernel, stride, padding)
    divisors = _divisors(case)
    return {"y": parts.sum((3, 4)) / divisors, "size": abs(parts).sum((3, 4)) / divisors}


def _mean_backward(case, inputs):
    shape, kernel, stride, padding = _geometry(case)
    shared = (inputs["dy"] / _divisors(case))[:, :, :, None, None, :]
    parts = np.broadcast_to(shared, (*shared.shape[:3], *kernel, shared.shape[5]))
    return {
        "dx": spread(parts, shape, stride, padding),
        "size": spread(abs(parts), shape, stride, padding),
    }


def _sum_tolerance(output):
    def tolerance(case, inputs, expected, eps):
        kernel = _geometry(case)[1]
        return {output: (kernel[0] * kernel[1] + 2) * eps * expected["size"]}

    return tolerance


def _no_error(case, inputs, expected, eps):
    return {"y": 0.0, "places": 0.0}


# -------------------------------------------------------------- whole images

GLOBAL_SHAPES = [(1, 1, 1), (2, 49, 15), (3, 64, 16), (2, 100, 17), (2, 784, 96)]


def _global_cases(forward):
    def cases(rng):
        made = []
        for batch, pixels, channels in GLOBAL_SHAPES:
            image, mean = (batch, pixels, channels), (batch, channels)
            arrays = (
                {"x": rng.standard_normal(image) + 3, "y": Out(mean)}
                if forward
                else {"dy": rng.standard_normal(mean), "dx": Out(image)}
            )
            made.append(Case(arrays, (batch, pixels, channels)))
        return made

    return cases


def _global(case, inputs):
    return {"y": inputs["x"].mean(1), "size": abs(inputs["x"]).mean(1)}


def _global_tolerance(case, inputs, expected, eps):
    # The sum is in float64.
    return {"y": eps * abs(expected["y"]) + case.sizes[1] * 2.0**-52 * expected["size"]}


def _global_backward(case, inputs):
    dx = inputs["dy"][:, None, :] / case.sizes[1]
    return {"dx": np.broadcast_to(dx, case.sizes)}


def _global_backward_tolerance(case, inputs, expected, eps):
    return {"dx": eps * abs(expected["dx"])}


def _flags(index):
    return (float(index % 2),)


ROWS = [
    LayerRow("max_pool2d", _cases(_max_arrays), _max, _no_error),
    LayerRow(
        "max_pool2d_backward", _cases(_max_backward_arrays), _max_backward, _sum_tolerance("dx")
    ),
    LayerRow(
        "avg_pool2d",
        _cases(lambda rng, x, y, index: {"x": rng.standard_normal(x), "y": Out(y)}, _flags),
        _mean,
        _sum_tolerance("y"),
    ),
    LayerRow(
        "avg_pool2d_backward",
        _cases(lambda rng, x, y, index: {"dy": rng.standard_normal(y), "dx": Out(x)}, _flags),
        _mean_backward,
        _sum_tolerance("dx"),
    ),
    LayerRow("global_avg_pool2d", _global_cases(True), _global, _global_tolerance),
    LayerRow(
        "global_avg_pool2d_backward",
        _global_cases(False),
        _global_backward,
        _global_backward_tolerance,
    ),
]
