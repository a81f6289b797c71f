"""What a run tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Parameters
    ----------
    done, total : int
        Trials; `total` counts those of all phases.
    seconds_left : float
        For the rest of the plan, timings included.
    message : str
        What has just been finished.
    """

    done: int
    total: int
    seconds_left: float
    message: str


Listener = Callable[[Progress], None]


def duration(seconds: float) -> str:
    """Return a duration for people.

    >>> duration(42.3), duration(750), duration(9000)
    ('42 s', '12 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def line(progress: Progress) -> str:
    """Return one line about where a run is."""
    return (
        f"{progress.done}/{progress.total}  {duration(progress.seconds_left)} left  "
        f"{progress.message}"
    )
