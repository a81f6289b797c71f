"""The library behind products of float32 and float64 matrices."""

from __future__ import annotations

from _thread import allocate_lock
from typing import NamedTuple


class BlasInfo(NamedTuple):
    """Which library multiplies float32 and float64 matrices; see `blas_info`."""

    name: str
    """``"openblas"``, ``"cblas"`` (another library that SWIFTOPT_BLAS names) or ``"none"``."""
    version: str | None = None
    """As the library tells it."""
    path: str | None = None
    """The file; what is used is a private copy of it."""
    integer_bits: int | None = None
    """32 or 64: the width of its integers."""
    threads: int | None = None
    """How many threads one of its calls uses; None if the library doesn't tell."""
    core: str | None = None
    """The processor type whose kernels it uses."""
    reason: str | None = None
    """Why there is none."""


_lock = allocate_lock()
_info: BlasInfo | None = None


def blas_info() -> BlasInfo:
    """Tell which BLAS library multiplies float32 and float64 matrices, loading it if need be.

    By default none: swiftopt's own products, those with the layers' epilogues in them, are as
    fast as OpenBLAS on every instruction level (``docs/layers.md`` has the figures). The
    environment variable SWIFTOPT_BLAS chooses a library in their place, for `nn.Linear`
    and the other products of float32 or float64 matrices alone: the path or the name of a
    file, or ``auto`` for the OpenBLAS inside NumPy's wheel, else ``libopenblas.so.0`` in the
    system's folders. Products of bfloat16 matrices, those inside convolutions, attention and
    Muon, and deep ones with few columns and rows are always swiftopt's own.

    What is used is a private copy of the library, held at one thread and called by
    swiftopt's threads: `swiftopt.set_num_threads` counts, and NumPy's own instance with its
    settings is left alone. The copy takes as much memory as the file (25 MB for NumPy 2.4's).
    An OpenBLAS built on OpenMP, or without any threads, can't be used: the first follows
    settings of the whole process, the second may not be called by several threads. Another
    library must allow such calls and stay on the calling thread.

    Raises
    ------
    RuntimeError
        If SWIFTOPT_BLAS names a library that can't be used.

    Examples
    --------
    >>> import swiftopt as so
    >>> so.blas_info().name in ("openblas", "cblas", "none")
    True
    """
    return load()


def load() -> BlasInfo:
    """Find the library and hand it to the native code, once in a process.

    Called before the first matrix product; after that it costs next to nothing. An error is
    not remembered: the next call tries again.
    """
    global _info
    if _info is None:
        with _lock:
            if _info is None:
                from swiftopt._blas_library import find

                _info = find()
    return _info
