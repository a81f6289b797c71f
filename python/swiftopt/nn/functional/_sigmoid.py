"""The logistic function."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._elementwise import backward, forward


def sigmoid(x: Any, *, out: Array | None = None) -> Array:
    """Return 1 / (1 + e^-x), for each element.

    Within 2.5 units of the last place (ULP), also where it is small; below e^-87 float32
    values are 0.

    Parameters
    ----------
    x : array of any shape
        float32, float64 or bfloat16, C-contiguous.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        1 / (1 + e^-x).

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
    >>> F.sigmoid(np.array([-1.0, 0.0, 2.0])).round(6).tolist()
    [0.268941, 0.5, 0.880797]
    """
    return forward("sigmoid", x, out)


def sigmoid_backward(grad_output: Any, output: Any, *, out: Array | None = None) -> Array:
    """Return the gradient with respect to what `sigmoid` got.

    It is grad_output times output (1 - output).

    Parameters
    ----------
    grad_output : array of any shape
        The gradient with respect to what `sigmoid` returned.
    output : array of that shape and dtype
        What `sigmoid` returned.
    out : array, optional
        Where to write, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array
        The gradient.

    Raises
    ------
    TypeError, ValueError
        As `sigmoid`, and if shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.sigmoid_backward(np.array([1.0, 1.0]), np.array([0.5, 0.75])).tolist()
    [0.25, 0.1875]
    """
    return backward("sigmoid_backward", grad_output, "output", output, out)
