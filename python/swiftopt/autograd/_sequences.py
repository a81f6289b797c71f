"""Softmax, attention and embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.autograd._primitive import Gradients, Saved, layer
from swiftopt.nn import functional


def _softmax(saved: Saved, x: Array) -> Array:
    return functional.softmax(x)


def _softmax_backward(
    saved: Saved, wanted: tuple[bool, ...], grad: Array, result: Array, x: Array
) -> Gradients:
    return (functional.softmax_backward(grad, result),)


def _attention(saved: Saved, qkv: Array, *, num_heads: int, **settings: Any) -> Array:
    log_sum_exp = None
    if saved is not None:
        batch, time, _ = qkv.shape if qkv.ndim == 3 else (0, 0, 0)
        log_sum_exp = saved["log_sum_exp"] = np.empty((batch, num_heads, time), qkv.dtype)
    return functional.attention(qkv, num_heads, log_sum_exp=log_sum_exp, **settings)


def _attention_backward(
    saved: dict[str, Array],
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    qkv: Array,
    *,
    num_heads: int,
    **settings: Any,
) -> Gradients:
    found = functional.attention_backward(
        grad, qkv, result, saved["log_sum_exp"], num_heads, **settings
    )
    return (found,)


def _embedding(saved: Saved, indices: Array, weight: Array) -> Array:
    return functional.embedding(indices, weight)


def _embedding_backward(
    saved: Saved, wanted: tuple[bool, ...], grad: Array, result: Array, *arrays: Array
) -> Gradients:
    indices, weight = arrays
    return None, functional.embedding_backward(grad, indices, weight.shape[0])


_softmax_layer = layer("softmax", _softmax, _softmax_backward)
_attention_layer = layer("attention", _attention, _attention_backward)
_embedding_layer = layer("embedding", _embedding, _embedding_backward)


def softmax(x: Any) -> Any:
    """Return e^x / Σ e^x along the last axis; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.log(np.array([1.0, 3.0]))
    >>> autograd.grad(lambda x: soa.softmax(x)[0])(x).round(12).tolist()
    [0.1875, -0.1875]
    """
    return _softmax_layer(x)


def attention(
    qkv: Any, num_heads: int, *, is_causal: bool = False, scale: float | None = None
) -> Any:
    """Return softmax(scale Q Kᵀ) V of every head of self-attention; differentiable in qkv.

    `qkv` (batch, time, 3 * features) holds queries, keys and values of all heads.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> qkv = np.array([[[0.0, 1.0, 4.0], [0.0, 1.0, 6.0]]])
    >>> def second(qkv):
    ...     return soa.attention(qkv, 1, is_causal=True)[0, 1, 0]
    >>> autograd.grad(second)(qkv).round(12).tolist()
    [[[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]]]
    """
    return _attention_layer(qkv, num_heads=num_heads, is_causal=is_causal, scale=scale)


def embedding(indices: Any, weight: Any) -> Any:
    """Return the rows of `weight` that indices name; differentiable in `weight`.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> def total(weight):
    ...     return np.sum(soa.embedding(np.array([2, 0, 2]), weight))
    >>> autograd.grad(total)(np.zeros((3, 1))).tolist()
    [[1.0], [0.0], [2.0]]
    """
    return _embedding_layer(indices, weight)
