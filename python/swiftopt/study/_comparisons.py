"""Two cells of a workload, compared by every measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from statistics import median as middle
from typing import NamedTuple

import numpy as np

from swiftopt._arrays import Array
from swiftopt.study._cells import Cell
from swiftopt.study._statistics import (
    Estimate,
    bootstrap,
    difference_of_medians,
    median,
    ratio_of_medians,
    ratio_of_products,
)

#: A batch that is ready costs about this much to take: less isn't told from nothing.
_LEAST_WAIT = 1e-6


class Comparison(NamedTuple):
    """How much better a technique is than another one, on one workload.

    `bound` is ">" if the other one missed the target (the value is a lower bound), "<" if the
    technique missed it (an upper bound), and "" otherwise. The interval is open, to 0 or to
    infinity, where a resample of the seeds may well have missed.
    """

    estimate: Estimate
    bound: str = ""

    def is_better(self, nothing: float) -> bool:
        """Tell whether the whole interval is on the good side of no difference."""
        return self.bound != "<" and self.estimate.low > nothing

    def is_worse(self, nothing: float) -> bool:
        """Tell whether the whole interval is on the bad side of no difference."""
        return self.bound != ">" and self.estimate.high < nothing

    def reaches(self, low: float) -> bool:
        """Tell whether at least `low` was measured."""
        return self.bound != "<" and self.estimate.value >= low


def compare(measure: str, cell: Cell, other: Cell) -> Comparison | None:
    """Return by how much `cell` is better than `other`; None: can't be told.

    See `_claims.MEASURES` for the measures. For times and steps to the target, a miss has the
    value of the whole run.
    """
    return _MEASURES[measure](cell, other)


def no_difference(measure: str) -> float:
    """Return the value that says that nothing has changed."""
    return 0.0 if measure in ("accuracy", "gap") else 1.0


def _bound(cell: Cell, other: Cell) -> str | None:
    """Return the bound that misses make of a ratio; None if both missed."""
    if cell.is_missed and other.is_missed:
        return None
    return "<" if cell.is_missed else ">" if other.is_missed else ""


def _steps(cell: Cell, other: Cell) -> Comparison | None:
    return _to_target(lambda others, ours: bootstrap(ratio_of_medians, others, ours), cell, other)


def _time(cell: Cell, other: Cell) -> Comparison | None:
    if not (cell.rounds and other.rounds):
        return None
    return _to_target(lambda others, ours: _ratio_of_times(others, ours, cell, other), cell, other)


def _to_target(
    ratio: Callable[[Sequence[float], Sequence[float]], Estimate], cell: Cell, other: Cell
) -> Comparison | None:
    bound = _bound(cell, other)
    if bound is None:
        return None
    # A miss took at least its whole run: that is the value, and each end of the interval has
    # the misses that would move it out as endless.
    value = ratio(other.samples(), cell.samples()).value
    low = ratio(other.samples(), cell.samples(missed=inf)).low
    high = ratio(other.samples(missed=inf), cell.samples()).high
    return Comparison(Estimate(value, low, high), bound)


def _ratio_of_times(
    others: Sequence[float], ours: Sequence[float], cell: Cell, other: Cell
) -> Estimate:
    """Return how many times longer so many samples of `other` take than those of `cell`."""
    if cell.batch == other.batch and cell.rounds == other.rounds:
        return bootstrap(ratio_of_medians, others, ours)  # one measurement for both cancels
    return bootstrap(ratio_of_products, others, per_sample(other), ours, per_sample(cell))


def _epoch(cell: Cell, other: Cell) -> Comparison | None:
    if not (cell.rounds and other.rounds):
        return None
    return Comparison(bootstrap(ratio_of_medians, per_sample(other), per_sample(cell)))


def _run(cell: Cell, other: Cell) -> Comparison | None:
    if not (cell.rounds and other.rounds):
        return None
    others, ours = ([float(step * c.batch) for step in c.run_steps] for c in (other, cell))
    return Comparison(_ratio_of_times(others, ours, cell, other))


def _wait(cell: Cell, other: Cell) -> Comparison | None:
    if not (cell.waits and other.waits):
        return None
    waits = ([max(wait, _LEAST_WAIT) / c.batch for wait in c.waits] for c in (other, cell))
    return Comparison(bootstrap(ratio_of_medians, *waits))


def _gap(cell: Cell, other: Cell) -> Comparison | None:
    if not (cell.gaps and other.gaps) or middle(other.gaps) <= 0:
        return None  # nothing to shrink
    return Comparison(bootstrap(_share_less, other.gaps, cell.gaps))


def _accuracy(cell: Cell, other: Cell) -> Comparison | None:
    return Comparison(bootstrap(difference_of_medians, cell.accuracy, other.accuracy))


def per_sample(cell: Cell) -> Sequence[float]:
    """Return the measured seconds per sample."""
    return [seconds / cell.batch for seconds in cell.rounds]


def _share_less(before: Array, after: Array) -> Array:
    before_median = median(before)
    # A resample without a gap has nothing to shrink.
    safe = np.where(before_median > 0, before_median, np.inf)
    return np.where(before_median > 0, 1 - median(after) / safe, 0.0)


_MEASURES: dict[str, Callable[[Cell, Cell], Comparison | None]] = {
    "time": _time,
    "steps": _steps,
    "epoch": _epoch,
    "run": _run,
    "wait": _wait,
    "gap": _gap,
    "accuracy": _accuracy,
}
