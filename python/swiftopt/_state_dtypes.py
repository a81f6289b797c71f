"""What `state_dtype` asks for, slot by slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from swiftopt._dtypes import KINDS, kind_of_dtype
from swiftopt._rules import Rule, Slot

BLOCK8 = "block8"
_ALLOWED = ", ".join(repr(kind) for kind in (*KINDS, BLOCK8))


def state_dtypes(rule: Rule, value: Any) -> dict[str, str]:
    """Return {slot: dtype} for the slots that a group's `state_dtype` speaks of.

    Raises
    ------
    TypeError, ValueError
        If it is not a dtype, or not one that a slot can have.
    """
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return _of_mapping(rule, value)
    dtype = _named("state_dtype", value)
    dtypes = {slot.name: dtype for slot in rule.slots if slot.has_free_dtype}
    for slot in rule.slots:
        if slot.name in dtypes:
            _check(rule, slot, dtype, "state_dtype")
    return dtypes


def _of_mapping(rule: Rule, value: Mapping[Any, Any]) -> dict[str, str]:
    slots = {slot.name: slot for slot in rule.slots}
    dtypes = {}
    for name, entry in value.items():
        if name not in slots:
            raise ValueError(
                f"state_dtype: {name!r} is not a slot of {rule.name}; "
                f"its slots are: {', '.join(slots) or 'none'}"
            )
        if entry is None:
            continue
        what = f"state_dtype[{name!r}]"
        if not slots[name].has_free_dtype:
            raise ValueError(f"{what} is {entry!r}; this slot is kept in the computation's dtype")
        dtypes[name] = _named(what, entry)
        _check(rule, slots[name], dtypes[name], what)
    return dtypes


def _named(what: str, value: Any) -> str:
    if isinstance(value, str):
        if value in KINDS or value == BLOCK8:
            return value
        raise ValueError(f"{what} is {value!r}; it must be one of {_ALLOWED}")
    try:
        kind = kind_of_dtype(np.dtype(value))
    except TypeError:
        kind = None
    if kind is None:
        raise TypeError(f"{what} is {value!r}; it must be one of {_ALLOWED}, or such a dtype")
    return kind


def _check(rule: Rule, slot: Slot, dtype: str, what: str) -> None:
    if dtype == "float16" and slot.content == "nonnegative":
        # Squares of gradients below 2**-12 would underflow.
        signed = {s.name: dtype for s in rule.slots if s.content == "signed" and s.has_free_dtype}
        raise ValueError(
            f"{what} is 'float16', whose range is too small for {slot.name!r}; use 'bfloat16'"
            + (f", or for the others only: state_dtype={signed}" if signed else "")
        )
    if dtype == BLOCK8 and slot.starts_as_parameter:
        raise ValueError(f"{what} is 'block8', which is too coarse for {slot.name!r}")
