"""Tables of numbers as text."""

from __future__ import annotations

import csv
import itertools
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._csv_columns import Columns
from swiftopt.data._csv_fault import is_number, locate
from swiftopt.data._errors import DataError, shown
from swiftopt.data._input import Input


@overload
def read_csv(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str | int] | None = None,
    label: None = None,
    classes: None = None,
    dtype: Any = np.float32,
    delimiter: str = ",",
    header: bool | None = None,
) -> Array: ...


@overload
def read_csv(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str | int] | None = None,
    label: str | int,
    classes: Sequence[str] | None = None,
    dtype: Any = np.float32,
    delimiter: str = ",",
    header: bool | None = None,
) -> tuple[Array, Array]: ...


def read_csv(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str | int] | None = None,
    label: str | int | None = None,
    classes: Sequence[str] | None = None,
    dtype: Any = np.float32,
    delimiter: str = ",",
    header: bool | None = None,
) -> Array | tuple[Array, Array]:
    r"""Read a table of numbers, as RFC 4180 has them: one row a line, cells may be quoted.

    Parameters
    ----------
    path : str or path
        A text in UTF-8, as it is or compressed by gzip. Empty lines are left out.
    columns : sequence of str or int, optional
        The columns of the features, in this order, by name or number (from 0, or from the end
        if negative). All but `label` by default.
    label : str or int, optional
        The column of the labels, by name or number.
    classes : sequence of str, optional
        What the labels are called: they become positions in this list. Without it they must be
        integers.
    dtype : dtype, default float32
        Of the features: any integer or floating dtype. An integer one takes integers only, and
        only those that it holds.
    delimiter : str
        The character between cells.
    header : bool, optional
        Whether the first line has names. By default it does if none of its cells is a number.

    Returns
    -------
    array, or tuple of two arrays
        The features (rows, columns); with a label column also the labels (rows,) in int64,
        so that `Loader` can take the result.

    Raises
    ------
    DataError
        If a cell is missing, isn't a number or doesn't fit `dtype`, a row has another number of
        cells, a label is none of `classes`, the text isn't UTF-8, or there are no rows. The
        message has the line and the column. "nan" and "inf" are numbers.
    TypeError, ValueError
        If an argument is something else, or a column doesn't exist.
    OSError
        If the file can't be read.

    Examples
    --------
    >>> import swiftopt as so, tempfile, pathlib
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(directory.name, "iris.csv")
    >>> path.write_text("length,width,species\n5.1,3.5,setosa\n6.2,2.9,virginica\n")
    54
    >>> x, y = so.data.read_csv(path, label="species", classes=["setosa", "virginica"])
    >>> x.shape, x.dtype.name, y
    ((2, 2), 'float32', array([0, 1]))
    >>> directory.cleanup()
    """
    kind = np.dtype(dtype)
    if kind.kind not in "iuf":
        raise TypeError(f"read_csv: dtype is {kind}; it must be an integer or floating dtype")
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError(f"read_csv: delimiter is {shown(delimiter)}; it must be one character")
    names = _class_names(classes, label)
    with Input(path) as file:
        lines = file.lines()
        first, cells = _first_row(file, lines, delimiter)
        has_names = header
        if has_names is None:
            has_names = not any(map(is_number, cells))
        chosen = Columns(cells if has_names else None, len(cells), columns, label, names, kind)
        rest = lines if has_names else itertools.chain(first, lines)
        try:
            table = _parse(rest, chosen.dtype, delimiter)
        except DataError:
            raise
        except (ValueError, OverflowError, Warning) as error:
            raise locate(path, delimiter, has_names, chosen, error) from error
        if not len(table):
            raise file.error("has no rows")
    features = chosen.features(table)
    if label is None:
        return features
    labels = chosen.labels(table)
    if labels is None:
        raise locate(path, delimiter, has_names, chosen, None)
    return features, labels


def _class_names(classes: Sequence[str] | None, label: object) -> dict[str, int] | None:
    if classes is None:
        return None
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise TypeError("read_csv: classes must be a list of names")
    if label is None:
        raise ValueError("read_csv: classes are given; label must say which column has them")
    names = {name: position for position, name in enumerate(classes)}
    if len(names) != len(classes):
        raise ValueError("read_csv: two classes have the same name")
    return names


def _first_row(file: Input, lines: Iterator[str], delimiter: str) -> tuple[list[str], list[str]]:
    """Return the lines up to the end of the first row, and its cells."""
    taken: list[str] = []

    def recorded() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    try:
        for cells in csv.reader(recorded(), delimiter=delimiter):
            if cells:
                return taken, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise file.error(f"line {len(taken)}: {error}") from error
    raise file.error("has no rows")


def _parse(lines: Iterator[str], dtype: np.dtype[Any], delimiter: str) -> Array:
    with warnings.catch_warnings():
        # Older NumPy reads "1.5" as the integer 1 and only warns.
        warnings.simplefilter("error", DeprecationWarning)
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        return np.loadtxt(lines, dtype, delimiter=delimiter, quotechar='"', comments=None, ndmin=1)
