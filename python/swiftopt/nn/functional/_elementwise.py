"""What activations share."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import output, run, same_shape, value


def forward(function: str, x: Any, out: Array | None, settings: tuple[float, ...] = ()) -> Array:
    """Return a function of each element of `x`."""
    given, kind = value(function, "x", x)
    target = output(function, "out", out, given.shape, kind)
    run(function, (given, target), (given.size,), settings)
    return target


def backward(
    function: str,
    grad_output: Any,
    name: str,
    saved: Any,
    out: Array | None,
    settings: tuple[float, ...] = (),
) -> Array:
    """Return the gradient of each element, from what was saved of the forward pass."""
    gradient, kind = value(function, "grad_output", grad_output)
    kept, _ = value(function, name, saved, like=kind)
    same_shape(function, name, kept, "grad_output", gradient.shape)
    target = output(function, "out", out, gradient.shape, kind)
    run(function, (gradient, kept, target), (gradient.size,), settings)
    return target
