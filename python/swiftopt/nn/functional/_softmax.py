"""Softmax."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import output as destination
from swiftopt.nn.functional._arrays import rows, run, same_shape, value


def _rows(function: str, array: Array) -> tuple[int, int]:
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(
            f"{function}: x has shape {array.shape}; its last axis must have at least 1 element"
        )
    return rows(function, array, "features")


def softmax(x: Any, *, out: Array | None = None) -> Array:
    """Return e^x / Σ e^x along the last axis.

    The greatest of each row is subtracted first, which changes no result but overflow. Sums are
    float64.

    Parameters
    ----------
    x : array of shape (..., features)
        float32, float64 or bfloat16. Minus infinity gives 0; a row of nothing else, or with
        infinity, gives NaN, as in torch.
    out : array, optional
        Where to write the result, of the shape and dtype of `x`, which it may be itself.

    Returns
    -------
    array of the shape and dtype of `x`
        Each row sums up to 1.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If the last axis is empty, `out` has another shape, or an array is not contiguous, or
        read-only or overlapping where it is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.softmax(np.log([[1.0, 2.0, 5.0], [3.0, 0.5, 0.5]])).round(15).tolist()
    [[0.125, 0.25, 0.625], [0.75, 0.125, 0.125]]
    """
    name = "softmax"
    given, kind = value(name, "x", x)
    sizes = _rows(name, given)
    result = destination(name, "out", out, given.shape, kind)
    run(name, (given, result), sizes)
    return result


def softmax_backward(grad_output: Any, output: Any, *, out: Array | None = None) -> Array:
    """Return the gradient of `softmax` with respect to its input, y (dy - Σ y dy).

    Parameters
    ----------
    grad_output : array of shape (..., features)
        dy, the gradient with respect to what `softmax` gave.
    output : array of the same shape and dtype
        y, what it gave.
    out : array, optional
        Where to write the result, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array of the shape and dtype of `grad_output`

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes differ, the last axis is empty, or an array is not contiguous, or read-only or
        overlapping where it is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.softmax_backward(np.array([1.0, 0.0]), np.array([0.25, 0.75])).tolist()
    [0.1875, -0.1875]
    """
    name = "softmax_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    given, _ = value(name, "output", output, like=kind)
    same_shape(name, "output", given, "grad_output", gradient.shape)
    sizes = _rows(name, gradient)
    result = destination(name, "out", out, gradient.shape, kind)
    run(name, (gradient, given, result), sizes)
    return result
