"""The floating dtypes of arrays, bfloat16 among them, which NumPy doesn't have."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from swiftopt._arrays import Array

KINDS = ("float32", "float64", "float16", "bfloat16")

_KIND_OF_DTYPE = {np.dtype(kind): kind for kind in ("float32", "float64", "float16")}
_SIZES = {"float32": 4, "float64": 8, "float16": 2, "bfloat16": 2}


class BFloat16View(np.ndarray[Any, np.dtype[np.uint16]]):
    """A uint16 array whose elements are the bits of bfloat16 numbers; see `bfloat16_view`.

    To NumPy it is a uint16 array: arithmetic with it is arithmetic with the bits.
    """


def bfloat16_view(array: Array) -> BFloat16View:
    """Declare the elements of a uint16 array to be the bits of bfloat16 numbers.

    For bfloat16 without the package ml_dtypes, whose arrays need no declaration.

    Parameters
    ----------
    array : uint16 array
        Each element is the upper half of a float32.

    Returns
    -------
    BFloat16View
        The same memory. Parameters, gradients and published copies may be such views.

    Raises
    ------
    TypeError
        If `array` is not a uint16 array in the native byte order.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> bits = np.array([0x3F80, 0x4000], np.uint16)  # 1.0 and 2.0
    >>> optimizer = so.SGD([so.bfloat16_view(bits)], lr=1.0)
    >>> report = optimizer.step([np.array([0.5, 1.0], np.float32)])
    >>> [hex(element) for element in bits.tolist()]  # 0.5 and 1.0
    ['0x3f00', '0x3f80']
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint16:
        is_array = isinstance(array, np.ndarray)
        given = f"has dtype {array.dtype}" if is_array else f"is a {type(array).__name__}"
        raise TypeError(f"array {given}; it must be a uint16 array of the bits of bfloat16")
    return array.view(BFloat16View)


def kind_of_dtype(dtype: np.dtype[Any]) -> str | None:
    """Return which of `KINDS` a dtype is; None for any other."""
    kind = _KIND_OF_DTYPE.get(dtype)
    if kind is None:
        # Whoever has an array of this dtype has imported its package.
        ml_dtypes = sys.modules.get("ml_dtypes")
        if ml_dtypes is not None and dtype == ml_dtypes.bfloat16:
            return "bfloat16"
    return kind


def kind_of(array: Array) -> str | None:
    """Return which of `KINDS` the elements of an array are; None for any other."""
    # The views of a view have its class, whatever their dtype is.
    if isinstance(array, BFloat16View) and array.dtype == np.uint16:
        return "bfloat16"
    return kind_of_dtype(array.dtype)


def parameter_kind(array: Array, what: str) -> str:
    """Return the kind of a parameter; TypeError, beginning with `what`, if it has none."""
    kind = kind_of(array)
    if kind is not None:
        return kind
    if not array.dtype.isnative and kind_of_dtype(array.dtype.newbyteorder("=")) is not None:
        raise TypeError(
            f"{what} has the non-native byte order of dtype {array.dtype}; store it in the "
            "native one first (a copy here would be updated in its place)"
        )
    is_bits = array.dtype == np.uint16
    raise TypeError(
        f"{what} has dtype {array.dtype}; it must be float32, float64, float16 or bfloat16"
        + (" (so.bfloat16_view(array) declares bits of bfloat16)" if is_bits else "")
    )


def size_of(kind: str) -> int:
    """Return the bytes of one element."""
    return _SIZES[kind]


def computation_kind(kind: str) -> str:
    """Return what a parameter of this kind is computed in."""
    return "float64" if kind == "float64" else "float32"


def zeros(shape: tuple[int, ...], kind: str) -> Array:
    """Return a new array of zeros. Those of bfloat16 are ml_dtypes' if that is installed."""
    if kind != "bfloat16":
        return np.zeros(shape, kind)
    try:
        import ml_dtypes
    except ImportError:
        return bfloat16_view(np.zeros(shape, np.uint16))
    return np.zeros(shape, ml_dtypes.bfloat16)


def decoded(array: Array) -> Array:
    """Return the numbers as float64 or float32: `array` itself, or a copy if it is neither."""
    kind = kind_of(array)
    if kind == "bfloat16":
        bits = np.asarray(array).view(np.uint16).astype(np.uint32)
        bits <<= 16
        return bits.view(np.float32)
    return array.astype(np.float32) if kind == "float16" else array


def write(target: Array, values: Array | float) -> None:
    """Store numbers in an array of any kind, rounded to the nearest, ties to even."""
    if kind_of(target) == "bfloat16":
        np.asarray(target).view(np.uint16)[...] = _bfloat16_bits(np.asarray(values, np.float32))
    else:
        with np.errstate(over="ignore"):  # beyond float16's range lies infinity
            target[...] = values


def _bfloat16_bits(values: Array) -> Array:
    bits = values.view(np.uint32).astype(np.uint64)  # wide, so that the sum can't wrap
    # Half of a bfloat16's last place, or just less than that where it is even already.
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    # A NaN could round to infinity; its top bits stay one if one bit of them is set.
    rounded = np.where(np.isnan(values), (bits >> 16) | 0x40, rounded)
    return rounded.astype(np.uint16)
