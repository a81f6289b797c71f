"""The hyperbolic tangent."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._elementwise import backward, forward


def tanh(x: Any, *, out: Array | None = None) -> Array:
    """Return tanh(x), for each element.

    Within 2.5 units of the last place (ULP), the same bits on every machine.

    Parameters
    ----------
    x : array of any shape
        float32, float64 or bfloat16, C-contiguous.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        tanh(x).

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
    >>> F.tanh(np.array([-1.0, 0.0, 2.0])).round(6).tolist()
    [-0.761594, 0.0, 0.964028]
    """
    return forward("tanh", x, out)


def tanh_backward(grad_output: Any, output: Any, *, out: Array | None = None) -> Array:
    """Return the gradient with respect to what `tanh` got.

    It is grad_output times 1 - output².

    Parameters
    ----------
    grad_output : array of any shape
        The gradient with respect to what `tanh` returned.
    output : array of that shape and dtype
        What `tanh` returned.
    out : array, optional
        Where to write, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array
        The gradient.

    Raises
    ------
    TypeError, ValueError
        As `tanh`, and if shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.tanh_backward(np.array([1.0, 1.0]), np.array([0.0, 0.5])).tolist()
    [1.0, 0.75]
    """
    return backward("tanh_backward", grad_output, "output", output, out)
