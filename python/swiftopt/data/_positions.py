"""Which samples are meant, and where they go."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from swiftopt._arrays import Array


def positions(key: Any, count: int) -> tuple[Array, bool]:
    """Return the samples of a subscript in int64, and whether it is a single one.

    An integer, a slice, or a sequence of integers or of `count` truth values; negative ones count
    from the end.
    """
    if isinstance(key, slice):
        return np.arange(*key.indices(count)), False
    if hasattr(key, "__index__") and np.ndim(key) == 0:
        given = np.array([index(key)])
        is_single = True
    else:
        given = np.asarray(key)
        is_single = False
        if given.dtype == bool and given.shape == (count,):
            given = np.flatnonzero(given)
        if not given.size:
            return np.zeros(0, np.int64), False
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise IndexError(
            f"indices have dtype {given.dtype} and shape {given.shape}; they must be integers "
            "along one axis"
        )
    outside = (given >= count) | (given < -count)
    if outside.any():
        raise IndexError(f"index {given[outside][0]} is out of range; there are {count} samples")
    result = given.astype(np.int64)
    return np.where(result < 0, result + count, result), is_single


def rows_for(
    function: str, count: int, sample: tuple[int, ...], dtype: np.dtype[Any], out: Array | None
) -> Array:
    """Return `out`, checked, or a new array for so many samples if it is None."""
    shape = (count, *sample)
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != dtype:
        has = f"{out.shape} of {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ValueError(f"{function}: out is {has}; it must be {shape} of {dtype}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"{function}: out must be C-contiguous and writable")
    return out
