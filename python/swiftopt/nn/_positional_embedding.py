"""Vectors for positions."""

from __future__ import annotations

import numpy as np

from swiftopt.nn import _checks
from swiftopt.nn._fusion import column_sums
from swiftopt.nn._initialization import normal
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class PositionalEmbedding(Module):
    """Add a learned vector for each position: (batch, time, embedding_dim) stays so.

    Parameters
    ----------
    max_length : int
        The greatest time.
    embedding_dim : int
        The last axis.
    rng : int or numpy.random.Generator, optional
        For the initial weight, normal with a deviation of 0.02 (Radford et al. 2019).

    Attributes
    ----------
    weight : array (max_length, embedding_dim)

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.PositionalEmbedding(3, 1)
    >>> layer.weight[:, 0] = 1, 2, 3
    >>> layer(np.zeros((2, 2, 1), np.float32)).tolist()
    [[[1.0], [2.0]], [[1.0], [2.0]]]
    """

    value_names = ("weight",)

    def __init__(self, max_length: int, embedding_dim: int, *, rng: Rng = None) -> None:
        super().__init__()
        rows = _checks.size(self, "max_length", max_length)
        columns = _checks.size(self, "embedding_dim", embedding_dim)
        self.weight = np.empty((rows, columns), np.float32)
        self.reset_parameters(rng)

    def initialize(self, rng: np.random.Generator) -> None:
        """Set the weight."""
        normal(rng, self.weight, 0.02)

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the addition."""
        length, columns = self.weight.shape
        _checks.features(self, x, planner, columns, "features")
        if len(x.shape) != 3 or x.shape[1] > length:
            raise ValueError(
                f"PositionalEmbedding: input has shape {x.shape}; "
                f"it must be (batch, time up to {length}, {columns})"
            )
        x = planner.activation(x)
        batch, time, _ = x.shape
        weight = self.weight[:time]
        y = planner.value(*x.shape)
        sizes = {"rows": batch, "columns": time * columns}
        planner.call("add", {"a": x, "b": weight, "sum": y}, sizes)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            planner.keep(gradient)
            flat = gradient.reshaped(batch, time * columns)
            # What lies beyond `time` stays the zero it is at first, or what a longer batch left.
            weight_gradient = self.gradient_of("weight")
            if time < length:
                planner.action(_zero, weight_gradient[time:])
            column_sums(planner, flat, time * columns, weight_gradient[:time])
            planner.add_gradient(x, gradient)

        planner.on_backward(backward)
        return y

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"


def _zero(out: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    out.fill(0)
