"""What `load` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Checkpoint:
    """What was read from a checkpoint, and what didn't fit.

    What was given to `load` was restored in place, and is shown here; so is `extra`. Where
    nothing at all was given, everything is here, in new arrays.

    Attributes
    ----------
    path : str
        As given.
    writer : str
        What wrote the file, such as "swiftopt 0.1.0".
    format : int
        The version of the file's format.
    contents : tuple of str
        What the file has: "params", "optimizer", "schedule", ...
    params : dict of str to array, or None
        By dotted name: the caller's own arrays, or new ones.
    optimizer : dict or None
        "class", "step_count", "options", "groups", "state": for looking at it, and for
        ``load_state`` of the optimizer.
    schedule : Schedule, dict or None
        The schedule that was saved. Of one with state machines: a dict with its "text" and
        their "states".
    scaler, early_stopping, loader : nest or None
        Their states.
    extra : nest
        As it was saved.
    missing, unexpected, mismatched : tuple of str
        With ``strict=False``: what differed and was left as it was; see `CheckpointError`.
    renamed : dict of str to str
        With ``strict=False``: likely renames, {name that is missing: name in the file}.
    """

    def __init__(
        self,
        path: str,
        writer: str,
        format: int,  # noqa: A002  (what the file calls it)
        contents: tuple[str, ...],
        values: Mapping[str, Any],
    ) -> None:
        self.path = path
        self.writer = writer
        self.format = format
        self.contents = contents
        self.params: dict[str, Any] | None = values.get("params")
        self.optimizer: dict[str, Any] | None = values.get("optimizer")
        self.schedule: Any = values.get("schedule")
        self.scaler: Any = values.get("scaler")
        self.early_stopping: Any = values.get("early_stopping")
        self.loader: Any = values.get("loader")
        self.extra: Any = values.get("extra")
        self.missing: tuple[str, ...] = values.get("missing", ())
        self.unexpected: tuple[str, ...] = values.get("unexpected", ())
        self.mismatched: tuple[str, ...] = values.get("mismatched", ())
        self.renamed: dict[str, str] = values.get("renamed", {})

    def __repr__(self) -> str:
        # What strict=False left out shows where the result is printed or forgotten.
        counts = {
            "missing": len(self.missing),
            "unexpected": len(self.unexpected),
            "mismatched": len(self.mismatched),
        }
        differences = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        return (
            f"Checkpoint({self.path!r}, {', '.join(self.contents) or 'empty'}; "
            f"written by {self.writer}, format {self.format}"
            f"{f'; not loaded: {differences}' if differences else ''})"
        )
