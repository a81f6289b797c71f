"""Older files under numbered names: run.1.safetensors is the one before run.safetensors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from swiftopt._checkpoint._locks import lock

# What file systems without hard links say, or those that don't allow this one.
_NO_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EXDEV}


def numbered(target: Path, number: int) -> Path:
    """Return the name of the file that is `number` saves older than `target`."""
    return target.with_name(f"{target.stem}.{number}{target.suffix}")


def rotate(target: Path, new: Path, spare: Path, keep: int) -> None:
    """Rename `new` to `target`, with the `keep` - 1 files before it under their numbers.

    `target` is there at every moment: it gets a second name before it is replaced. Saves of
    other processes to this directory wait meanwhile. `spare` is a free name on the same
    file system.
    """
    if keep == 1:
        new.replace(target)
        return
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        lock(directory, wait=True)
        _shift(target, spare, keep)
        new.replace(target)
    finally:
        os.close(directory)


def _shift(target: Path, spare: Path, keep: int) -> None:
    first = numbered(target, 1)
    # A process that was killed may have come as far as to the second name.
    if not target.exists() or (first.exists() and target.samefile(first)):
        return
    _second_name(target, spare)
    # Where one is missing there is room, and what is older stays.
    end = next((n for n in range(1, keep) if not os.path.lexists(numbered(target, n))), keep - 1)
    for number in range(end, 1, -1):
        numbered(target, number - 1).replace(numbered(target, number))
    spare.replace(first)


def _second_name(target: Path, name: Path) -> None:
    try:
        os.link(target, name)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        _copy(target, name)


def _copy(source: Path, name: Path) -> None:
    import shutil

    shutil.copyfile(source, name)
    shutil.copymode(source, name)
    with name.open("rb") as file:
        os.fsync(file.fileno())
