"""Samples that a Python function decodes, as a source for the loader."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._bytes import byte_count
from swiftopt.data._checks import checked_dtype, checked_shape, whole
from swiftopt.data._decoding import DecodedStats, Decoding, Stop, fitting
from swiftopt.data._errors import DecodeError, shown
from swiftopt.data._positions import positions, rows_for
from swiftopt.data._sample_cache import SampleCache

_FAILURES_KEPT = 100
_PATIENCE = 0.02


class Decoded:
    """Samples that a Python function makes from items, such as JPEG files, on several threads.

    While the budget lasts each is decoded once and kept; those that don't fit are decoded every
    time that they are asked for. What is kept stays: an epoch visits each sample once, so that
    no rule of what to throw out could hit more often.

    Parameters
    ----------
    items : sequence
        One for each sample: paths, bytes, keys.
    decode : callable
        From an item to the sample, an array or what `np.asarray` makes one of. Called from
        several threads at once; those that release the GIL, as decoders of images and
        compression do, then use several cores.
    sample_shape : tuple of int, optional
    dtype : dtype, optional
        Of every sample. What isn't given is taken from the first one, which is decoded at once.
        A sample of another dtype is converted if it is of the same kind or loses nothing.
    budget : int or str
        Bytes of samples to keep, such as "256MB"; 0 for none. Eight bytes per item come on top.
    directory : path, optional
        Keep them in a temporary file in this folder instead of in memory. If the disk is full
        before the budget is, no more are kept.
    workers : int, optional
        Threads that decode; as many as the process may use cores by default.

    Attributes
    ----------
    shape : tuple of int
        The number of samples, then the shape of one.
    dtype : dtype
        Of the elements.
    failures : dict of int to str
        For the first hundred samples that couldn't be decoded, why.

    Raises
    ------
    DecodeError
        If the first sample can't be decoded, and later if another one can't. With
        `Loader(skip_errors=True)` those are left out and counted.
    TypeError, ValueError
        If an argument is something else.

    Examples
    --------
    >>> import zlib, numpy as np, swiftopt as so
    >>> items = [zlib.compress(bytes([number] * 6)) for number in range(4)]
    >>> def decode(item):
    ...     return np.frombuffer(zlib.decompress(item), np.uint8).reshape(2, 3)
    >>> images = so.data.Decoded(items, decode, budget="1MB")
    >>> images.shape, images.dtype.name
    ((4, 2, 3), 'uint8')
    >>> images[2].tolist()
    [[2, 2, 2], [2, 2, 2]]
    >>> images[[0, 2, 3]].shape, images.stats.hits, images.stats.misses
    ((3, 2, 3), 2, 3)
    """

    def __init__(
        self,
        items: Sequence[Any],
        decode: Callable[[Any], Any],
        *,
        sample_shape: Sequence[SupportsIndex] | None = None,
        dtype: Any = None,
        budget: int | str = "256MB",
        directory: str | os.PathLike[str] | None = None,
        workers: int | None = None,
    ) -> None:
        if not callable(decode):
            raise TypeError(f"Decoded: decode is {type(decode).__name__}; it must be a function")
        if not hasattr(items, "__len__") or not hasattr(items, "__getitem__"):
            raise TypeError(f"Decoded: items is {type(items).__name__}; it must be a sequence")
        self._arguments = (items, decode, sample_shape, dtype, budget, directory, workers)
        self._items, self._decode, self._count = items, decode, len(items)
        self._budget = byte_count(budget, "Decoded: budget")
        self._directory = None if directory is None else str(Path(directory))
        if self._directory is not None and not Path(self._directory).is_dir():
            raise NotADirectoryError(f"Decoded: directory {self._directory} isn't a folder")
        if workers is None:
            workers = len(os.sched_getaffinity(0))
        self._workers = whole("Decoded: workers", workers, 1, 1000)
        self._pool: ThreadPoolExecutor | None = None
        self.failures: dict[int, str] = {}
        self._hits = self._misses = self._errors = 0
        if sample_shape is not None:
            sample_shape = checked_shape("Decoded: sample_shape", sample_shape)
        if dtype is not None:
            dtype = checked_dtype("Decoded: dtype", dtype)
        first = None
        if sample_shape is None or dtype is None:
            if not self._count:
                raise ValueError("Decoded: without items, sample_shape and dtype must be given")
            first = self._first()
        sample = first.shape if sample_shape is None else sample_shape  # type: ignore[union-attr]
        self.dtype = first.dtype if dtype is None else dtype  # type: ignore[union-attr]
        if self.dtype.hasobject or self.dtype.kind in "USV":
            raise TypeError(f"Decoded: samples have dtype {self.dtype}; they must be numbers")
        self.shape = (self._count, *sample)
        self._start()
        if first is not None:
            self._keep_first(first)

    @property
    def ndim(self) -> int:
        """Return the number of axes, the one of the samples included."""
        return len(self.shape)

    @property
    def stats(self) -> DecodedStats:
        """Return what was done so far."""
        return DecodedStats(
            self._hits, self._misses, self._errors, self._cache.stored, self._cache.stored_bytes
        )

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, key: Any) -> Array:
        chosen, is_single = positions(key, self._count)
        rows = np.empty((len(chosen), *self.shape[1:]), self.dtype)
        self.read(chosen, rows)
        return rows[0] if is_single else rows

    def read(
        self,
        indices: Sequence[SupportsIndex] | Array,
        out: Array,
        *,
        skip_errors: bool = False,
        stop: Stop | None = None,
    ) -> Array:
        """Decode these samples, or take them from the cache, into the rows of `out`.

        Parameters
        ----------
        indices : sequence of int
            Which samples; some may occur several times.
        out : array of shape (len(indices), *sample shape)
            Where they go.
        skip_errors : bool
            Go on without samples that can't be decoded: their rows become 0.
        stop : threading.Event, optional
            When another thread sets it, this call gives up within a few hundredths of a second.

        Returns
        -------
        array of int64
            The positions in `indices` of what couldn't be decoded.

        Raises
        ------
        DecodeError
            If a sample can't be decoded, without `skip_errors`. `out` has some of the others.
        IndexError
            If an index is out of range.
        ValueError
            If `out` has another shape or dtype, or this was closed.
        concurrent.futures.CancelledError
            If `stop` was set.
        """
        chosen, _ = positions(indices, self._count)
        if not isinstance(out, np.ndarray):
            raise TypeError(f"Decoded.read: out is {type(out).__name__}; it must be an array")
        rows = rows_for("Decoded.read", len(chosen), self.shape[1:], self.dtype, out)
        if self._process != os.getpid():
            self._start_in_child()
        while not self._lock.acquire(timeout=_PATIENCE):
            if stop is not None and stop.is_set():
                raise CancelledError
        try:
            if self._pool is None:
                raise ValueError("Decoded: it is closed")
            return self._read(self._pool, chosen, rows, skip_errors, stop)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let the threads end and forget the samples."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            self._cache.close()

    def _read(
        self,
        pool: ThreadPoolExecutor,
        chosen: Array,
        rows: Array,
        skip_errors: bool,
        stop: Stop | None,
    ) -> Array:
        cached = self._cache.has(chosen)
        here = np.flatnonzero(cached)
        self._cache.load(chosen[here], rows, here)
        missing = np.flatnonzero(~cached)
        # Each sample once, at the first of its positions.
        wanted, first, inverse = np.unique(chosen[missing], return_index=True, return_inverse=True)
        places = missing[first]
        work = Decoding(rows, self._put, skip_errors)
        if len(wanted):
            work.run(pool, self._workers, wanted.tolist(), places.tolist(), stop)
        self._note(work.failures)
        if work.failures and not skip_errors:
            _, number, error = min(work.failures, key=lambda failure: failure[0])
            raise DecodeError(self._reason(number, error), number) from error
        failed = np.isin(places, [position for position, _, _ in work.failures])
        rows[places[failed]] = 0
        self._cache.store(wanted[~failed], rows, places[~failed])
        again = places[inverse] != missing
        rows[missing[again]] = rows[places[inverse][again]]
        bad = missing[failed[inverse]]
        self._misses += len(wanted) - int(failed.sum())
        self._hits += len(chosen) - len(bad) - (len(wanted) - int(failed.sum()))
        return bad

    def _put(self, index: int, row: Array) -> None:
        fitting(self._decode(self._items[index]), row)

    def _note(self, failures: list[tuple[int, int, Exception]]) -> None:
        self._errors += len(failures)
        for _, number, error in failures:
            if len(self.failures) < _FAILURES_KEPT:
                self.failures.setdefault(number, self._reason(number, error))

    def _reason(self, index: int, error: Exception) -> str:
        try:
            item = f" ({shown(self._items[index])})"
        except Exception:  # taking the item may be what failed
            item = ""
        return f"Decoded: item {index}{item}: {type(error).__name__}: {error}"

    def _first(self) -> Array:
        try:
            return np.asarray(self._decode(self._items[0]))
        except Exception as error:
            raise DecodeError(self._reason(0, error), 0) from error

    def _keep_first(self, first: Array) -> None:
        row = np.empty((1, *self.shape[1:]), self.dtype)
        try:
            fitting(first, row[0, ...])
        except (TypeError, ValueError) as error:
            raise DecodeError(self._reason(0, error), 0) from error
        self._misses = 1
        self._cache.store(np.zeros(1, np.int64), row, np.zeros(1, np.int64))

    def _start(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._cache = SampleCache(
            self._count, self.shape[1:], self.dtype, self._budget, self._directory
        )
        self._pool = ThreadPoolExecutor(self._workers, "swiftopt-decode")

    def _start_in_child(self) -> None:
        """Go on after a fork, which took no thread along and would share the file of samples."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        if self._pool is not None:
            self._pool = ThreadPoolExecutor(self._workers, "swiftopt-decode")
            if self._directory is not None:
                self._cache = SampleCache(
                    self._count, self.shape[1:], self.dtype, self._budget, self._directory
                )

    def __getstate__(self) -> tuple[Any, ...]:
        return (*self._arguments[:2], self.shape[1:], self.dtype, *self._arguments[4:])

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        items, decode, sample_shape, dtype, budget, directory, workers = state
        Decoded.__init__(
            self, items, decode, sample_shape=sample_shape, dtype=dtype, budget=budget,
            directory=directory, workers=workers,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Decoded: {self.shape} of {self.dtype}>"
