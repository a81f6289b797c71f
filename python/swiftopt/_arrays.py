"""Turning what callers hand over into NumPy arrays, without copying."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def as_array(value: object, what: str) -> Array:
    """Return `value` as an array that shares its memory.

    Arrays come back as they are (subclasses too), tensors of other libraries through
    DLPack, and Python numbers as new 0-d arrays, for gradients of 0-d parameters.

    Raises
    ------
    TypeError
        If `value` is none of these, or lives on another device. `what` names it.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, float | int | np.number) and not isinstance(value, bool):
        return np.asarray(value, dtype=getattr(value, "dtype", np.float64))
    if hasattr(value, "__dlpack__"):
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise TypeError(f"{what} can't be shared through DLPack: {error}") from error
    if isinstance(value, memoryview) or hasattr(value, "__buffer__"):
        return np.asarray(value)
    raise TypeError(f"{what} is a {type(value).__name__}; it must be an array")


def as_parameter(value: object, what: str) -> Array:
    """Return `value` as an array that can be updated in place; a number can't."""
    if isinstance(value, float | int | np.generic):
        raise TypeError(
            f"{what} is a {type(value).__name__}, which can't be changed in place; "
            "it must be an array (np.array(value) for a single number)"
        )
    return as_array(value, what)
