"""Schedules: values that depend on the number of completed updates alone.

``schedule(n)`` is the value for the update after `n` completed ones, so training starts with
``schedule(0)``. Any number among an optimizer's hyper-parameters may be a schedule.

Results are within 4 · 2⁻⁵² of the largest value of the exact formulas, with the same bits on
every processor and for any number of threads. Ends and peaks are exact and nothing lies beyond
them.
"""

from __future__ import annotations

from swiftopt import _schedule_joints as _schedule_joints  # registers what the methods make
from swiftopt._schedule import Schedule
from swiftopt._schedule_forms import (
    constant,
    exponential,
    multi_step,
    piecewise_constant,
    step_decay,
)
from swiftopt._schedule_forms_averages import ema_warmup, swa
from swiftopt._schedule_forms_cycles import cosine_restarts, cyclic
from swiftopt._schedule_forms_decay import cosine, geometric, linear, polynomial, rex, tanh
from swiftopt._schedule_forms_phases import one_cycle, slanted_triangular, warmup_stable_decay
from swiftopt._schedule_warmup import inverse_sqrt, warmup, warmup_cosine, warmup_linear
from swiftopt._training_time import TrainingTime

__all__ = [
    "Schedule",
    "TrainingTime",
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic",
    "ema_warmup",
    "exponential",
    "geometric",
    "inverse_sqrt",
    "linear",
    "multi_step",
    "one_cycle",
    "piecewise_constant",
    "polynomial",
    "rex",
    "slanted_triangular",
    "step_decay",
    "swa",
    "tanh",
    "warmup",
    "warmup_cosine",
    "warmup_linear",
    "warmup_stable_decay",
]
