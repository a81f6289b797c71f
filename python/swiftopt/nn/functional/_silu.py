"""The sigmoid linear unit, also called swish."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._elementwise import backward, forward


def silu(x: Any, *, out: Array | None = None) -> Array:
    """Return x / (1 + e^-x), for each element.

    Within 3.1 units of the last place (ULP). Source: Elfwing, Uchibe & Doya 2018,
    "Sigmoid-weighted linear units for neural network function approximation".

    Parameters
    ----------
    x : array of any shape
        float32, float64 or bfloat16, C-contiguous.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        x / (1 + e^-x).

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If `out` has another shape, is read-only or overlaps `x` in part, or an array is not
        contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.silu(np.array([-1.0, 0.0, 2.0])).round(6).tolist()
    [-0.268941, 0.0, 1.761594]
    """
    return forward("silu", x, out)


def silu_backward(grad_output: Any, x: Any, *, out: Array | None = None) -> Array:
    """Return the gradient with respect to what `silu` got.

    It is grad_output times s (1 + x (1 - s)), where s = sigmoid(x); within 2 ULP of 1.

    Parameters
    ----------
    grad_output : array of any shape
        The gradient with respect to what `silu` returned.
    x : array of that shape and dtype
        What `silu` got.
    out : array, optional
        Where to write, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array
        The gradient.

    Raises
    ------
    TypeError, ValueError
        As `silu`, and if shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.silu_backward(np.array([1.0, 1.0]), np.array([0.0, 2.0])).round(6).tolist()
    [0.5, 1.090784]
    """
    return backward("silu_backward", grad_output, "x", x, out)
