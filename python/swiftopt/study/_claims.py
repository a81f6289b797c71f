"""What articles promise, in numbers that can be measured."""

from __future__ import annotations

from dataclasses import dataclass

#: What is measured, and what "more" means: better, for all of them.
MEASURES = {
    "time": "time to the target, times faster",
    "steps": "samples to the target, times fewer",
    "epoch": "time of an epoch, times faster",
    "run": "length of the whole run, times shorter",
    "wait": "time that training waits for data, times less",
    "gap": "share by which validation loss minus training loss is smaller",
    "accuracy": "test accuracy at the end, percentage points more",
}

#: Those that need times.
TIMED = ("time", "epoch", "run", "wait")


@dataclass(frozen=True, slots=True)
class Claim:
    """A promise about a technique.

    Parameters
    ----------
    measure : str
        One of `MEASURES`.
    low, high : float
        The range that is promised; `high` is infinite if there is no upper end.
    text : str
        The promise as it is usually worded.
    against : str or None
        The technique to compare with; None: the partner.
    """

    measure: str
    low: float
    high: float
    text: str
    against: str | None = None

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(f"measure is {self.measure!r}; it must be one of {list(MEASURES)}")


def less(low: float, high: float) -> tuple[float, float]:
    """Return "low to high less" as times faster.

    >>> less(0.2, 0.5)
    (1.25, 2.0)
    """
    return 1 / (1 - low), 1 / (1 - high)
