"""Memory for samples that were read from files, so that they are read only once."""

from __future__ import annotations

import os
import tempfile

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._shards import Shards

_MOST = 2**32 - 2


def sample_memory(shards: Shards) -> tuple[Array, Array, Array] | None:
    """Return memory, slots and counter of a native cache; None if none is wanted.

    All three lie in the file, if there is one: a process and its forks then agree on what it
    has.
    """
    samples = shards.shape[0]
    capacity = min(shards.cache_bytes // shards.sample_bytes, samples, _MOST)
    if capacity == 0:
        return None
    parts = (8, 4 * samples, capacity * shards.sample_bytes)
    starts = (0, 64, 64 + -(-parts[1] // 64) * 64)
    size = starts[2] + parts[2]
    if shards.cache_directory is None:
        memory = np.empty(size, np.uint8)
        memory[: starts[2]] = 0
    else:
        with tempfile.TemporaryFile(dir=shards.cache_directory) as file:
            # A full disk must be told now; later it would end the process.
            os.posix_fallocate(file.fileno(), 0, size)
            memory = np.memmap(file, np.uint8, "r+", shape=(size,))
    used, slots, rows = (
        memory[start : start + length] for start, length in zip(starts, parts, strict=True)
    )
    return rows, slots.view(np.uint32), used.view(np.int64)
