"""The rectified linear unit."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._elementwise import backward, forward


def relu(x: Any, *, out: Array | None = None) -> Array:
    """Return max(x, 0), for each element.

    Exact. NaN stays NaN. Source: Nair & Hinton 2010, "Rectified linear units improve
    restricted Boltzmann machines".

    Parameters
    ----------
    x : array of any shape
        float32, float64 or bfloat16, C-contiguous.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        max(x, 0).

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
    >>> F.relu(np.array([-1.0, 0.0, 2.0])).tolist()
    [0.0, 0.0, 2.0]
    """
    return forward("relu", x, out)


def relu_backward(grad_output: Any, output: Any, *, out: Array | None = None) -> Array:
    """Return the gradient with respect to what `relu` got.

    It is grad_output where `output` is positive, and 0 elsewhere, whatever grad_output is there.

    Parameters
    ----------
    grad_output : array of any shape
        The gradient with respect to what `relu` returned.
    output : array of that shape and dtype
        What `relu` returned.
    out : array, optional
        Where to write, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array
        The gradient.

    Raises
    ------
    TypeError, ValueError
        As `relu`, and if shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.relu_backward(np.array([3.0, 3.0]), np.array([0.0, 2.0])).tolist()
    [0.0, 3.0]
    """
    return backward("relu_backward", grad_output, "output", output, out)
