"""Single layers forward and backward: the arrays, what they must become, and their bytes."""

from __future__ import annotations

import functools
from typing import ClassVar

import numpy as np

from .check import Check
from .contenders import Contender
from .problem import numpy_dtype
from .rules import Array
from .streams import FILL, READ, Pass, bytes_moved

#: Of the error of an element: relative to it, and to the root of the mean square of all.
#: float32 sums of 10^5 terms lose about 2^-24 * 10^2.5; bfloat16 rounds inputs' products
#: in float32 and the result to 2^-9 of it.
_TOLERANCES = {"float32": 2e-5, "bfloat16": 2**-6}
EPS = 1e-5
DROPPED = 0.1


class KernelProblem:
    """One direction of a layer; `arrays` holds inputs and outputs by name."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: Whole size, and that of the check.
    shapes: ClassVar[tuple[tuple[int, ...], tuple[int, ...]]]
    #: The arrays that are written.
    outputs: ClassVar[tuple[str, ...]]
    #: What each pass over the memory reads and writes: "x+dy>dx".
    traffic: ClassVar[tuple[str, ...]]

    def __init__(self, dtype: str, threads: int, is_small: bool) -> None:
        self.dtype = dtype
        self.threads = threads
        self.shape = self.shapes[is_small]
        self.value_dtype = numpy_dtype(dtype)
        self.generator = np.random.default_rng(21)
        self.arrays = self.draw()

    def draw(self) -> dict[str, Array]:
        """Return all arrays, the outputs among them."""
        raise NotImplementedError

    def expected(self) -> dict[str, Array]:
        """Return the outputs, computed in float64."""
        raise NotImplementedError

    def normal(self, *shape: int) -> Array:
        """Draw standard normal values of the problem's dtype."""
        return self.generator.standard_normal(shape, np.float32).astype(self.value_dtype)

    def number(self, *shape: int, mean: float = 0.0) -> Array:
        """Draw float32 numbers, as weights of norms and statistics are."""
        return self.generator.standard_normal(shape, np.float32) / np.float32(4) + np.float32(mean)

    def empty(self, *shape: int) -> Array:
        """Return an array of values that is written."""
        return np.zeros(shape, self.value_dtype)

    def wide(self, name: str) -> Array:
        """Return an input in float64."""
        return self.arrays[name].astype(np.float64)

    def passes(self) -> list[Pass]:
        """List what the memory limit's passes read and fill."""
        passes: list[Pass] = []
        for one in self.traffic:
            read, _, filled = one.partition(">")
            streams = [(self.arrays[name], READ) for name in read.split("+")]
            streams += [(self.arrays[name], FILL) for name in filled.split("+") if name]
            passes.append([streams])
        return passes

    @property
    def bytes_per_step(self) -> int:
        """Bytes that must be moved."""
        return bytes_moved(self.passes())


class KernelContender(Contender):
    """Computes the outputs of one kernel."""

    problem: KernelProblem

    def results(self) -> dict[str, Array]:
        """Return the outputs, in swiftopt's layout."""
        return self.problem.arrays

    def check(self) -> Check:
        """Compare all outputs with float64."""
        self.begin()
        self.run(1)
        self.end()
        results, share, largest = self.results(), 0.0, 0.0
        for name, expected in self.problem.expected().items():
            error = np.abs(results[name].astype(np.float64).reshape(expected.shape) - expected)
            error[~np.isfinite(error)] = np.inf
            scale = np.abs(expected) + np.sqrt(np.mean(expected**2))
            largest = max(largest, float(error.max()))
            share = max(share, float((error / scale).max()) / _TOLERANCES[self.problem.dtype])
        return Check(share <= 1.0, largest, share)


_IMAGES = ((128, 28, 28, 64), (4, 9, 7, 33))
_ROWS = ((32768, 128), (37, 33))


class BatchNormForward(KernelProblem):
    """Batch statistics, normalisation and ReLU."""

    name = "batch-norm-relu-forward"
    title = "batch norm + ReLU, training, forward"
    shapes = _IMAGES
    outputs: ClassVar[tuple[str, ...]] = ("y", "mean", "inverse_std")
    traffic: ClassVar[tuple[str, ...]] = ("x", "x>y")
    has_residual: ClassVar[bool] = False

    def draw(self) -> dict[str, Array]:
        channels = self.shape[-1]
        return {
            "x": self.normal(*self.shape),
            "residual": self.normal(*self.shape),
            "weight": self.number(channels, mean=1.0),
            "bias": self.number(channels),
            "running_mean": np.zeros(channels, np.float32),
            "running_var": np.ones(channels, np.float32),
            "y": self.empty(*self.shape),
            "mean": self.number(channels),
            "inverse_std": self.number(channels),
        }

    @functools.cached_property
    def _normalized(self) -> tuple[Array, Array, Array, Array]:
        x = self.wide("x").reshape(-1, self.shape[-1])
        mean, inverse_std = x.mean(0), 1 / np.sqrt(x.var(0) + EPS)
        normal = (x - mean) * inverse_std
        y = normal * self.wide("weight") + self.wide("bias")
        if self.has_residual:
            y += self.wide("residual").reshape(x.shape)
        return normal, np.maximum(y, 0).reshape(self.shape), mean, inverse_std

    def expected(self) -> dict[str, Array]:
        return {"y": self._normalized[1]}


class BatchNormResidualForward(BatchNormForward):
    """The same with an addition before the ReLU."""

    name = "batch-norm-residual-relu-forward"
    title = "batch norm + residual + ReLU, training, forward"
    traffic: ClassVar[tuple[str, ...]] = ("x", "x+residual>y")
    has_residual = True


class BatchNormBackward(BatchNormForward):
    """Gradients of input, weight and bias; the ReLU's mask follows from the input."""

    name = "batch-norm-relu-backward"
    title = "batch norm + ReLU, backward"
    outputs: ClassVar[tuple[str, ...]] = ("dx", "dweight", "dbias")
    traffic: ClassVar[tuple[str, ...]] = ("dy+x", "dy+x>dx")

    def draw(self) -> dict[str, Array]:
        arrays = self.arrays = super().draw()
        if self.has_residual:
            # Away from 0, where a rounding of the sum in bfloat16 would decide the mask.
            arrays["residual"] += np.copysign(self.value_dtype.type(3), arrays["residual"])
        _, y, mean, inverse_std = self._normalized
        arrays["y"][...] = y.astype(self.value_dtype)
        arrays["mean"][...], arrays["inverse_std"][...] = mean, inverse_std
        return arrays | {
            "dy": self.normal(*self.shape),
            "dx": self.empty(*self.shape),
            "dresidual": self.empty(*self.shape),
            "dweight": self.number(self.shape[-1]),
            "dbias": self.number(self.shape[-1]),
        }

    def expected(self) -> dict[str, Array]:
        normal, _, _, inverse_std = self._normalized
        masked = np.where(self.wide("y") > 0, self.wide("dy"), 0)
        dy = masked.reshape(normal.shape)
        dbias, dweight = dy.sum(0), (dy * normal).sum(0)
        dx = dy - dbias / len(dy) - normal * (dweight / len(dy))
        dx *= self.wide("weight") * inverse_std
        outputs = {"dx": dx.reshape(self.shape), "dweight": dweight, "dbias": dbias}
        return outputs | ({"dresidual": masked} if self.has_residual else {})


class BatchNormResidualBackward(BatchNormBackward):
    """The same with the gradient of what was added."""

    name = "batch-norm-residual-relu-backward"
    title = "batch norm + residual + ReLU, backward"
    outputs: ClassVar[tuple[str, ...]] = ("dx", "dweight", "dbias", "dresidual")
    traffic: ClassVar[tuple[str, ...]] = ("dy+x+y", "dy+x+y>dx+dresidual")
    has_residual = True


class DepthwiseForward(KernelProblem):
    """A 3x3 depthwise convolution with padding 1."""

    name = "depthwise-forward"
    title = "depthwise 3x3 convolution, forward"
    shapes = _IMAGES
    outputs: ClassVar[tuple[str, ...]] = ("y",)
    traffic: ClassVar[tuple[str, ...]] = ("x>y",)

    def draw(self) -> dict[str, Array]:
        return {
            "x": self.normal(*self.shape),
            "weight": self.normal(3, 3, self.shape[-1]),
            "y": self.empty(*self.shape),
        }

    def windows(self, name: str) -> Array:
        """Return the 3x3 surroundings of each place: (batch, height, width, channels, 3, 3)."""
        padded = np.pad(self.wide(name), ((0, 0), (1, 1), (1, 1), (0, 0)))
        return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))

    def expected(self) -> dict[str, Array]:
        return {"y": np.einsum("bhwcij,ijc->bhwc", self.windows("x"), self.wide("weight"))}


class DepthwiseBackward(DepthwiseForward):
    """Gradients of input and weight."""

    name = "depthwise-backward"
    title = "depthwise 3x3 convolution, backward (input and weight)"
    outputs: ClassVar[tuple[str, ...]] = ("dx", "dweight")
    traffic: ClassVar[tuple[str, ...]] = ("dy>dx", "x+dy")

    def draw(self) -> dict[str, Array]:
        return super().draw() | {
            "dy": self.normal(*self.shape),
            "dx": self.empty(*self.shape),
            "dweight": self.number(3, 3, self.shape[-1]),
        }

    def expected(self) -> dict[str, Array]:
        flipped = self.wide("weight")[::-1, ::-1]
        return {
            "dx": np.einsum("bhwcij,ijc->bhwc", self.windows("dy"), flipped),
            "dweight": np.einsum("bhwcij,bhwc->ijc", self.windows("x"), self.wide("dy")),
        }


class DropoutForward(KernelProblem):
    """A tenth of the elements becomes 0."""

    name = "dropout-forward"
    title = f"dropout of {DROPPED:.0%}, forward"
    shapes = _IMAGES
    outputs: ClassVar[tuple[str, ...]] = ("y",)
    traffic: ClassVar[tuple[str, ...]] = ("x>y",)

    def draw(self) -> dict[str, Array]:
        return {
            "x": self.normal(*self.shape),
            "dy": self.normal(*self.shape),
            "y": self.empty(*self.shape),
            "dx": self.empty(*self.shape),
        }

    def expected(self) -> dict[str, Array]:
        """Return what the elements are that weren't dropped; see `kept`."""
        scaled = {"y": self.wide("x") / (1 - DROPPED), "dx": self.wide("dy") / (1 - DROPPED)}
        return {name: scaled[name] for name in self.outputs}


class DropoutBackward(DropoutForward):
    """The gradient, with the zeros of the forward pass."""

    name = "dropout-backward"
    title = f"dropout of {DROPPED:.0%}, backward"
    outputs: ClassVar[tuple[str, ...]] = ("dx",)
    traffic: ClassVar[tuple[str, ...]] = ("dy>dx",)


def check_dropout(contender: KernelContender) -> Check:
    """Say whether as many elements are dropped as should be, and the others are scaled."""
    problem = contender.problem
    contender.begin()
    contender.run(1)
    contender.end()
    largest, passed = 0.0, True
    for name, expected in problem.expected().items():
        found = contender.results()[name].astype(np.float64).reshape(expected.shape)
        kept = found != 0
        deviation = np.sqrt(DROPPED * (1 - DROPPED) / found.size)
        passed &= abs(1 - kept.mean() - DROPPED) < 5 * deviation
        errors = np.abs(found - expected)[kept] / np.abs(expected[kept])
        largest = max(largest, float(errors.max()))
    share = largest / _TOLERANCES[problem.dtype]
    return Check(bool(passed) and share <= 1.0, largest, share)


class CrossEntropy(KernelProblem):
    """The mean loss and its gradient."""

    name = "cross-entropy"
    title = "softmax cross-entropy of 256 classes, loss and gradient"
    shapes = ((16384, 256), (37, 33))
    outputs: ClassVar[tuple[str, ...]] = ("loss", "dlogits")
    traffic: ClassVar[tuple[str, ...]] = ("logits>dlogits",)

    def draw(self) -> dict[str, Array]:
        return {
            "logits": self.normal(*self.shape),
            "labels": self.generator.integers(0, self.shape[1], self.shape[0]),
            "loss": np.zeros(1, np.float32),
            "dlogits": self.empty(*self.shape),
        }

    def expected(self) -> dict[str, Array]:
        logits, labels = self.wide("logits"), self.arrays["labels"]
        exponentials = np.exp(logits)
        sums = exponentials.sum(1, keepdims=True)
        rows = np.arange(len(labels))
        gradient = exponentials / sums
        gradient[rows, labels] -= 1
        losses = np.log(sums[:, 0]) - logits[rows, labels]
        return {"loss": losses.mean(keepdims=True), "dlogits": gradient / len(labels)}


class LayerNormForward(KernelProblem):
    """Over rows of 128."""

    name = "layer-norm-forward"
    title = "layer norm of 128 features, forward"
    shapes = _ROWS
    outputs: ClassVar[tuple[str, ...]] = ("y", "mean", "inverse_std")
    traffic: ClassVar[tuple[str, ...]] = ("x>y",)

    def draw(self) -> dict[str, Array]:
        rows, features = self.shape
        return {
            "x": self.normal(rows, features),
            "weight": self.number(features, mean=1.0),
            "bias": self.number(features),
            "y": self.empty(rows, features),
            "mean": self.number(rows),
            "inverse_std": self.number(rows),
        }

    @functools.cached_property
    def _normalized(self) -> tuple[Array, Array, Array]:
        x = self.wide("x")
        mean, inverse_std = x.mean(1), 1 / np.sqrt(x.var(1) + EPS)
        return (x - mean[:, None]) * inverse_std[:, None], mean, inverse_std

    def expected(self) -> dict[str, Array]:
        return {"y": self._normalized[0] * self.wide("weight") + self.wide("bias")}


class LayerNormBackward(LayerNormForward):
    """Gradients of input, weight and bias."""

    name = "layer-norm-backward"
    title = "layer norm of 128 features, backward"
    outputs: ClassVar[tuple[str, ...]] = ("dx", "dweight", "dbias")
    traffic: ClassVar[tuple[str, ...]] = ("dy+x>dx",)

    def draw(self) -> dict[str, Array]:
        arrays = self.arrays = super().draw()
        arrays["mean"][...], arrays["inverse_std"][...] = self._normalized[1:]
        return arrays | {
            "dy": self.normal(*self.shape),
            "dx": self.empty(*self.shape),
            "dweight": self.number(self.shape[1]),
            "dbias": self.number(self.shape[1]),
        }

    def expected(self) -> dict[str, Array]:
        normal, _, inverse_std = self._normalized
        dy = self.wide("dy")
        scaled = dy * self.wide("weight")
        dx = scaled - scaled.mean(1, keepdims=True)
        dx -= normal * (scaled * normal).mean(1, keepdims=True)
        return {
            "dx": dx * inverse_std[:, None],
            "dweight": (dy * normal).sum(0),
            "dbias": dy.sum(0),
        }


KERNELS: tuple[type[KernelProblem], ...] = (
    BatchNormForward,
    BatchNormBackward,
    BatchNormResidualForward,
    BatchNormResidualBackward,
    DepthwiseForward,
    DepthwiseBackward,
    DropoutForward,
    DropoutBackward,
    CrossEntropy,
    LayerNormForward,
    LayerNormBackward,
)
