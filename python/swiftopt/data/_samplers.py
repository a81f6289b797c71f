"""Samplers: in which order an epoch visits the samples."""

from __future__ import annotations

from operator import index
from typing import Any, Protocol, SupportsIndex, runtime_checkable

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt.data._order import (
    LISTED,
    SEQUENTIAL,
    SHUFFLED,
    WEIGHTED,
    Order,
    listed,
)


@runtime_checkable
class IndexSampler(Protocol):
    """Any object with this method is a sampler, such as one of your own."""

    def indices(self, epoch: int) -> Any:
        """Return the samples of an epoch in their order: integers, each once or more often.

        It must be the same for the same epoch, or a run can't be resumed in mid-epoch.
        """


class Sampler:
    """What the samplers of this package have in common."""

    def order(self, samples: int, seed: int, epoch: int) -> Order:
        """Return the order of an epoch over so many samples."""
        raise NotImplementedError

    @property
    def is_constant(self) -> bool:
        """Return whether `order` is the same for each epoch: native code then draws the samples."""
        return True

    @property
    def most_of_a_batch(self) -> int | None:
        """Return how many samples its largest batch has; None if it makes no batches."""
        return None

    def check(self, samples: int) -> None:
        """Raise ValueError if it is for another number of samples."""


class Sequential(Sampler):
    """Samples in the order in which they are stored. The default.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> loader = so.data.Loader(np.arange(5), batch_size=2, sampler=so.data.Sequential())
    >>> [batch.tolist() for batch in loader]
    [[0, 1], [2, 3], [4]]
    """

    def order(self, samples: int, seed: int, epoch: int) -> Order:
        """Return the order of an epoch over so many samples."""
        return Order(SEQUENTIAL, samples)

    def __repr__(self) -> str:
        return "Sequential()"


class Shuffled(Sampler):
    """Each sample once per epoch, in a random order of its own for each. As `shuffle=True`.

    The order is computed, not stored: a Feistel network permutes the positions, with round keys
    that Philox draws from the loader's seed and the epoch. So a run goes on in mid-epoch from
    two numbers, however many samples there are.

    References
    ----------
    J. Black and P. Rogaway, Ciphers with arbitrary finite domains, 2002 (cycle walking).

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> loader = so.data.Loader(np.arange(6), batch_size=6, shuffle=True, seed=1)
    >>> [batch.tolist() for batch in loader], [batch.tolist() for batch in loader]
    ([[3, 4, 5, 2, 1, 0]], [[4, 5, 1, 0, 3, 2]])
    """

    def order(self, samples: int, seed: int, epoch: int) -> Order:
        """Return the order of an epoch over so many samples."""
        return Order(SHUFFLED, samples)

    def __repr__(self) -> str:
        return "Shuffled()"


class Weighted(Sampler):
    """Samples drawn at random with replacement, each with a probability of its own.

    Parameters
    ----------
    weights : array of numbers
        One per sample, >= 0 and not all 0: sample i is drawn with probability
        weights[i] / sum(weights), and never if that is 0.
    length : int, optional
        Draws of an epoch; by default as many as there are samples.

    Notes
    -----
    A draw takes the time of two random numbers, however many samples there are: Walker's alias
    method. Augmentations differ between two draws of the same sample.

    References
    ----------
    A. J. Walker, An efficient method for generating discrete random variables with general
    distributions, 1977.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> sampler = so.data.Weighted([1, 0, 3], length=8000)
    >>> loader = so.data.Loader(np.arange(3), batch_size=8000, sampler=sampler)
    >>> counts = np.bincount(next(iter(loader)), minlength=3)
    >>> int(counts[1]), bool(abs(counts[0] - 2000) < 200)
    (0, True)
    """

    def __init__(self, weights: Any, length: SupportsIndex | None = None) -> None:
        name = type(self).__name__
        array = np.asarray(weights)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"{name}: weights has shape {array.shape}; it must be one per sample")
        if array.dtype.kind not in "iufb":
            raise TypeError(f"{name}: weights has dtype {array.dtype}; it must be numbers")
        self._set(np.ascontiguousarray(array, np.float64), length)

    def _set(self, weights: Array, length: SupportsIndex | None) -> None:
        name = type(self).__name__
        self.length = weights.size if length is None else index(length)
        if self.length < 1:
            raise ValueError(f"{name}: length is {self.length}; it must be at least 1")
        self._accept = np.empty(weights.size, np.float64)
        self._alias = np.empty(weights.size, np.int64)
        try:
            _core.alias_table(weights, self._accept, self._alias)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def check(self, samples: int) -> None:
        """Raise ValueError if it is for another number of samples."""
        if self._accept.size != samples:
            raise ValueError(
                f"{type(self).__name__} is for {self._accept.size} samples; the data have {samples}"
            )

    def order(self, samples: int, seed: int, epoch: int) -> Order:
        """Return the order of an epoch over so many samples."""
        return Order(WEIGHTED, self.length, self._accept, self._alias, repeats=True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._accept.size} samples, length={self.length})"


class Balanced(Weighted):
    """Samples drawn at random with replacement, all classes equally often (oversampling).

    Parameters
    ----------
    labels : array of integers or strings
        The class of each sample. A class is drawn with probability 1 / (number of classes that
        occur), then one of its samples.
    length : int, optional
        Draws of an epoch; by default as many as there are samples.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> labels = np.array([0] * 90 + [1] * 10)
    >>> sampler = so.data.Balanced(labels, length=10_000)
    >>> loader = so.data.Loader(labels, batch_size=10_000, sampler=sampler)
    >>> bool(abs(next(iter(loader)).mean() - 0.5) < 0.02)
    True
    """

    def __init__(self, labels: Any, length: SupportsIndex | None = None) -> None:
        array = np.asarray(labels)
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"Balanced: labels has shape {array.shape}; it must be one per sample")
        if array.dtype.kind not in "iubSU":
            raise TypeError(
                f"Balanced: labels has dtype {array.dtype}; it must be integers or strings"
            )
        _, classes, counts = np.unique(array, return_inverse=True, return_counts=True)
        self._set(np.ascontiguousarray(1 / counts[classes]), length)


class Listed(Sampler):
    """The order that a sampler of the caller's gives."""

    def __init__(self, sampler: IndexSampler) -> None:
        self.sampler = sampler

    @property
    def is_constant(self) -> bool:
        """Return whether `order` is the same for each epoch."""
        return False

    def order(self, samples: int, seed: int, epoch: int) -> Order:
        """Return the order of an epoch over so many samples."""
        what = f"{type(self.sampler).__name__}.indices({epoch})"
        array = listed(self.sampler.indices(epoch), samples, what)
        return Order(LISTED, array.size, array, repeats=True)

    def __repr__(self) -> str:
        return repr(self.sampler)
