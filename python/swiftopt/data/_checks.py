"""Arguments of a loader."""

from __future__ import annotations

from operator import index
from typing import Any, SupportsIndex

import numpy as np

from swiftopt.data._samplers import IndexSampler, Listed, Sampler, Sequential, Shuffled


def whole(name: str, value: SupportsIndex, least: int, most: int) -> int:
    """Return a whole number; TypeError or ValueError if it isn't one, or out of range."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be a whole number") from None
    if isinstance(value, bool) or not least <= number <= most:
        raise ValueError(f"{name} is {value!r}; it must be a whole number in {least} ... {most}")
    return number


def checked_shape(name: str, value: Any) -> tuple[int, ...]:
    """Return the shape of a sample."""
    try:
        shape = tuple(map(index, value))
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be a tuple of whole numbers") from None
    if any(length < 0 for length in shape):
        raise ValueError(f"{name} is {shape}; no length may be negative")
    return shape


def checked_dtype(name: str, value: Any) -> np.dtype[Any]:
    """Return what NumPy takes for a dtype."""
    try:
        found: np.dtype[Any] = np.dtype(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be a dtype") from None
    return found


def checked_rank(rank: SupportsIndex, world: int) -> int:
    """Return the number of a process among `world`."""
    number = whole("rank", rank, -(2**63), 2**63)
    if not 0 <= number < world:
        raise ValueError(f"rank is {rank!r}; with world={world} it must be in 0 ... {world - 1}")
    return number


def checked_sampler(sampler: object, shuffle: bool, samples: int) -> Sampler:
    """Return the sampler that is meant, if it is for so many samples."""
    if sampler is None:
        return Shuffled() if shuffle else Sequential()
    if shuffle:
        raise ValueError("shuffle and sampler are both given; the sampler is the order")
    if isinstance(sampler, Sampler):
        sampler.check(samples)
        return sampler
    if isinstance(sampler, IndexSampler) and not isinstance(sampler, type):
        return Listed(sampler)
    raise TypeError(
        f"sampler is {sampler!r}; it must be one of so.data's, such as so.data.Shuffled(), or have "
        "a method indices(epoch)"
    )


def checked_batch_size(
    batch_size: SupportsIndex | None, sampler: Sampler, *, drop_last: bool
) -> int:
    """Return the most samples of a batch."""
    most = sampler.most_of_a_batch
    if most is None:
        if batch_size is None:
            raise TypeError("batch_size must be given")
        return whole("batch_size", batch_size, 1, 2**31)
    if batch_size is not None:
        raise TypeError(f"batch_size is given; {type(sampler).__name__} decides it")
    if drop_last:
        raise ValueError(f"drop_last is True; {type(sampler).__name__} has no uneven last batch")
    return most
