"""The folder of a tuning: a journal of Optuna's, for one run at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from swiftopt._cli._errors import CommandError

try:
    import fcntl
except ImportError:  # pragma: no cover  (no POSIX: nothing keeps two runs apart)
    fcntl = None  # type: ignore[assignment]

_JOURNAL = "trials.journal"


@contextlib.contextmanager
def storage_in(folder: Path) -> Iterator[JournalStorage]:
    """Open the journal, and keep a second run out, which would take a trial for interrupted."""
    folder.mkdir(parents=True, exist_ok=True)
    # Optuna's lock is a symbolic link to the journal: of a relative path it would lead nowhere.
    folder = folder.resolve()
    with (folder / "lock").open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CommandError(f"another run is tuning in {folder}") from None
            # Nobody else runs, so these are of a run that was killed.
            for lock in folder.glob(f"{_JOURNAL}.lock*"):
                lock.unlink()
            _mend(folder / _JOURNAL)
        yield _opened(folder / _JOURNAL)


def _mend(journal: Path) -> None:
    """Cut off a last line that a kill or a full disk left incomplete; the trial runs again."""
    if not journal.exists():
        return
    content = journal.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.truncate(journal, end)


def _opened(journal: Path) -> JournalStorage:
    try:
        return JournalStorage(JournalFileBackend(str(journal)))
    except OSError:
        raise
    except Exception as error:  # whatever Optuna makes of lines that aren't its own
        words = f"{journal} is damaged ({type(error).__name__}: {error}); take another folder"
        raise CommandError(words) from error
