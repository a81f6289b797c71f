"""Samples that a Python function decodes, on several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple, Protocol

import numpy as np

from swiftopt._arrays import Array

_PATIENCE = 0.02
_CHUNKS_PER_WORKER = 4


class DecodedStats(NamedTuple):
    """What a `Decoded` did since it was made.

    `hits` samples came from the cache (or occurred twice in one read), `misses` were decoded,
    `errors` couldn't be; `cached_samples` of `cached_bytes` bytes are kept.
    """

    hits: int
    misses: int
    errors: int
    cached_samples: int
    cached_bytes: int


class Stop(Protocol):
    """What tells that nobody waits any more: a `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether to give up."""


class Decoding:
    """One batch being decoded: which samples go where, and what went wrong.

    Threads that still decode when the batch is given up must not write into its rows, which
    belong to someone else by then: a lock makes sure of that.
    """

    def __init__(self, rows: Array, put: Callable[[int, Array], None], skip_errors: bool) -> None:
        self._rows, self._put, self._skip_errors = rows, put, skip_errors
        self._lock = threading.Lock()
        self._is_over = False
        self.failures: list[tuple[int, int, Exception]] = []

    def run(
        self,
        pool: ThreadPoolExecutor,
        workers: int,
        indices: Sequence[int],
        positions: Sequence[int],
        stop: Stop | None,
    ) -> None:
        """Decode samples `indices` into rows `positions`.

        Raises CancelledError soon after `stop` was set.
        """
        size = -(-len(indices) // (workers * _CHUNKS_PER_WORKER)) or 1
        futures = [
            pool.submit(
                self._decode, indices[begin : begin + size], positions[begin : begin + size]
            )
            for begin in range(0, len(indices), size)
        ]
        try:
            self._wait(futures, stop)
        finally:
            with self._lock:
                self._is_over = True
            for future in futures:
                future.cancel()
        for future in futures:
            if not future.cancelled():
                future.result()

    def _wait(self, futures: list[Future[None]], stop: Stop | None) -> None:
        pending = set(futures)
        while pending:
            _, pending = wait(pending, timeout=_PATIENCE)
            if stop is not None and stop.is_set():
                raise CancelledError
            if self.failures and not self._skip_errors:
                return

    def _decode(self, indices: Sequence[int], positions: Sequence[int]) -> None:
        for index, position in zip(indices, positions, strict=True):
            if self._is_over:
                return
            row = np.empty(self._rows.shape[1:], self._rows.dtype)
            try:
                self._put(index, row)
            except Exception as error:
                with self._lock:
                    self.failures.append((position, index, error))
                if not self._skip_errors:
                    return
                continue
            with self._lock:
                if self._is_over:
                    return
                self._rows[position] = row


def fitting(sample: Any, row: Array) -> None:
    """Copy what a decoding function returned into its row.

    Raises ValueError or TypeError if it has another shape or a dtype that doesn't fit.
    """
    array = np.asarray(sample)
    if array.shape != row.shape:
        raise ValueError(f"decode returned shape {array.shape}; it must be {row.shape}")
    np.copyto(row, array, casting="same_kind")
