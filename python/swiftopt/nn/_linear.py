"""A dense layer."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn import _checks
from swiftopt.nn._dense import dense
from swiftopt.nn._initialization import uniform
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class Linear(Module):
    """y = x weightᵀ + bias, over the last axis.

    An activation that follows, the addition of a `Residual` and the statistics for a
    `BatchNorm` are computed with the product.

    Parameters
    ----------
    in_features, out_features : int
        The last axis of input and output.
    bias : bool, default True
        Whether there is one.
    rng : int or numpy.random.Generator, optional
        For the initial parameters, uniform in ±1/√in_features as in torch.

    Attributes
    ----------
    weight : array (out_features, in_features)
    bias : array (out_features,) or None

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.Linear(2, 1, rng=0)
    >>> layer.weight[...], layer.bias[...] = [[2.0, 3.0]], 1.0
    >>> layer(np.array([[10.0, 1.0]], np.float32)).tolist()
    [[24.0]]
    >>> layer.backward(np.ones((1, 1), np.float32))
    >>> layer.gradients()["weight"].tolist()
    [[10.0, 1.0]]
    """

    value_names = ("weight",)
    number_names = ("bias",)

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: Rng = None
    ) -> None:
        super().__init__()
        inputs = _checks.size(self, "in_features", in_features)
        outputs = _checks.size(self, "out_features", out_features)
        self.weight = np.empty((outputs, inputs), np.float32)
        self.bias: Array | None = np.empty(outputs, np.float32) if bias else None
        self.reset_parameters(rng)

    @property
    def in_features(self) -> int:
        """Return the last axis of the input."""
        return int(self.weight.shape[1])

    @property
    def out_features(self) -> int:
        """Return the last axis of the output."""
        return int(self.weight.shape[0])

    def initialize(self, rng: np.random.Generator) -> None:
        """Set weight and bias."""
        uniform(rng, self.weight, self.in_features)
        uniform(rng, self.bias, self.in_features)

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the product."""
        _checks.features(self, x, planner, self.in_features, "features")
        return dense(planner, self, x)

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.out_features}{bias}"
