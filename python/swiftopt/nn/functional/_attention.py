"""Scaled dot-product attention."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number, number_kind, run, same_shape, value
from swiftopt.nn.functional._arrays import output as destination


def _sizes(function: str, qkv: Array, num_heads: int) -> tuple[int, int, int, int]:
    """Return batch, time, heads and head_dim."""
    if qkv.ndim != 3:
        raise ValueError(
            f"{function}: qkv has shape {qkv.shape}; it must have the axes batch, time and "
            "3 * features"
        )
    batch, time, width = qkv.shape
    if num_heads < 1 or width == 0 or width % (3 * num_heads) != 0:
        raise ValueError(
            f"{function}: qkv has {width} features, which can't be shared out over queries, keys "
            f"and values of {num_heads} heads"
        )
    return batch, time, num_heads, width // (3 * num_heads)


def _settings(is_causal: bool, scale: float | None, head_dim: int) -> tuple[float, float]:
    return float(is_causal), head_dim**-0.5 if scale is None else scale


def attention(
    qkv: Any,
    num_heads: int,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    out: Array | None = None,
    log_sum_exp: Array | None = None,
) -> Array:
    """Return softmax(scale Q Kᵀ) V of every head of self-attention.

    Scores are computed for some queries at a time and never stored whole (Dao et al. 2022,
    "FlashAttention"). Softmax is float32 for bfloat16 values; products of bfloat16 values take
    probabilities rounded to bfloat16.

    Parameters
    ----------
    qkv : array of shape (batch, time, 3 * num_heads * head_dim)
        Queries, keys and values of all heads, as one product with the input gives them:
        float32, float64 or bfloat16, up to 2^20 times.
    num_heads : int
    is_causal : bool
        Whether a query sees no later key.
    scale : float, optional
        1 / √head_dim if it is None (Vaswani et al. 2017, "Attention is all you need", eq. 1).
    out : array of shape (batch, time, num_heads * head_dim), optional
        Where to write the result, of the dtype of `qkv`.
    log_sum_exp : array of shape (batch, num_heads, time), optional
        Where to write the logarithm of each query's Σ e^score, which `attention_backward`
        needs: float64 for float64 values, else float32.

    Returns
    -------
    array of shape (batch, time, num_heads * head_dim) and the dtype of `qkv`

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit, or an array is not contiguous, or read-only or overlapping where it
        is written.

    Examples
    --------
    The first of two times sees itself alone, the second both equally:

    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> qkv = np.array([[[0.0, 1.0, 4.0], [0.0, 1.0, 6.0]]])
    >>> F.attention(qkv, 1, is_causal=True).tolist()
    [[[4.0], [5.0]]]
    """
    name = "attention"
    given, kind = value(name, "qkv", qkv)
    sizes = batch, time, heads, dim = _sizes(name, given, num_heads)
    result = destination(name, "out", out, (batch, time, heads * dim), kind)
    saved = None
    if log_sum_exp is not None:
        saved = destination(
            name, "log_sum_exp", log_sum_exp, (batch, heads, time), number_kind(kind)
        )
    run(name, (given, result, saved), sizes, _settings(is_causal, scale, dim))
    return result


def attention_backward(
    grad_output: Any,
    qkv: Any,
    output: Any,
    log_sum_exp: Any,
    num_heads: int,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    out: Array | None = None,
) -> Array:
    """Return the gradient of `attention` with respect to queries, keys and values.

    Parameters
    ----------
    grad_output : array of shape (batch, time, num_heads * head_dim)
        The gradient with respect to what `attention` gave.
    qkv, num_heads, is_causal, scale
        What it got.
    output : array of the shape of `grad_output`
        What it gave.
    log_sum_exp : array of shape (batch, num_heads, time)
        What it wrote there.
    out : array, optional
        Where to write the result, of the shape and dtype of `qkv`.

    Returns
    -------
    array of the shape and dtype of `qkv`

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit, or an array is not contiguous, or read-only or overlapping where it
        is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> qkv = np.array([[[0.0, 1.0, 4.0], [0.0, 1.0, 6.0]]])
    >>> saved = np.empty((1, 1, 2))
    >>> y = F.attention(qkv, 1, is_causal=True, log_sum_exp=saved)
    >>> dy = np.array([[[0.0], [1.0]]])
    >>> F.attention_backward(dy, qkv, y, saved, 1, is_causal=True).round(12).tolist()
    [[[0.0, 0.0, 0.5], [0.0, 0.0, 0.5]]]
    """
    name = "attention_backward"
    given, kind = value(name, "qkv", qkv)
    sizes = batch, time, heads, dim = _sizes(name, given, num_heads)
    shape = (batch, time, heads * dim)
    gradient, _ = value(name, "grad_output", grad_output, like=kind)
    attended, _ = value(name, "output", output, like=kind)
    saved = number(name, "log_sum_exp", log_sum_exp, kind)
    same_shape(name, "grad_output", gradient, "the output", shape)
    same_shape(name, "output", attended, "the output", shape)
    same_shape(name, "log_sum_exp", saved, "the queries", (batch, heads, time))
    result = destination(name, "out", out, given.shape, kind)
    run(name, (gradient, given, attended, saved, result), sizes, _settings(is_causal, scale, dim))
    return result
