"""Medians, ratios and their bootstrap intervals; performance profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from swiftopt._arrays import Array

#: Resamples of the bootstrap, and the share of them that an interval holds.
RESAMPLES = 2000
COVERAGE = 0.95
_SEED = 20231107


class Estimate(NamedTuple):
    """A value and its interval."""

    value: float
    low: float
    high: float


def bootstrap(statistic: Callable[..., Array], *samples: Sequence[float]) -> Estimate:
    """Return a statistic with its percentile bootstrap interval (Efron 1979).

    The samples are drawn with replacement, each by itself, always with the same random
    numbers.

    Parameters
    ----------
    statistic : callable
        Takes one array (resamples, n) for each sample and returns (resamples,).
    samples : sequences of float

    Examples
    --------
    >>> bootstrap(median, [1.0, 2.0, 3.0, 4.0, 5.0])
    Estimate(value=3.0, low=1.0, high=5.0)
    """
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    rng = np.random.default_rng(_SEED)
    drawn = [array[rng.integers(0, len(array), (RESAMPLES, len(array)))] for array in arrays]
    outside = (1 - COVERAGE) / 2
    low, high = np.quantile(statistic(*drawn), (outside, 1 - outside), method="inverted_cdf")
    value = statistic(*(array[None] for array in arrays))[0]
    return Estimate(float(value), float(low), float(high))


def median(values: Array) -> Array:
    """Return the median of each row."""
    return np.asarray(np.median(values, axis=-1))


def ratio_of_medians(first: Array, second: Array) -> Array:
    """Return how many times larger the first one's median is than the second one's."""
    return np.asarray(median(first) / median(second))


def difference_of_medians(first: Array, second: Array) -> Array:
    """Return by how much the first one's median is larger."""
    return np.asarray(median(first) - median(second))


def ratio_of_products(a: Array, b: Array, c: Array, d: Array) -> Array:
    """Return (median of a × median of b) over that of c and d: of steps and seconds per step."""
    return np.asarray(median(a) * median(b) / (median(c) * median(d)))


def geometric_mean_of_ratios(*samples: Array) -> Array:
    """Return the geometric mean of ratios of products, of four samples each."""
    fours = [samples[start : start + 4] for start in range(0, len(samples), 4)]
    logs = [np.log(ratio_of_products(*four)) for four in fours]
    return np.asarray(np.exp(np.mean(logs, axis=0)))


def mean_of_differences(*samples: Array) -> Array:
    """Return the mean of differences of medians, of two samples each."""
    pairs = zip(samples[::2], samples[1::2], strict=True)
    return np.asarray(np.mean([difference_of_medians(*pair) for pair in pairs], axis=0))


def performance_profile(
    times: Mapping[str, Mapping[str, float | None]], problems: Sequence[str]
) -> dict[str, list[tuple[float, float]]]:
    """Return, for each technique, which share of the problems it solves within a factor.

    Dolan and Moré 2002: the factor is against the fastest technique on each problem, and
    what wasn't solved (None, or no entry) is infinitely slow.

    Parameters
    ----------
    times : mapping of technique to mapping of problem to time
    problems : sequence of str

    Returns
    -------
    dict
        The corners (factor, share) of each staircase, by increasing factor.

    Examples
    --------
    >>> performance_profile({"a": {"p": 1.0, "q": 4.0}, "b": {"p": 3.0, "q": 2.0}}, ["p", "q"])
    {'a': [(1.0, 0.5), (2.0, 1.0)], 'b': [(1.0, 0.5), (3.0, 1.0)]}
    """
    fastest = {
        problem: min(
            (time for row in times.values() if (time := row.get(problem)) is not None), default=None
        )
        for problem in problems
    }
    profile = {}
    for technique, row in times.items():
        factors = sorted(
            time / best
            for problem in problems
            if (time := row.get(problem)) is not None and (best := fastest[problem]) is not None
        )
        profile[technique] = [
            (factor, (index + 1) / len(problems)) for index, factor in enumerate(factors)
        ]
    return profile
