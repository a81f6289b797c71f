"""Single layers with swiftopt: the calls that a network of swiftopt.nn consists of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .check import Check
from .kernels import DROPPED, EPS, KernelContender, KernelProblem, check_dropout
from .loading import MissingError, load


class SwiftOptKernel(KernelContender):
    """Calls of layer functions over arrays that exist, prepared once as a network's are."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: KernelProblem) -> None:
        super().__init__(problem)
        self.swiftopt = load("swiftopt")
        self.arrays = dict(problem.arrays)
        self.arrays["random"] = np.array([3, 5], np.uint64)  # key and counter
        if "dlogits" in self.arrays:
            self.arrays["logits_gradient"] = self.arrays.pop("dlogits")
        self.calls = [self._call(*one) for one in _calls(problem)]

    def _call(self, name: str, sizes: dict[str, int], settings: dict[str, float]) -> Any:
        values = load("swiftopt.nn._values")
        if name not in values.functions():
            raise MissingError(f"swiftopt has no {name}")
        function = values.functions()[name]
        unused = _unused(self.problem.name)
        return load("swiftopt._core").LayerCall(
            name,
            tuple(None if array in unused else self.arrays.get(array) for array in function.arrays),
            tuple(sizes[size] for size in function.sizes),
            tuple({**function.settings, **settings}.values()),
        )

    def begin(self) -> None:
        self.swiftopt.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        calls = self.calls
        for _ in range(repeats):
            for call in calls:
                call()

    def check(self) -> Check:
        return check_dropout(self) if "dropout" in self.problem.name else super().check()


def _unused(name: str) -> tuple[str, ...]:
    """Return arrays that the functions would use, but not in this problem."""
    if name == "batch-norm-relu-backward":
        return ("y", "dresidual")  # the mask follows from x, which is read anyway
    return ("residual",) if name == "batch-norm-relu-forward" else ()


def _calls(problem: KernelProblem) -> list[tuple[str, dict[str, int], dict[str, float]]]:
    """Return the functions of a problem, with sizes and settings."""
    *outer, channels = problem.shape
    kind, _, direction = problem.name.rpartition("-")
    suffix = "_backward" if direction == "backward" else ""
    rows = {"rows": math.prod(outer), "channels": channels, "features": channels}
    if kind.startswith("batch-norm"):
        settings = {"training": 1.0, "relu": 1.0} | ({} if suffix else {"eps": EPS})
        return [(f"batch_norm{suffix}", rows, settings)]
    if kind == "layer-norm":
        return [(f"layer_norm{suffix}", rows, {} if suffix else {"eps": EPS})]
    if kind == "dropout":
        count = {"count": math.prod(problem.shape)}
        return [(f"dropout{suffix}", count, {"p": DROPPED})]
    if kind == "depthwise":
        batch, height, width = outer
        sizes = {"batch": batch, "height": height, "width": width, "channels": channels}
        for what, value in (("kernel", 3), ("stride", 1), ("padding", 1), ("dilation", 1)):
            sizes |= {f"{what}_height": value, f"{what}_width": value}
        parts = ("_backward_input", "_backward_weight") if suffix else ("",)
        return [(f"depthwise_conv2d{part}", sizes, {}) for part in parts]
    return [("cross_entropy", {"rows": outer[0], "classes": channels}, {})]
