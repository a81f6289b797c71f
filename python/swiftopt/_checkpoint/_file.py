"""Replacing a file so that its name always leads to a complete one.

The new file is written in a directory of its own beside the old one, synced, and renamed.
The writer holds a lock on that directory: one whose lock is free was left by a process that
was killed, and the next save to the same path removes it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from swiftopt._checkpoint._flushing import flushing
from swiftopt._checkpoint._locks import lock
from swiftopt._checkpoint._path import check_path
from swiftopt._checkpoint._rotation import rotate

_PREFIX = ".swiftopt-save-"


def target_of(path: str | os.PathLike[str]) -> Path:
    """Return the file that a save to `path` replaces: a symbolic link stays one.

    Raises
    ------
    TypeError
        If it is no path.
    OSError
        If something else than a file is there, which a rename would replace.
    """
    check_path(path)
    name = os.fsdecode(os.fspath(path))
    if not name:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    target = Path(os.path.realpath(name))
    if target.is_dir() or name.endswith(os.sep):  # open() wouldn't make a file of "name/" either
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
    if os.path.lexists(target) and not target.is_file():
        raise OSError(errno.EINVAL, "is not a regular file", name)
    return target


def replace_file(target: Path, write: Callable[[Path], None], keep: int) -> None:
    """Have `write` make a new file and put it in the place of `target`.

    Raises
    ------
    OSError
        If the disk is full, the directory can't be written to, ...; `target` is as it was,
        and nothing else is left.
    """
    remove_leftovers(target)
    try:
        with _own_directory(target) as own:
            new = own / "new"
            mode = _usual_mode(own / "mode")
            _forget(target)
            with flushing(own):
                write(new)
            _sync(new, mode)
            rotate(target, new, own / "old", keep)
            _sync_directory(target.parent)
    except OSError as error:  # the caller doesn't know the names that are used here
        raise OSError(error.errno, error.strerror, str(target)) from error


def check_place(target: Path) -> None:
    """Raise OSError now if a new file can't be made beside `target`, and leave nothing."""
    try:
        with _own_directory(target) as own:
            _usual_mode(own / "mode")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _forget(path: Path) -> None:
    """Give back the memory of a file's cache: the new file is going to need as much."""
    with suppress(OSError):  # where there is no file, or no such call
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)


def _sync(path: Path, mode: int) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchmod(file, mode)
        os.fsync(file)
    finally:
        os.close(file)


def _usual_mode(probe: Path) -> int:
    """Return the permissions that a new file gets. Only trying tells, for all threads."""
    file = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    try:
        return os.fstat(file).st_mode & 0o777
    finally:
        os.close(file)


def _sync_directory(directory: Path) -> None:
    """Make renames in a directory last, where the system can do that."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        # Some network file systems can't, and a directory need not be readable.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.EACCES):
            raise


# ------------------------------------------------------------- own directories


def _prefix(target: Path) -> str:
    from hashlib import blake2b

    digest = blake2b(os.fsencode(target.name), digest_size=8).hexdigest()
    return f"{_PREFIX}{digest}-"


@contextmanager
def _own_directory(target: Path) -> Iterator[Path]:
    """Make a directory beside `target`, locked, and removed at the end whatever happens."""
    path, handle = _new_directory(target)
    try:
        yield path
    finally:
        _remove(path)
        os.close(handle)


def _new_directory(target: Path) -> tuple[Path, int]:
    while True:
        path = target.parent / f"{_prefix(target)}{os.urandom(8).hex()}"
        path.mkdir(mode=0o700)
        # Until it is locked, another process may take it for a leftover.
        handle = _locked(path, without_locks=True)
        if handle is not None:
            return path, handle


def _locked(path: Path, *, without_locks: bool) -> int | None:
    """Return a handle of a directory that nobody else has locked; None if there is none.

    `without_locks` tells whether to return one where the file system has no locks.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES):
            return None
        raise
    try:
        has_lock = lock(handle, wait=False)
        is_mine = without_locks if has_lock is None else has_lock
        if is_mine and os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def remove_leftovers(target: Path) -> None:
    """Remove what killed processes left of their saves to `target`, as far as possible."""
    prefix = _prefix(target)
    with suppress(OSError), os.scandir(target.parent) as entries:
        for path in [Path(entry.path) for entry in entries if entry.name.startswith(prefix)]:
            handle = _locked(path, without_locks=False)
            if handle is not None:
                _remove(path)
                os.close(handle)


def _remove(path: Path) -> None:
    with suppress(OSError):
        for child in path.iterdir():
            child.unlink()
        path.rmdir()
