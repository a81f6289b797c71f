"""Where in a table the fault is that made its fast reader give up."""

from __future__ import annotations

import csv
import os
from typing import Any

import numpy as np

from swiftopt.data._csv_columns import Columns
from swiftopt.data._errors import DataError, shown
from swiftopt.data._input import Input


def is_number(cell: str) -> bool:
    """Return whether a cell is a number as the table's reader sees it."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and "_" not in cell


def locate(
    path: str | os.PathLike[str],
    delimiter: str,
    has_names: bool,
    columns: Columns,
    error: Exception | None,
) -> DataError:
    """Read the table once more, slowly, for an error that has the line and the column."""
    with Input(path) as file:
        reader = csv.reader(file.lines(), delimiter=delimiter)
        try:
            for cells in reader:
                if not cells:
                    continue
                if has_names:
                    has_names = False
                    continue
                fault = _fault(cells, columns)
                if fault:
                    return file.error(f"line {reader.line_num}{fault}")
        except csv.Error as other:
            return file.error(f"line {reader.line_num}: {other}")
        return file.error(str(error) if error else "has a label that isn't one")


def _fault(cells: list[str], columns: Columns) -> str | None:
    if len(cells) != columns.width:
        return f" has {len(cells)} cells; the first row has {columns.width}"
    for column, cell in enumerate(cells):
        if column == columns.label:
            fault = _label_fault(cell, columns)
        elif column in columns.wanted:
            fault = _number_fault(cell, columns.kind)
        else:
            continue
        if fault:
            what = "is missing" if not cell.strip() else f"is {shown(cell)}"
            return f", {columns.title(column)} {what}; {fault}"
    return None


def _number_fault(cell: str, kind: np.dtype[Any]) -> str | None:
    if kind.kind == "f":
        return None if is_number(cell) else "it must be a number"
    try:
        number = int(cell)
    except ValueError:
        return "it must be an integer"
    bounds = np.iinfo(kind)
    if "_" in cell or not bounds.min <= number <= bounds.max:
        return f"it must be an integer in {bounds.min} ... {bounds.max}"
    return None


def _label_fault(cell: str, columns: Columns) -> str | None:
    if columns.classes is not None:
        return None if cell.strip() in columns.classes else "it must be one of the classes"
    if is_number(cell) and float(cell).is_integer() and abs(float(cell)) <= 2.0**53:
        return None
    return "a label must be an integer, or classes must be given"
