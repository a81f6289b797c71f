"""A dense layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.autograd._primitive import Gradients, Saved, layer
from swiftopt.nn import functional


def _forward(saved: Saved, x: Array, weight: Array, bias: Array | None) -> Array:
    return functional.linear(x, weight, bias)


def _backward(
    saved: Saved,
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    x: Array,
    weight: Array,
    bias: Array | None,
) -> Gradients:
    x_gradient = weight_gradient = bias_gradient = None
    if wanted[0]:
        x_gradient = functional.linear_backward_input(grad, weight)
    if wanted[1] or wanted[2]:
        if bias is not None and wanted[2]:
            bias_gradient = np.empty_like(bias)
        weight_gradient = functional.linear_backward_weight(grad, x, grad_bias=bias_gradient)
    return x_gradient, weight_gradient, bias_gradient


_linear = layer("linear", _forward, _backward)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Return x weightᵀ + bias over the last axis; differentiable in all three arrays.

    `weight` is (out_features, in_features), `bias` (out_features,).

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    >>> soa.linear(x, weight, np.ones(1)).tolist()
    [[12.0]]
    >>> autograd.grad(lambda w: soa.linear(x, w)[0, 0])(weight).tolist()
    [[1.0, 2.0]]
    """
    return _linear(x, weight, bias)
