"""Copying optimizer state from one mapping {name: {slot: array}} to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import kind_of

State = Mapping[str, Mapping[str, Any]]


class ReadOnly(Mapping[str, Any]):
    """A dict that can't be changed. Copies and pickles are plain dicts."""

    __slots__ = ("_entries",)

    def __init__(self, entries: dict[str, Any]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return repr(self._entries)

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (self._entries,))


def copy_state(target: State, source: State) -> None:
    """Write the numbers of `source` to the arrays of `target`, after checking all of them.

    Raises
    ------
    TypeError, ValueError
        If names, slots, shapes or dtypes differ; `target` is as it was then.
    """
    check_mappings(source)
    _check_names("state", "parameter", target, source)
    pairs = []
    for name, slots in target.items():
        _check_names(f"state[{name!r}]", "slot", slots, source[name])
        for slot, array in slots.items():
            place = f"state[{name!r}][{slot!r}]"
            value = np.asanyarray(source[name][slot])
            if value.shape != array.shape or not is_same_dtype(array, value):
                raise ValueError(
                    f"{place} has shape {value.shape} and dtype {_dtype_name(value)}; "
                    f"it must have shape {array.shape} and dtype {_dtype_name(array)}"
                )
            if array.ndim == 0:
                check_scalar(place, slot, value)
            # Writing to one array must not change a source that is read later.
            value = raw_bits(value)
            pairs.append(
                (raw_bits(array), value.copy() if np.may_share_memory(array, value) else value)
            )
    for array, value in pairs:
        array[...] = value


def _dtype_name(array: Array) -> str:
    return kind_of(array) or str(array.dtype)


def is_same_dtype(array: Array, value: Array) -> bool:
    """Whether the numbers of both are of one dtype, however they are declared."""
    if array.dtype == value.dtype and kind_of(value) == kind_of(array):
        return True
    # Of bfloat16 there are ml_dtypes' arrays, declared bits, and what file formats without
    # bfloat16 make of both: bits.
    return kind_of(array) == "bfloat16" and (
        kind_of(value) == "bfloat16" or value.dtype == np.uint16
    )


def raw_bits(array: Array) -> Array:
    """Return an array that NumPy copies to its like as it is."""
    return np.asarray(array).view(np.uint16) if array.dtype.itemsize == 2 else array


def check_mappings(state: Any) -> None:
    """Raise TypeError unless this is a mapping of mappings."""
    if not isinstance(state, Mapping):
        raise TypeError(f"state is a {type(state).__name__}; it must be a mapping")
    for name, slots in state.items():
        if not isinstance(slots, Mapping):
            raise TypeError(f"state[{name!r}] is a {type(slots).__name__}; it must be a mapping")


def pending_copy(name: Any, slots: Mapping[str, Any]) -> dict[str, Array]:
    """Return a copy of a state whose parameter, and so what fits it, isn't known yet.

    Raises
    ------
    TypeError, ValueError
        If it can't be the state of any parameter.
    """
    if not isinstance(name, str):
        raise TypeError(f"state has the name {name!r}; names must be str")
    for slot, value in slots.items():
        place = f"state[{name!r}][{slot!r}]"
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{place} is a {type(value).__name__}; it must be an array")
        if value.ndim == 0:
            check_scalar(place, slot, value)
    if "step" not in slots or slots["step"].ndim != 0:
        raise ValueError(f"state[{name!r}]: slot 'step', an array without axes, is missing")
    return {slot: value.copy() for slot, value in slots.items()}


def check_scalar(place: str, slot: str, value: Any) -> None:
    """Raise ValueError if a slot that counts something has an impossible value."""
    if slot in ("step", "micro_batches"):
        count = float(value)
        # Beyond 2**53 a float64 no longer counts.
        if not 0 <= count <= 2**53 or count != int(count):
            raise ValueError(f"{place} is {count}; it must be a whole number >= 0")
    if slot == "samples" and not 0 <= float(value) < float("inf"):
        raise ValueError(f"{place} is {float(value)}; it must be finite and >= 0")


def _check_names(
    place: str, kind: str, target: Mapping[str, Any], source: Mapping[str, Any]
) -> None:
    for name in target:
        if name not in source:
            raise ValueError(f"{place}: {kind} {name!r} is missing")
    for name in source:
        if name not in target:
            raise ValueError(f"{place}: {kind} {name!r} is unknown to this optimizer")
