"""Samples that are kept, in memory or in a file, while a byte budget lasts."""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path
from typing import Any, cast

import numpy as np

from swiftopt._arrays import Array


class SampleCache:
    """A store for some of `count` samples: the first ones that come, which then stay.

    An epoch visits every sample once, so that at most those hit which were there when it began.
    With what came first this is reached in every order, and no sample is ever written twice.

    Attributes
    ----------
    capacity : int
        How many samples the budget is enough for.
    stored : int
        How many there are.
    """

    def __init__(
        self,
        count: int,
        sample: tuple[int, ...],
        dtype: np.dtype[Any],
        budget: int,
        directory: str | None,
    ) -> None:
        self._bytes = int(np.prod(sample, dtype=object)) * dtype.itemsize
        self.capacity = count if self._bytes == 0 else min(count, budget // self._bytes)
        self.stored = 0
        self._slots = np.full(count if self.capacity else 0, -1, np.int64)
        self._descriptor = -1
        self._memory: Array | None = None
        self._close: Any = None
        if directory is None:
            # Pages that nothing was written to take no memory.
            self._memory = np.empty((self.capacity, *sample), dtype)
        elif self.capacity:
            descriptor, path = tempfile.mkstemp(prefix="swiftopt-samples-", dir=directory)
            self._close = weakref.finalize(self, os.close, descriptor)
            self._descriptor = descriptor
            Path(path).unlink()  # it goes when it is closed, whatever happens to the process

    @property
    def stored_bytes(self) -> int:
        """Return how many bytes the samples take."""
        return self.stored * self._bytes

    def has(self, indices: Array) -> Array:
        """Return which of these samples are stored."""
        if not self.capacity:
            return np.zeros(len(indices), bool)
        return self._slots[indices] >= 0

    def load(self, indices: Array, rows: Array, positions: Array) -> None:
        """Copy stored samples to these positions of `rows`."""
        slots = self._slots[indices]
        if self._memory is not None:
            if len(positions) == len(rows):
                np.take(self._memory, slots, axis=0, out=rows, mode="clip")  # without a copy
            else:
                rows[positions] = self._memory[slots]
            return
        for slot, position in zip(slots.tolist(), positions.tolist(), strict=True):
            _transfer(os.preadv, self._descriptor, rows[position, ...], slot * self._bytes)

    def store(self, indices: Array, rows: Array, positions: Array) -> None:
        """Keep samples that aren't stored, as many as there is room for."""
        room = self.capacity - self.stored
        indices, positions = indices[:room], positions[:room]
        if not len(indices):
            return
        slots = np.arange(self.stored, self.stored + len(indices))
        if self._memory is not None:
            self._memory[slots[0] : slots[-1] + 1] = rows[positions]
        else:
            for done, (slot, position) in enumerate(zip(slots, positions.tolist(), strict=True)):
                try:
                    _transfer(
                        os.pwritev, self._descriptor, rows[position, ...], int(slot) * self._bytes
                    )
                except OSError:  # the disk is full before the budget is
                    self.capacity = self.stored + done
                    indices, slots = indices[:done], slots[:done]
                    break
        self._slots[indices] = slots
        self.stored += len(indices)

    def close(self) -> None:
        """Forget the samples."""
        self.capacity = self.stored = 0
        self._memory = None
        if self._close is not None:
            self._close()


def _transfer(operation: Any, descriptor: int, row: Array, offset: int) -> None:
    buffer = memoryview(cast(Any, row.reshape(-1).view(np.uint8))) if row.size else memoryview(b"")
    while buffer:
        count = operation(descriptor, [buffer], offset)
        if not count:
            raise OSError(f"a file of stored samples ends at byte {offset}")
        buffer, offset = buffer[count:], offset + count
