"""Epochs to a CSV file, a file of JSON lines, or TensorBoard."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Protocol

from swiftopt.train._history import History, rows


class Log(Protocol):
    """Takes the rows of a run."""

    def begin(self, history: History) -> None:
        """Start with the epochs that a resumed run has behind it, in place of what was there."""

    def add(self, row: dict[str, Any]) -> None:
        """Add an epoch."""

    def close(self) -> None:
        """End."""


class _File:
    """A text file that holds exactly the history, whatever a killed run wrote to it."""

    #: With what such a file begins.
    beginning: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self._path = path
        self._history: list[dict[str, Any]] = []
        self._check_replaceable()

    def _check_replaceable(self) -> None:
        """Raise ValueError if there is a file that no run has written, such as the data."""
        if not self._path.exists():
            return
        if not self._path.is_file():
            raise ValueError(f"log is {str(self._path)!r}, which is no regular file")
        with self._path.open("rb") as file:
            found = file.read(len(self.beginning))
        if found not in (b"", self.beginning.encode()):
            raise ValueError(
                f"log is {str(self._path)!r}, a file that isn't a log (one begins with "
                f"{self.beginning}); remove it, or give another name"
            )

    def begin(self, history: History) -> None:
        self._history = rows(history)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._rewrite()

    def _rewrite(self) -> None:
        # By a rename, so that a kill leaves the old lines or the new ones.
        new = self._path.with_name(f".{self._path.name}.new")
        new.write_text(self.text(self._history), encoding="utf-8", newline="")
        new.replace(self._path)

    def add(self, row: dict[str, Any]) -> None:
        is_new = bool(self._history) and row.keys() != self._history[0].keys()
        self._history.append(row)
        if is_new or len(self._history) == 1:
            self._rewrite()
        else:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                file.write(self.text([row], header=False))

    def close(self) -> None:
        """Nothing is open between two lines."""

    def text(self, lines: Iterable[dict[str, Any]], *, header: bool = True) -> str:
        raise NotImplementedError


class CsvLog(_File):
    """Comma-separated values, with a header; what is missing is empty."""

    beginning = "epoch,"

    def text(self, lines: Iterable[dict[str, Any]], *, header: bool = True) -> str:
        """Return the lines; columns are all names, in the order in which they came."""
        names = list(dict.fromkeys(name for line in self._history for name in line))
        file = io.StringIO()
        writer = csv.DictWriter(file, names, lineterminator="\n")
        if header and names:
            writer.writeheader()
        writer.writerows(lines)
        return file.getvalue()


class JsonLog(_File):
    """JSON lines; numbers that aren't finite are null, which JSON has no numbers for."""

    beginning = '{"epoch":'

    def text(self, lines: Iterable[dict[str, Any]], *, header: bool = True) -> str:
        """Return the lines."""
        return "".join(
            json.dumps(
                {
                    name: None if isinstance(value, float) and not math.isfinite(value) else value
                    for name, value in line.items()
                }
            )
            + "\n"
            for line in lines
        )


class TensorBoardLog:
    """Event files of TensorBoard, written by the package tensorboardX."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer_class = _writer_class()
        self._writer: Any = None

    def begin(self, history: History) -> None:
        """Open a new event file; TensorBoard drops what older ones have after this step."""
        step = history["step"][-1] if history else 0
        self._writer = self._writer_class(str(self._folder), purge_step=step + 1)

    def add(self, row: dict[str, Any]) -> None:
        """Write every number of the epoch at its step."""
        for name, value in row.items():
            if name != "step" and value is not None:
                self._writer.add_scalar(name, value, row["step"])
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()


def _writer_class() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "logs for TensorBoard need the package tensorboardX; install swiftopt[train]"
        ) from error
    return SummaryWriter


def as_logs(log: Any) -> list[Log]:
    """Return the logs of a path or of several."""
    if log is None:
        return []
    paths = list(log) if isinstance(log, list | tuple) else [log]
    return [_as_log(path) for path in paths]


def _as_log(given: Any) -> Log:
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"log is {given!r}; it must be a path or a list of paths")
    name = os.fsdecode(given)
    path = Path(name)
    ending = path.suffix.lower()
    if path.is_dir() or not ending or name.endswith(os.sep):
        return TensorBoardLog(path)
    if ending == ".csv":
        return CsvLog(path)
    if ending in (".jsonl", ".ndjson"):
        return JsonLog(path)
    raise ValueError(
        f"log is {name!r}; it must end with .csv or .jsonl, or be a folder for TensorBoard (one "
        f"that isn't there yet and has a dot ends with {os.sep!r})"
    )
