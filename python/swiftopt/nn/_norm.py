"""What layer norm and RMS norm have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn import _checks
from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value


class Norm(Module):
    """A normalization of each row by its own statistics."""

    number_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    function: ClassVar[str]
    statistics: ClassVar[tuple[str, ...]]

    bias: Array | None = None

    def __init__(self, num_features: int, eps: float) -> None:
        super().__init__()
        features = _checks.size(self, "num_features", num_features)
        self.eps = _checks.positive(self, "eps", eps)
        self.weight = np.ones(features, np.float32)

    @property
    def num_features(self) -> int:
        """Return the last axis."""
        return int(self.weight.shape[0])

    def initialize(self, rng: np.random.Generator) -> None:
        """Set the weight to 1 and the bias to 0."""
        self.weight[...] = 1
        if self.bias is not None:
            self.bias[...] = 0

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record it."""
        features = self.num_features
        x = planner.activation(_checks.features(self, x, planner, features, "features"))
        rows = x.count // features
        sizes, settings = {"rows": rows, "features": features}, {"eps": self.eps}
        y = planner.value(*x.shape)
        parameters: dict[str, Operand] = {"weight": self.weight}
        gradients: dict[str, Operand] = {"dweight": self.gradient_of("weight")}
        if self.bias is not None:
            parameters["bias"] = self.bias
            gradients["dbias"] = self.gradient_of("bias")
        saved: dict[str, Operand] = {name: planner.number(rows) for name in self.statistics}
        planner.call(self.function, {"x": x, "y": y, **parameters, **saved}, sizes, settings)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            x_gradient = planner.value(*x.shape)
            arrays: dict[str, Operand] = {"dy": gradient, "x": x, "dx": x_gradient}
            arrays |= {"weight": self.weight, **saved, **gradients}
            planner.call(f"{self.function}_backward", arrays, sizes)
            planner.add_gradient(x, x_gradient)

        planner.on_backward(backward)
        return y

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return f"{self.num_features}"
