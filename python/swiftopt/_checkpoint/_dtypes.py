"""The dtypes of tensors in a file, and the arrays that hold them."""

from __future__ import annotations

import sys
from math import prod
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import kind_of, zeros

# safetensors' name: (NumPy's name, the dtype of the array of its bits).
_NAMES = {
    "BOOL": "bool",
    "I8": "int8",
    "U8": "uint8",
    "I16": "int16",
    "U16": "uint16",
    "I32": "int32",
    "U32": "uint32",
    "I64": "int64",
    "U64": "uint64",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
_CODES = {name: code for code, name in _NAMES.items()}
_BUILTIN = {np.dtype(name): code for name, code in _CODES.items() if name != "bfloat16"}
_SIZES = {code: dtype.itemsize for dtype, code in _BUILTIN.items()} | {"BF16": 2}


def code_of(array: Array) -> str | None:
    """Return safetensors' name of an array's dtype; None if a file can't have it."""
    if kind_of(array) == "bfloat16":
        return "BF16"
    if "numpy.ma" in sys.modules and isinstance(array, np.ma.MaskedArray):
        return None  # its mask would be lost
    # The byte order is the machine's in memory; contiguous() sees to that.
    return _BUILTIN.get(array.dtype.newbyteorder("=")) if array.dtype.kind in "biufc" else None


def refusal(place: str, array: Array) -> TypeError:
    """Return the error for an array without such a name."""
    is_masked = isinstance(array, np.ma.MaskedArray)
    what = "is a masked array" if is_masked else f"has dtype {array.dtype}"
    return TypeError(f"{place} {what}, which a checkpoint can't hold")


def is_known(code: str) -> bool:
    """Whether arrays of this dtype can be made."""
    return code in _NAMES


def name_of(code: str) -> str:
    """Return NumPy's name."""
    return _NAMES[code]


def byte_count(code: str, shape: tuple[int, ...]) -> int:
    """Return the bytes of a tensor."""
    return prod(shape) * _SIZES[code]


def empty(code: str, shape: tuple[int, ...]) -> Array:
    """Return a new array with any content; ValueError if NumPy can't have it."""
    if code == "BF16":
        return zeros(shape, "bfloat16")  # of calloc: not touched before it is filled
    return np.empty(shape, _NAMES[code])


def contiguous(array: Array) -> Array:
    """Return the array, or a copy, with its elements in order and in native byte order."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array if array.flags.c_contiguous else np.array(array, order="C", subok=True)


def memory(array: Array) -> memoryview:
    """Return the bytes of a C-contiguous array, whatever its dtype is."""
    # As a flat base-class array: the buffer protocol has no format for bfloat16.
    flat: Any = np.asarray(array).reshape(-1).view(np.uint8)
    return memoryview(flat)
