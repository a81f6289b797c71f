"""Matrix products of layers: y = x weightᵀ + bias over the last axis, and its gradients."""

from __future__ import annotations

from typing import Protocol

from swiftopt._arrays import Array
from swiftopt.nn._fusion import column_sums
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value


class Dense(Protocol):
    """A layer with a weight (outputs, ..., inputs) and maybe a bias (outputs)."""

    weight: Array
    bias: Array | None

    def gradient_of(self, name: str) -> Array:
        """Return the array for a gradient."""


def product(
    planner: Planner,
    a: Operand,
    b: Operand,
    c: Operand,
    shape: tuple[int, int, int],
    a_transposed: bool = False,
    b_transposed: bool = False,
    beta: float = 0.0,
    **arrays: Operand,
) -> None:
    """Record c (rows, columns) = op(a) op(b) + beta c over depth, all dense."""
    rows, columns, depth = shape
    planner.call(
        "matmul",
        {"a": a, "b": b, "c": c, **arrays},
        {
            "rows": rows,
            "columns": columns,
            "depth": depth,
            "a_stride": rows if a_transposed else depth,
            "b_stride": depth if b_transposed else columns,
            "c_stride": columns,
        },
        {
            "a_is_transposed": float(a_transposed),
            "b_is_transposed": float(b_transposed),
            "beta": beta,
        },
    )


def dense(planner: Planner, layer: Dense, x: Value) -> Value:
    """Record a layer's product, and its gradients."""
    # Once for both products that read it, each of which would else round it while packing.
    x = planner.activation(x)
    outputs, inputs = layer.weight.shape[0], layer.weight.shape[-1]
    rows = x.count // inputs
    y = planner.value(*x.shape[:-1], outputs)
    product(
        planner, x, layer.weight, y, (rows, outputs, inputs), b_transposed=True, bias=layer.bias
    )

    def backward() -> None:
        gradient = planner.gradient(y)
        if gradient is None:
            return
        if layer.bias is not None:
            column_sums(planner, gradient, outputs, layer.gradient_of("bias"))
        weight_gradient = layer.gradient_of("weight")
        product(planner, gradient, x, weight_gradient, (outputs, inputs, rows), a_transposed=True)
        x_gradient = planner.value(*x.shape)
        product(planner, gradient, layer.weight, x_gradient, (rows, inputs, outputs))
        planner.add_gradient(x, x_gradient)

    planner.on_backward(backward)
    return y
