"""Copying optimizer state from one mapping {name: {slot: array}} to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

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
    if not isinstance(source, Mapping):
        raise TypeError(f"state is a {type(source).__name__}; it must be a mapping")
    _check_names("state", "parameter", target, source)
    pairs = []
    for name, slots in target.items():
        if not isinstance(source[name], Mapping):
            raise TypeError(
                f"state[{name!r}] is a {type(source[name]).__name__}; it must be a mapping"
            )
        _check_names(f"state[{name!r}]", "slot", slots, source[name])
        for slot, array in slots.items():
            value = np.asarray(source[name][slot])
            if value.shape != array.shape or value.dtype != array.dtype:
                raise ValueError(
                    f"state[{name!r}][{slot!r}] has shape {value.shape} and dtype {value.dtype}; "
                    f"it must have shape {array.shape} and dtype {array.dtype}"
                )
            # Writing to one array must not change a source that is read later.
            if array.ndim == 0 and slot == "step":
                _check_step(f"state[{name!r}]['step']", float(value))
            pairs.append((array, value.copy() if np.may_share_memory(array, value) else value))
    for array, value in pairs:
        array[...] = value


def check_names(state: Any) -> None:
    """Raise unless this is a mapping of mappings of arrays."""
    if not isinstance(state, Mapping):
        raise TypeError(f"state is a {type(state).__name__}; it must be a mapping")
    for name, slots in state.items():
        if not isinstance(slots, Mapping) or not all(
            isinstance(value, np.ndarray) for value in slots.values()
        ):
            raise TypeError(f"state[{name!r}] must be a mapping of arrays")


def _check_step(place: str, step: float) -> None:
    # Beyond 2**53 a float64 no longer counts.
    if not 0 <= step <= 2**53 or step != int(step):
        raise ValueError(f"{place} is {step}; it must be a whole number >= 0")


def _check_names(
    place: str, kind: str, target: Mapping[str, Any], source: Mapping[str, Any]
) -> None:
    for name in target:
        if name not in source:
            raise ValueError(f"{place}: {kind} {name!r} is missing")
    for name in source:
        if name not in target:
            raise ValueError(f"{place}: {kind} {name!r} is unknown to this optimizer")
