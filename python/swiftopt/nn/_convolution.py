"""What dense and depthwise convolutions have in common."""

from __future__ import annotations

from collections.abc import Mapping

from swiftopt.nn._dense import Dense
from swiftopt.nn._fusion import column_sums
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value, functions


def convolution(
    planner: Planner, layer: Dense, function: str, x: Value, y: Value, sizes: Mapping[str, int]
) -> Value:
    """Record a convolution by its name, and its gradients."""
    planner.call(function, {"x": x, "weight": layer.weight, "bias": layer.bias, "y": y}, sizes)

    def backward() -> None:
        gradient = planner.gradient(y)
        if gradient is None:
            return
        name = f"{function}_backward_weight"
        arrays: dict[str, Operand] = {
            "dy": gradient,
            "x": x,
            "dweight": layer.gradient_of("weight"),
        }
        if layer.bias is not None:
            bias_gradient = layer.gradient_of("bias")
            if "dbias" in functions()[name].arrays:
                arrays["dbias"] = bias_gradient
            else:
                column_sums(planner, gradient, y.shape[-1], bias_gradient)
        planner.call(name, arrays, sizes)
        x_gradient = planner.value(*x.shape)
        arrays = {"dy": gradient, "weight": layer.weight, "dx": x_gradient}
        planner.call(f"{function}_backward_input", arrays, sizes)
        planner.add_gradient(x, x_gradient)

    planner.on_backward(backward)
    return y
