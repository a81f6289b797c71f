"""Having the disk work while a large file is still being written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

_SECONDS = 0.01
_SYNC_FILE_RANGE_WRITE = 2  # linux/fs.h: begin to write what is dirty, wait for nothing


@contextmanager
def flushing(directory: Path) -> Iterator[None]:
    """Begin to flush the files in a directory while they grow.

    Without it, the disk idles until the sync at the end, which then waits for all of the
    file. This promises nothing: the sync is still needed.
    """
    begin_flush = _begin_flush()
    if begin_flush is None:
        yield
        return
    is_done = Event()
    thread = Thread(target=_flush, args=(directory, begin_flush, is_done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_done.set()
        thread.join()


def _flush(directory: Path, begin_flush: Callable[[int], object], is_done: Event) -> None:
    while not is_done.wait(_SECONDS):
        with suppress(OSError), os.scandir(directory) as entries:  # files come and go
            for entry in entries:
                file = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    begin_flush(file)
                finally:
                    os.close(file)


def _begin_flush() -> Callable[[int], object] | None:
    """Return what has the system begin to write a file; None where it has no such call."""
    import ctypes

    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is None:
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return lambda file: call(file, 0, 0, _SYNC_FILE_RANGE_WRITE)
