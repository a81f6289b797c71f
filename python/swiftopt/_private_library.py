"""Loading a shared library once more, apart from the instance that others use.

dlopen of a file that the process has loaded returns the loaded instance, and whatever is
set there is set for everybody. A copy of the file is another file, so its instance has its
own settings, threads and buffers.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Not in the os module: the library's own symbols win over global ones of the same name.
_RTLD_DEEPBIND = 8

_loads = itertools.count(1)


def load_private(path: Path, symbols: tuple[str, ...]) -> ctypes.CDLL:
    """Load a copy of the library that nobody else can meet, started with one thread.

    The copy lives in memory without a name (memfd_create), or, where such memory can't hold
    programs, in an unnamed temporary file; either way it goes with the process.

    Parameters
    ----------
    path
        The library's file.
    symbols
        Names by which the library would be seen if the process had it in its global scope.

    Raises
    ------
    OSError
        If it can't be read or loaded.
    """
    mode = ctypes.DEFAULT_MODE | os.RTLD_NOW
    # Global symbols would replace the copy's own: both instances would share their state.
    # Not always deep, because address sanitizers refuse that.
    main_program = ctypes.CDLL(None)
    if any(hasattr(main_program, symbol) for symbol in symbols):
        mode |= _RTLD_DEEPBIND
    failure: OSError | None = None
    for make in (_unnamed_memory, _unnamed_file):
        try:
            file = make()
        except OSError as error:
            failure = failure or error
            continue
        # The loader knows what it has loaded by this name as well, and the number will be
        # another file's. So the very same words are never used again: the dots differ.
        name = f"/proc/self/{'./' * next(_loads)}fd/{file}"
        try:
            _copy(path, file)
            with one_processor():
                return ctypes.CDLL(name, mode)
        except OSError as error:
            failure = failure or OSError(str(error).replace(name, str(path)))
        finally:
            os.close(file)
    assert failure is not None
    raise failure


def _unnamed_memory() -> int:
    return os.memfd_create("swiftopt-blas", os.MFD_CLOEXEC)


def _unnamed_file() -> int:
    import tempfile

    with tempfile.TemporaryFile(prefix="swiftopt-blas-") as file:
        return os.dup(file.fileno())


def _copy(path: Path, target: int) -> None:
    with path.open("rb") as source:
        left = os.fstat(source.fileno()).st_size
        while left > 0:
            sent = os.sendfile(target, source.fileno(), None, left)
            if sent == 0:
                raise OSError(f"{path} became shorter while it was copied")
            left -= sent


def is_own(library: ctypes.CDLL, name: str) -> bool:
    """Whether a symbol of the copy is in the copy, and not in a library that it needs.

    The needed ones are not copied: the process shares them.
    """
    info = (ctypes.c_void_p * 4)()  # Dl_info of dlfcn.h: the first is the library's name
    address = ctypes.cast(library[name], ctypes.c_void_p)
    if ctypes.CDLL(None).dladdr(address, info) == 0 or info[0] is None:
        return False
    return ctypes.string_at(info[0]) == os.fsencode(library._name)


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """Keep the calling thread, and it alone, on the processor that it is on.

    A library that starts as many threads as there are processors for the thread that loads
    it then starts none. An environment variable could say so too, but changing one is unsafe
    while other threads read it, and a child process that starts meanwhile inherits it.
    """
    try:
        allowed = os.sched_getaffinity(0)
        current: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
        os.sched_setaffinity(0, {current()})
    except (AttributeError, OSError):  # a sandbox may forbid it
        yield
        return
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
