"""What happened, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Entries that a clock decides: all others have the same bits in every run.
TIMES = ("seconds", "samples_per_second", "data_wait")

#: Plain lists by name, with one entry for each epoch.
History = dict[str, list[Any]]


def append(history: History, row: Mapping[str, Any]) -> None:
    """Add an epoch. Where a name is new, or is missing this time, the gap is None."""
    length = max(map(len, history.values()), default=0)
    for name in row:
        history.setdefault(name, [None] * length)
    for name, entries in history.items():
        entries.append(row.get(name))


def rows(history: History) -> list[dict[str, Any]]:
    """Return the epochs as dicts."""
    return [
        dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)
    ]
