"""What every function of a layer does with its arrays."""

from __future__ import annotations

from math import prod

from swiftopt import _core
from swiftopt._arrays import Array, as_array, as_parameter
from swiftopt._dtypes import computation_kind, kind_of, zeros

VALUE_KINDS = ("float32", "float64", "bfloat16")

# Of kind `number`: what values of this kind are computed in.
number_kind = computation_kind


def value(function: str, name: str, array: object, like: str | None = None) -> tuple[Array, str]:
    """Return an argument as an array of values, and its kind.

    Raises TypeError if it is no array of values, or not of the kind `like`.
    """
    given = as_array(array, f"{function}: {name}")
    kind = kind_of(given)
    if kind is None or kind not in VALUE_KINDS:
        must = like or "float32, float64 or bfloat16"
        raise TypeError(f"{function}: {name} has dtype {given.dtype}; it must be {must}")
    if like is not None and kind != like:
        raise TypeError(f"{function}: {name} is {kind}; it must be {like}, as the other values")
    contiguous(function, name, given)
    return given, kind


def number(function: str, name: str, array: object, kind: str) -> Array:
    """Return an argument as an array of numbers that values of `kind` are computed in."""
    given = as_array(array, f"{function}: {name}")
    must = number_kind(kind)
    if kind_of(given) != must:
        raise TypeError(
            f"{function}: {name} has dtype {given.dtype}; it must be {must}, in which "
            f"{kind} values are computed"
        )
    contiguous(function, name, given)
    return given


def contiguous(function: str, name: str, array: Array) -> None:
    """Raise ValueError if an argument isn't one row-major block of memory."""
    if not array.flags.c_contiguous:
        raise ValueError(
            f"{function}: {name} is not C-contiguous; pass np.ascontiguousarray({name}), which "
            "copies"
        )


def per_channel(
    function: str, name: str, array: object, channels: int, kind: str, of: str = "channels"
) -> Array | None:
    """Return an argument as a number for each channel, or None if it is None."""
    if array is None:
        return None
    numbers = number(function, name, array, kind)
    if numbers.shape != (channels,):
        raise ValueError(
            f"{function}: x has {channels} {of}, {name} has shape {numbers.shape}; it must have "
            f"({channels},)"
        )
    return numbers


def same_shape(function: str, name: str, array: Array, other: str, shape: tuple[int, ...]) -> None:
    """Raise ValueError if an argument hasn't the shape of the argument `other`."""
    if array.shape != shape:
        raise ValueError(
            f"{function}: {name} has shape {array.shape}, {other} has shape {shape}; "
            "they must be the same"
        )


def output(function: str, name: str, out: Array | None, shape: tuple[int, ...], kind: str) -> Array:
    """Return where a result of this shape and kind goes: `out`, or a new array if it is None."""
    if out is None:
        return zeros(shape, kind)
    target = as_parameter(out, f"{function}: {name}")
    if target.shape != shape:
        raise ValueError(f"{function}: {name} has shape {target.shape}; it must have {shape}")
    if kind_of(target) != kind:
        raise TypeError(f"{function}: {name} has dtype {target.dtype}; it must be {kind}")
    if not target.flags.c_contiguous:
        raise ValueError(f"{function}: {name} is not C-contiguous; it must be, to be written")
    if not target.flags.writeable:
        raise ValueError(f"{function}: {name} is read-only; it must be writable")
    return target


def rows(function: str, array: Array, last: str = "channels") -> tuple[int, int]:
    """Return the product of all but the last axis's lengths, and the last one."""
    if array.ndim < 1:
        raise ValueError(f"{function}: x has no axis; it must have shape (..., {last})")
    return prod(array.shape[:-1]), array.shape[-1]


def run(
    function: str,
    arrays: tuple[Array | None, ...],
    sizes: tuple[int, ...],
    settings: tuple[float, ...] = (),
) -> None:
    """Call a layer function of the library, which checks all that is left to check."""
    _core.LayerCall(function, arrays, sizes, settings)()
