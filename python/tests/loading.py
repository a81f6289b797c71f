"""What the tests of so.data.Loader share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import numpy as np

import swiftopt as so


def numbered(count, shape=(2, 3), dtype=np.uint8):
    """Samples whose every element tells which sample it is of, and labels that are the number."""
    elements = int(np.prod(shape, dtype=int))
    numbers = np.arange(count * elements, dtype=np.int64) * 7 % 251
    return numbers.astype(dtype).reshape(count, *shape), np.arange(count)


def collected(loader):
    """One epoch, field by field, in new arrays."""
    batches = [tuple(np.array(field) for field in batch) for batch in loader]
    return tuple(np.concatenate(field) for field in zip(*batches, strict=True))


def keep_last(batches, into):
    """Appends the last field of each batch to `into`, as far as the batches go."""
    for batch in batches:
        into.append(np.array(batch[-1] if isinstance(batch, tuple) else batch))


def shards(folder: Path, samples: np.ndarray, files: int, **settings) -> so.data.Shards:
    """The samples in so many files."""
    for number, part in enumerate(np.array_split(samples, files)):
        np.save(folder / f"part-{number:03}.npy", part)
    return so.data.Shards(folder, **settings)


def thread_ids() -> set[str]:
    return {task.name for task in Path("/proc/self/task").iterdir()}


def threads_end(before: set[str], seconds: float = 0.1) -> bool:
    """Whether all threads that aren't in `before` have ended within this time."""
    limit = time.monotonic() + seconds
    while thread_ids() - before:
        if time.monotonic() > limit:
            return False
        time.sleep(0.001)
    return True


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def chi_square_limit(freedom: int, deviations: float) -> float:
    """What chi-square exceeds as rarely as a normal number does so many standard deviations
    (Wilson & Hilferty 1931)."""
    share = 2 / (9 * freedom)
    return freedom * (1 - share + deviations * sqrt(share)) ** 3


def power(freedom: int, limit: float, noncentrality: float) -> float:
    """The chance that chi-square exceeds a limit if the counts are off by so much (Patnaik's
    approximation by a scaled central one, then Wilson & Hilferty)."""
    from statistics import NormalDist

    scale = (freedom + 2 * noncentrality) / (freedom + noncentrality)
    effective = (freedom + noncentrality) ** 2 / (freedom + 2 * noncentrality)
    share = 2 / (9 * effective)
    value = ((limit / scale / effective) ** (1 / 3) - (1 - share)) / sqrt(share)
    return 1 - NormalDist().cdf(value)
