"""The order of an epoch, as native code takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array

SEQUENTIAL, SHUFFLED, WEIGHTED, LISTED = range(4)


@dataclass(frozen=True)
class Order:
    """An order of samples: one of the four kinds above, with its arrays.

    `batch_starts` are the positions where batches begin, and the last one ends, if they have
    different sizes.
    """

    kind: int
    length: int
    first: Array | None = None
    second: Array | None = None
    batch_starts: Array | None = None
    repeats: bool = False  # a sample may come more than once in an epoch

    def native(self, samples: int, rank: int, world: int, seed: int) -> tuple[object, ...]:
        """Return it as _core takes a sampler."""
        return (self.kind, samples, self.length, rank, world, seed, self.first, self.second)

    def positions(self, rank: int, world: int) -> int:
        """Return how many positions are this rank's."""
        return max(0, (self.length - rank + world - 1) // world)


def permutation(count: int, seed: int, epoch: int) -> Array:
    """Return a random order of 0 ..< count."""
    out = np.empty(count, np.int64)
    _core.sample_indices((SHUFFLED, count, count, 0, 1, seed, None, None), epoch, 0, out)
    return out


def listed(indices: object, samples: int, what: str) -> Array:
    """Return indices as native code takes them; TypeError or ValueError if they aren't any."""
    array = np.asarray(indices)
    if array.ndim != 1:
        raise ValueError(f"{what} has shape {array.shape}; it must have one axis")
    if array.size == 0:
        raise ValueError(f"{what} is empty; an epoch must have samples")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what} has dtype {array.dtype}; it must be an integer one")
    least, most = int(array.min()), int(array.max())
    if least < 0 or most >= samples:
        raise ValueError(
            f"{what} has the index {least if least < 0 else most}; it must be in 0 ..< {samples}"
        )
    return np.array(array, np.int64)  # a copy: the sampler may change its own during the epoch
