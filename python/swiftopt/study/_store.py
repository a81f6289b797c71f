"""Store: every finished piece of a study, one line of JSON each."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from swiftopt.study._errors import StudyError

try:
    import fcntl
except ImportError:  # pragma: no cover  (no POSIX: nothing keeps two runs apart)
    fcntl = None  # type: ignore[assignment]

FILE = "results.jsonl"
_LOCK = ".lock"

Record = dict[str, Any]


class Store:
    """The records in a folder, by kind and key.

    A record is written whole, by one system call, and reaches the disk before `add` returns.
    A line that a kill cut off is left out when it is read, and the next record begins a line
    of its own.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.path = self.folder / FILE
        self._records: dict[tuple[str, str], Record] = {}
        self._ends_whole = True
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        content = self.path.read_bytes()
        self._ends_whole = not content or content.endswith(b"\n")
        lines = content.split(b"\n")
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                self._records[record["kind"], record["key"]] = record
            except (ValueError, KeyError, TypeError) as error:
                # Only what a kill cut off may be damaged: a beginning of a record.
                begins = b'{"kind":'
                if line[: len(begins)] != begins[: len(line)]:
                    raise StudyError(f"{self.path}, line {number} is no record: {error}") from None

    def get(self, kind: str, key: str) -> Record | None:
        """Return a record, or None."""
        return self._records.get((kind, key))

    def all(self, kind: str) -> list[Record]:
        """Return the records of a kind, in the order in which they were finished."""
        return [record for (found, _), record in self._records.items() if found == kind]

    def add(self, kind: str, key: str, **values: Any) -> Record:
        """Write a record."""
        record = {"kind": kind, "key": key, **values}
        line = json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, ("" if self._ends_whole else "\n").encode() + line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._ends_whole = True
        self._records[kind, key] = record
        return record

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder.

        Raises
        ------
        StudyError
            If another one is in it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("w") as file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise StudyError(f"another run is writing to {self.folder}") from None
            yield
