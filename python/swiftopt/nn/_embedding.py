"""Vectors for indices."""

from __future__ import annotations

import numpy as np

from swiftopt.nn import _checks
from swiftopt.nn._initialization import normal
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value


class Embedding(Module):
    """A row of the weight for each index: (...) -> (..., embedding_dim).

    Parameters
    ----------
    num_embeddings : int
        How many rows there are; 0 <= index < num_embeddings.
    embedding_dim : int
        The last axis of the output.
    rng : int or numpy.random.Generator, optional
        For the initial weight, normal as in torch.

    Attributes
    ----------
    weight : array (num_embeddings, embedding_dim)

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.Embedding(256, 8, rng=0)
    >>> y = layer(np.frombuffer(b"text", np.uint8).reshape(1, 4).copy())
    >>> y.shape
    (1, 4, 8)
    >>> bool((y[0, 0] == layer.weight[ord("t")]).all())
    True
    """

    value_names = ("weight",)

    def __init__(self, num_embeddings: int, embedding_dim: int, *, rng: Rng = None) -> None:
        super().__init__()
        rows = _checks.size(self, "num_embeddings", num_embeddings)
        columns = _checks.size(self, "embedding_dim", embedding_dim)
        self.weight = np.empty((rows, columns), np.float32)
        self.reset_parameters(rng)

    def initialize(self, rng: np.random.Generator) -> None:
        """Set the weight."""
        normal(rng, self.weight)

    def input_kind(self) -> str:
        """Return a dtype of indices."""
        return "int64"

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the look-up."""
        if x.kind not in ("uint8", "int32", "int64"):
            raise TypeError(
                f"Embedding: input has dtype {x.kind}; indices must be uint8, int32 or int64"
            )
        rows, columns = self.weight.shape
        sizes = {"count": x.count, "num_embeddings": rows, "dim": columns}
        y = planner.value(*x.shape, columns)
        planner.call("embedding", {"weight": self.weight, "indices": x, "y": y}, sizes)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is not None:
                weight_gradient = self.gradient_of("weight")
                arrays: dict[str, Operand] = {
                    "dy": gradient,
                    "indices": x,
                    "dweight": weight_gradient,
                }
                planner.call("embedding_backward", arrays, sizes)

        planner.on_backward(backward)
        return y

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return f"{self.weight.shape[0]}, {self.weight.shape[1]}"
