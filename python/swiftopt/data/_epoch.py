"""One loop over a loader."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol, Self

from swiftopt.data._native_feed import FAILED, Report
from swiftopt.data._position import Position
from swiftopt.data._ring import Ring
from swiftopt.data._stats import LoaderStats


class Feed(Protocol):
    """Where batches come from, in their order."""

    def next(self) -> tuple[int, Report, float] | None:
        """Return slot, report and seconds waited of the next batch; None after the last one."""

    def close(self) -> None:
        """Stop its threads."""

    @property
    def is_over(self) -> bool:
        """Return whether none of its threads can write any more, once it is closed."""


class Epoch:
    """The iterator of a loader: the batches of one epoch.

    Its threads end with the last batch, with `close`, or when nothing refers to it, as after a
    loop that was left by an exception.
    """

    def __init__(
        self,
        feed: Feed,
        ring: Ring,
        position: Position,
        stats: LoaderStats,
        read_error: Callable[[Any], OSError],
        *,
        copy: bool,
    ) -> None:
        self._feed: Feed | None = feed
        self._ring, self._position, self._stats = ring, position, stats
        self._read_error, self._copy = read_error, copy
        self._ended_by: str | None = None
        self._begin: float | None = None  # of the first request
        self._counted = 0.0  # of the time since then

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._feed is None:
            if self._ended_by is not None:
                raise RuntimeError(
                    f"this loop was ended by {self._ended_by} of the same Loader; loops that run "
                    "at once need a Loader each, such as copy.copy(loader)"
                )
            raise StopIteration
        start = perf_counter()
        if self._begin is None:
            self._begin = start
        try:
            while True:
                found = self._feed.next()
                if found is None:
                    break
                slot, report, _ = found
                samples = self._note(report, fails=slot == FAILED)
                self._position.batch += 1
                if samples > 0:
                    batch = self._ring.batch(slot, samples, report[5], copy=self._copy)
                    break
        except BaseException:
            self.close()
            raise
        end = perf_counter()
        self._stats.wait_seconds += end - start
        self._stats.total_seconds += end - self._begin - self._counted
        self._counted = end - self._begin
        if found is None:
            self.close()
            self._position.end_epoch()
            raise StopIteration
        return batch

    def _note(self, report: Report, *, fails: bool) -> int:
        """Count what became of a batch; OSError if it couldn't be read."""
        samples, bytes_read, hits, misses, errors, _, fault = report
        stats = self._stats
        stats.bytes_read += bytes_read
        stats.cache_hits += hits
        stats.cache_misses += misses
        if fault is not None:
            error = fault if isinstance(fault, str) else self._read_error(fault)
            if fails:
                assert not isinstance(error, str)
                raise error
            stats.read_errors += errors
            stats.note_error(str(error))
        stats.batches += samples > 0
        stats.samples += samples
        return samples

    def close(self, by: str | None = None) -> None:
        """Stop the threads; the loop then has no further batch.

        What it is ended by, if it isn't its user, is told to who asks for one.
        """
        if self._feed is not None:
            self._feed.close()  # or it raises: another thread waits for a batch
            self._feed = None
            self._ended_by = by

    def __del__(self) -> None:
        self.close()
