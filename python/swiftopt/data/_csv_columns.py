"""Which columns of a table are features, which one is the label, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import index
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._errors import shown

# Beyond it, not every integer is a float64.
_GREATEST_LABEL = 2.0**53


class Columns:
    """The columns of a table.

    A row is read as one structured element, since that has every row's cells counted:
    neighbours that are features share a field, and so do those that are skipped.

    Attributes
    ----------
    dtype : dtype
        Of a row.
    wanted : list of int
        The columns of the features, in the order asked for.
    label : int or None
        The column of the labels.
    """

    def __init__(
        self,
        names: Sequence[str] | None,
        width: int,
        columns: Sequence[str | int] | None,
        label: str | int | None,
        classes: dict[str, int] | None,
        kind: np.dtype[Any],
    ) -> None:
        self.names, self.width, self.classes, self.kind = names, width, classes, kind
        self.label = None if label is None else self._position(label, "label")
        if columns is None:
            self.wanted = [column for column in range(width) if column != self.label]
        else:
            if isinstance(columns, str | int):
                raise TypeError("read_csv: columns must be a list of names or numbers")
            self.wanted = [self._position(column, "columns") for column in columns]
        if not self.wanted:
            raise ValueError("read_csv: there is no column for the features")
        features = set(self.wanted)

        def role(column: int) -> str:
            return (
                "label" if column == self.label else "feature" if column in features else "skipped"
            )

        if self.label in features:
            raise ValueError(f"read_csv: column {shown(label)} is both a feature and the label")
        self._runs = [(role, list(run)) for role, run in groupby(range(width), role)]
        kinds = {"label": "O" if classes else "f8", "feature": kind, "skipped": "U1"}
        self.dtype = np.dtype(
            [
                (f"{role}{run[0]}", kinds[role], () if role == "label" else (len(run),))
                for role, run in self._runs
            ]
        )

    def title(self, column: int) -> str:
        """Return what a message calls a column."""
        name = f" ({self.names[column]!r})" if self.names and column < len(self.names) else ""
        return f"column {column}{name}"

    def features(self, table: Array) -> Array:
        """Return the features (rows, columns) of what was read."""
        runs = [(run, table[f"{role}{run[0]}"]) for role, run in self._runs if role == "feature"]
        together = np.concatenate([values for _, values in runs], axis=1)
        found = [column for run, _ in runs for column in run]
        if found == self.wanted:
            return together
        return np.ascontiguousarray(together[:, [found.index(column) for column in self.wanted]])

    def labels(self, table: Array) -> Array | None:
        """Return the labels (rows,) of what was read, or None if one of them is unfit."""
        given = table[f"label{self.label}"]
        if self.classes is not None:
            numbers = [self.classes.get(str(name).strip(), -1) for name in given]
            return None if min(numbers) < 0 else np.array(numbers, np.int64)
        whole = np.abs(given) <= _GREATEST_LABEL
        if not whole.all() or (given != np.trunc(given)).any():
            return None
        return given.astype(np.int64)

    def _position(self, column: str | int, argument: str) -> int:
        if isinstance(column, str):
            count = (self.names or ()).count(column)
            if count != 1:
                what = "names two columns" if count > 1 else "names no column"
                has = ", ".join(map(repr, (self.names or ())[:20])) or "none, as there is no header"
                raise ValueError(
                    f"read_csv: {argument} {shown(column)} {what}; the file's names: {has}"
                )
            return list(self.names or ()).index(column)
        try:
            position = index(column)
        except TypeError:
            raise TypeError(
                f"read_csv: {argument} has {shown(column)}; it must be a name or a number"
            ) from None
        if not -self.width <= position < self.width:
            raise ValueError(
                f"read_csv: {argument} {position} is out of range; there are {self.width} columns"
            )
        return position % self.width
