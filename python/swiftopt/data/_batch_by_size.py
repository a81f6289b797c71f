"""Batches of samples of similar size."""

from __future__ import annotations

from operator import index
from typing import Any, SupportsIndex

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._order import LISTED, Order, permutation
from swiftopt.data._samplers import Sampler


class BatchBySize(Sampler):
    """Batches of samples of similar size, as many as fit: for sequences of different lengths.

    Samples are sorted by size and cut into batches, each as large as (number of samples) × (its
    largest size) <= max_size allows, which is what a batch takes once it is padded. The batches
    come in a random order, another one in each epoch, and so do the samples of equal size.

    Parameters
    ----------
    sizes : array of integers
        The size of each sample, such as its number of tokens; at least 1.
    max_size : int
        What a batch may have at most after padding.
    max_samples : int, optional
        The most samples of a batch.
    shuffle : bool
        False leaves the batches in the order of their size.

    Notes
    -----
    Give the loader no `batch_size`. With several ranks, each takes every world-th batch.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> sizes = np.array([9, 1, 2, 8, 2, 1])
    >>> loader = so.data.Loader(sizes, sampler=so.data.BatchBySize(sizes, max_size=18))
    >>> sorted(sorted(batch.tolist()) for batch in loader)
    [[1, 1, 2, 2], [8, 9]]
    """

    def __init__(
        self,
        sizes: Any,
        max_size: SupportsIndex,
        *,
        max_samples: SupportsIndex | None = None,
        shuffle: bool = True,
    ) -> None:
        array = np.asarray(sizes)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(
                f"BatchBySize: sizes has shape {array.shape}; one per sample is needed"
            )
        if array.dtype.kind not in "iu":
            raise TypeError(f"BatchBySize: sizes has dtype {array.dtype}; it must be integers")
        if array.min() < 1:
            raise ValueError(f"BatchBySize: sizes has {array.min()}; it must be at least 1")
        self.max_size = index(max_size)
        if array.max() > self.max_size:
            raise ValueError(
                f"BatchBySize: max_size is {self.max_size}; it must be at least the largest size, "
                f"{array.max()}"
            )
        self.max_samples = array.size if max_samples is None else index(max_samples)
        if self.max_samples < 1:
            raise ValueError(
                f"BatchBySize: max_samples is {self.max_samples}; at least 1 is needed"
            )
        self.shuffle = shuffle
        self._sizes = array.astype(np.int64)
        self._starts = _cut(np.sort(self._sizes), self.max_size, self.max_samples)

    @property
    def is_constant(self) -> bool:
        """Return whether `order` is the same for each epoch."""
        return False

    def check(self, samples: int) -> None:
        """Raise ValueError if it is for another number of samples."""
        if self._sizes.size != samples:
            raise ValueError(
                f"BatchBySize is for {self._sizes.size} samples; the data have {samples}"
            )

    def order(self, samples: int, seed: int, epoch: int) -> Order:
        """Return the order of an epoch over so many samples."""
        batches = len(self._starts) - 1
        if not self.shuffle:
            order = np.argsort(self._sizes, kind="stable")
            return Order(LISTED, samples, order, batch_starts=self._starts)
        # Where the batches begin depends on the sizes alone, so it's the same for each epoch.
        order = np.lexsort((permutation(samples, seed, 2 * epoch), self._sizes))
        chosen = permutation(batches, seed, 2 * epoch + 1)
        starts, lengths = self._starts[:-1][chosen], np.diff(self._starts)[chosen]
        ends = np.cumsum(lengths)
        positions = np.repeat(starts - (ends - lengths), lengths) + np.arange(samples)
        return Order(LISTED, samples, order[positions], batch_starts=np.concatenate(([0], ends)))

    @property
    def most_of_a_batch(self) -> int:
        """Return how many samples its largest batch has."""
        return int(np.diff(self._starts).max())

    def __repr__(self) -> str:
        return f"BatchBySize({self._sizes.size} samples, max_size={self.max_size})"


def _cut(sizes: Array, max_size: int, max_samples: int) -> Array:
    """Return where batches of sorted sizes begin, and where the last one ends."""
    starts = [0]
    while starts[-1] < sizes.size:
        start = starts[-1]
        # The longest run whose padded size is allowed: it grows with each sample.
        low, high = start + 1, min(sizes.size, start + max_samples)
        while low < high:
            middle = (low + high + 1) // 2
            if int(sizes[middle - 1]) * (middle - start) <= max_size:
                low = middle
            else:
                high = middle - 1
        starts.append(low)
    return np.array(starts, np.int64)
