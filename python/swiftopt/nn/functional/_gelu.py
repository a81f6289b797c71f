"""The Gaussian error linear unit."""

from __future__ import annotations

from typing import Any, Literal

from swiftopt._arrays import Array
from swiftopt.nn.functional._elementwise import backward, forward


def gelu(
    x: Any, approximate: Literal["none", "tanh"] = "none", *, out: Array | None = None
) -> Array:
    """Return x Φ(x), for each element, where Φ is the normal distribution function.

    Within 7 units of the last place, also for negative x, where x (1 + erf(x / √2)) / 2 would be
    all rounding error. Source: Hendrycks & Gimpel 2016, "Gaussian error linear units".

    Parameters
    ----------
    x : array of any shape
        float32, float64 or bfloat16, C-contiguous.
    approximate : {"none", "tanh"}, default "none"
        "tanh": x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2 instead, which differs by up to 0.0005.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        x Φ(x).

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If `out` has another shape, is read-only or overlaps `x` in part, an array is not
        contiguous, or `approximate` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.gelu(np.array([-1.0, 0.0, 2.0])).round(6).tolist()
    [-0.158655, 0.0, 1.9545]
    >>> F.gelu(np.array([-1.0, 0.0, 2.0]), "tanh").round(6).tolist()
    [-0.158808, 0.0, 1.954598]
    """
    return forward("gelu", x, out, _settings("gelu", approximate))


def gelu_backward(
    grad_output: Any,
    x: Any,
    approximate: Literal["none", "tanh"] = "none",
    *,
    out: Array | None = None,
) -> Array:
    """Return the gradient with respect to what `gelu` got.

    It is grad_output times Φ(x) + x φ(x), with the normal density φ; within 2 units in the last
    place of 1.

    Parameters
    ----------
    grad_output : array of any shape
        The gradient with respect to what `gelu` returned.
    x : array of that shape and dtype
        What `gelu` got.
    approximate : {"none", "tanh"}, default "none"
        As `gelu` had it.
    out : array, optional
        Where to write, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array
        The gradient.

    Raises
    ------
    TypeError, ValueError
        As `gelu`, and if shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.gelu_backward(np.array([1.0, 1.0]), np.array([0.0, 2.0])).round(6).tolist()
    [0.5, 1.085232]
    """
    settings = _settings("gelu_backward", approximate)
    return backward("gelu_backward", grad_output, "x", x, out, settings)


def _settings(function: str, approximate: str) -> tuple[float, ...]:
    if approximate not in ("none", "tanh"):
        raise ValueError(f"{function}: approximate is {approximate!r}; it must be 'none' or 'tanh'")
    return (float(approximate == "tanh"),)
