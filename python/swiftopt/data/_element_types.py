"""The dtypes that native code converts between."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import BFloat16View, kind_of, kind_of_dtype

# so_dtype of swiftopt.h
BYTES = 7
_BFLOAT16 = 4
_NUMBERS = {
    "float32": 1, "float64": 2, "float16": 3, "uint8": 7, "int32": 8, "int64": 9, "uint64": 10,
    "int8": 11, "int16": 12, "uint16": 13, "uint32": 14,
}  # fmt: skip
FLOATS = (1, 2, 3, _BFLOAT16)
# What holds every value of the other.
_WIDER = {8: (7, 11, 12, 13), 9: (7, 8, 11, 12, 13, 14)}


def number_of(dtype: np.dtype[Any]) -> int | None:
    """Return a dtype's so_dtype; None if native code can only copy it."""
    if not dtype.isnative:
        return None
    if kind_of_dtype(dtype) == "bfloat16":
        return _BFLOAT16
    return BYTES if dtype == np.bool_ else _NUMBERS.get(dtype.name)


def number_of_array(array: Array) -> int | None:
    """Return the so_dtype of an array, which may be a view of bfloat16's bits."""
    return _BFLOAT16 if kind_of(array) == "bfloat16" else number_of(array.dtype)


def is_convertible(number: int, out_number: int) -> bool:
    """Return whether native code converts the one to the other."""
    return out_number in FLOATS or number == out_number or number in _WIDER.get(out_number, ())


def output_dtype(dtype: object, what: str) -> tuple[np.dtype[Any], int]:
    """Return the dtype that a caller names, as arrays have it, and its so_dtype.

    "bfloat16" is the dtype of ml_dtypes if that is installed, else the bits as uint16.
    """
    if isinstance(dtype, str) and dtype == "bfloat16":
        try:
            import ml_dtypes
        except ImportError:
            return np.dtype(np.uint16), _BFLOAT16
        return np.dtype(ml_dtypes.bfloat16), _BFLOAT16
    try:
        named = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError as error:
        raise TypeError(f"{what} is {dtype!r}; it must be a dtype") from error
    number = number_of(named)
    if number is None or named == np.bool_:
        raise TypeError(f"{what} is {named}; it must be a floating-point or an integer dtype")
    return named, number


def aligned_array(shape: tuple[int, ...], dtype: np.dtype[Any], number: int) -> Array:
    """Return a new array of any content that begins at a multiple of 64 bytes."""
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    array = memory[start : start + size].view(dtype).reshape(shape)
    if number == _BFLOAT16 and dtype == np.uint16:
        return array.view(BFloat16View)
    return array
