"""The table of ``python -m swiftopt optimizers``."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from swiftopt import optimizers
from swiftopt._dtypes import size_of
from swiftopt._rules import Rule, Slot
from swiftopt._slots import BLOCK_ELEMENTS
from swiftopt._state_dtypes import BLOCK8

STATE_DTYPES = ("float32", "bfloat16", BLOCK8)


def rows() -> list[dict[str, Any]]:
    """Return what there is to know of each optimizer, one dict per class, by name."""
    return [_row(getattr(optimizers, name)) for name in sorted(optimizers.__all__, key=str.lower)]


def _row(cls: Any) -> dict[str, Any]:
    rule: Rule = cls._rule
    instance = cls()
    settings = instance.param_groups[0].settings
    slots = [slot for slot in rule.slots if settings.uses(slot.required_by)]
    names = rule.hyperparameter_names
    return {
        "optimizer": cls.__name__,
        "rule": rule.name,
        "decay": rule.decay,
        "options": {
            name: parameter.default
            for name, parameter in inspect.signature(cls).parameters.items()
            if name not in ("params", "options")
        },
        "slots": [
            {
                "name": slot.name,
                "content": slot.content,
                "form": slot.form,
                "owner": slot.owner,
                "required_by": names[slot.required_by] if slot.required_by >= 0 else None,
            }
            for slot in rule.slots
        ],
        "bytes_per_parameter": {
            dtype: round(sum(_bytes(slot, dtype) for slot in slots), 3) for dtype in STATE_DTYPES
        },
    }


def _bytes(slot: Slot, dtype: str) -> float:
    """Return the bytes per element of a float32 matrix, with the options' defaults.

    What is there once per row or column counts as nothing.
    """
    if slot.form != "full" or slot.owner == "others":
        return 0
    if not slot.has_free_dtype or (dtype == BLOCK8 and slot.starts_as_parameter):
        dtype = "float32"
    return 1 + 4 / BLOCK_ELEMENTS if dtype == BLOCK8 else size_of(dtype)


def text(table: list[dict[str, Any]]) -> str:
    """Return the table for people."""
    width = max(len(row["optimizer"]) for row in table) + 2
    sizes = "".join(f"{dtype:>10}" for dtype in STATE_DTYPES)
    lines = [
        "State in bytes per element of a float32 matrix, by state_dtype, with the options below.",
        "In parentheses: the option that a slot is for, or where there is one.",
        "",
        f"{'optimizer':<{width}}{sizes}  {'weight decay':<14}slots of the state",
    ]
    for row in table:
        sizes = "".join(f"{size:>10.3g}" for size in row["bytes_per_parameter"].values())
        slots = ", ".join(_slot_text(slot) for slot in row["slots"])
        options = ", ".join(f"{name}={value!r}" for name, value in row["options"].items())
        lines += [
            f"{row['optimizer']:<{width}}{sizes}  {row['decay']:<14}{slots}",
            textwrap.fill(options, 96, initial_indent="    ", subsequent_indent="    "),
        ]
    return "\n".join(lines)


def _slot_text(slot: dict[str, Any]) -> str:
    name: str = slot["name"]
    if slot["form"] != "full":
        return f"{name} (per {slot['form']})"
    notes = [note for note in (slot["required_by"], _OWNERS[slot["owner"]]) if note]
    return f"{name} ({', '.join(notes)})" if notes else name


_OWNERS = {"all": "", "matrices": "matrices", "others": "other shapes"}
