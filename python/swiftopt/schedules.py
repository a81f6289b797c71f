"""Schedules: values that depend on the number of completed updates alone.

``schedule(n)`` is the value for the update after `n` completed ones, so training starts with
``schedule(0)``. Any number among an optimizer's hyper-parameters may be a schedule.

Results are within 4 · 2⁻⁵² of the largest value of the exact formulas, with the same bits on
every processor. Ends and peaks are exact and nothing lies beyond them.
"""

from __future__ import annotations

from swiftopt._schedule import Schedule
from swiftopt._schedule_forms import (
    constant,
    cosine,
    exponential,
    linear,
    multi_step,
    piecewise_constant,
    polynomial,
    step_decay,
)
from swiftopt._schedule_warmup import warmup, warmup_cosine, warmup_linear

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "linear",
    "multi_step",
    "piecewise_constant",
    "polynomial",
    "step_decay",
    "warmup",
    "warmup_cosine",
    "warmup_linear",
]
