"""Hyper-parameters: numbers, schedules, and values with state machines inside."""

from __future__ import annotations

from typing import Any, NamedTuple

from swiftopt._checkpoint._errors import CheckpointError, shown
from swiftopt._checkpoint._values import decoded, encoded, no_fetch, no_store
from swiftopt.schedules import Schedule

_CONTROLLED = "$controlled"


class Change(NamedTuple):
    """A state that is to be loaded into an object that has a state."""

    what: str
    target: Any
    state: Any


def schedule_record(value: Any, place: str) -> Any:
    """Return what stands for a hyper-parameter in JSON.

    A pure schedule stands for itself. Of a value with state machines their states are
    kept, and a text that tells people what it was.
    """
    if _is_controlled(value):
        states = [
            encoded(control.state, f"{place}, state of {control!r}", no_store)
            for control in value.controls
        ]
        return {_CONTROLLED: {"text": repr(value), "states": states}}
    if isinstance(value, tuple):
        return {"$tuple": [schedule_record(item, place) for item in value]}
    return encoded(value, place, no_store)


def check_schedule(schedule: Any) -> None:
    """Raise TypeError unless this is a schedule, pure or with state machines."""
    if not isinstance(schedule, Schedule) and not _is_controlled(schedule):
        raise TypeError(f"schedule is a {type(schedule).__name__}; it must be a schedule")


def _is_controlled(value: Any) -> bool:
    return not isinstance(value, Schedule) and bool(getattr(value, "controls", ()))


def restored(data: Any, current: Any, place: str) -> tuple[Any, list[Change]]:
    """Return a hyper-parameter from its record, and the changes that go with it.

    `current` is the value that it replaces, or goes on with if it has state machines.

    Raises
    ------
    CheckpointError
        If it has other state machines than the record, or if the record is invalid.
    """
    if isinstance(data, dict) and _CONTROLLED in data:
        record = data[_CONTROLLED]
        states = [decoded(state, no_fetch) for state in record["states"]]
        controls = current.controls if _is_controlled(current) else ()
        if len(controls) != len(states):
            raise CheckpointError(
                f"{place} is {current!r} with {len(controls)} state machines; the checkpoint has "
                f"{len(states)}, of {shown(record['text'])}: make it with the same expression"
            )
        return current, [
            Change(f"{place} ({type(control).__name__})", control, state)
            for control, state in zip(controls, states, strict=True)
        ]
    if isinstance(data, dict) and "$tuple" in data:
        items = data["$tuple"]
        if isinstance(current, list | tuple) and len(current) == len(items):
            pairs = [restored(item, old, place)
                     for item, old in zip(items, current, strict=True)]  # fmt: skip
            return tuple(value for value, _ in pairs), [c for _, more in pairs for c in more]
    if _is_controlled(current):
        raise CheckpointError(
            f"{place} is {current!r}, which has state machines; the checkpoint has "
            f"{shown(decoded(data, no_fetch))}, without any: set it to that, and to the "
            "expression after loading"
        )
    return decoded(data, no_fetch), []


def readable(data: Any) -> Any:
    """Return a hyper-parameter for people, without anything to restore it into."""
    if isinstance(data, dict) and _CONTROLLED in data:
        record = data[_CONTROLLED]
        states = [decoded(state, no_fetch) for state in record["states"]]
        return {"text": record["text"], "states": states}
    if isinstance(data, dict) and "$tuple" in data:
        return tuple(readable(item) for item in data["$tuple"])
    return decoded(data, no_fetch)
