"""Sums of arrays."""

from __future__ import annotations

from math import prod

from swiftopt._arrays import Array
from swiftopt.nn.functional import _arrays


def add(a: Array, b: Array, *, out: Array | None = None) -> Array:
    """Return a + b, rounded once.

    Parameters
    ----------
    a : array
        float32, float64 or bfloat16, and C-contiguous.
    b : array
        Of the same dtype, and of the shape of `a` or of its last axes: it is then added to
        each of the first ones.
    out : array, optional
        Where to write; it may be `a`.

    Returns
    -------
    array
        `out`, or a new one.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes don't fit.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt.nn import functional as F
    >>> F.add(np.ones((2, 2), np.float32), np.array([1, 2], np.float32)).tolist()
    [[2.0, 3.0], [2.0, 3.0]]
    """
    a, kind = _arrays.value("add", "a", a)
    b, _ = _arrays.value("add", "b", b, kind)
    rows = prod(a.shape[: a.ndim - b.ndim])
    if a.ndim < b.ndim or a.shape[a.ndim - b.ndim :] != b.shape:
        raise ValueError(
            f"add: b has shape {b.shape}, a has shape {a.shape}; b must have its last axes"
        )
    target = _arrays.output("add", "out", out, a.shape, kind)
    _arrays.run("add", (a, b, target), (rows, b.size))
    return target
