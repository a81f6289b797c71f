"""What joins two schedules or changes one: the methods' and operators' constructors.

Their names and arguments are those of the JSON.
"""

from __future__ import annotations

from swiftopt._schedule import Schedule, _as_schedule
from swiftopt._schedule_arguments import choice, number, pack, whole
from swiftopt._schedule_forms import constant
from swiftopt._schedule_forms_decay import cosine, geometric
from swiftopt._schedule_registry import constructor
from swiftopt._schedule_warmup import warmup

# Codes of the native program, as in swiftopt.h.
_THEN = 100
_ADD = 101
_MULTIPLY = 102
_MINIMUM = 103
_MAXIMUM = 104
_REPEAT = 105


@constructor
def then(first: Schedule | float, second: Schedule | float, *, at: float) -> Schedule:
    """Return `first` before step `at`, and `second` counted from there on."""
    at = number("at", at, 0)
    return _joined("then", {"first": first, "second": second}, pack(_THEN, at), at=at)


@constructor
def add(left: Schedule | float, right: Schedule | float) -> Schedule:
    """Return the sum of two schedules."""
    return _joined("add", {"left": left, "right": right}, pack(_ADD))


@constructor
def multiply(left: Schedule | float, right: Schedule | float) -> Schedule:
    """Return the product of two schedules."""
    return _joined("multiply", {"left": left, "right": right}, pack(_MULTIPLY))


@constructor
def repeat(of: Schedule | float, every: float, *, times: int | None = None) -> Schedule:
    """Return a schedule that begins anew `every` so many steps."""
    every = number("every", every, 0, is_open=True)
    times = None if times is None else whole("times", times, 1)
    return _joined("repeat", {"of": of}, pack(_REPEAT, every, times or 0), every=every, times=times)


@constructor
def clamp(of: Schedule | float, *, low: float | None = None, high: float | None = None) -> Schedule:
    """Return a schedule whose values are kept at or above `low` and at or below `high`."""
    if low is None and high is None:
        raise TypeError("at least one of low and high must be given")
    low = None if low is None else number("low", low)
    high = None if high is None else number("high", high)
    if low is not None and high is not None and low > high:
        raise ValueError(f"low is {low!r}; it must be at most high, {high!r}")
    schedule = _as_schedule("of", of)
    program = schedule._program
    if low is not None:
        program = pack(_MAXIMUM) + program + constant(low)._program
    if high is not None:
        program = pack(_MINIMUM) + program + constant(high)._program
    return Schedule("clamp", {"of": schedule, "low": low, "high": high}, program)


@constructor
def warmed_up(
    of: Schedule | float, steps: float, *, start: float = 0.0, shape: str = "linear"
) -> Schedule:
    """Return a schedule behind a rise from `start` to its first value."""
    schedule = _as_schedule("of", of)
    steps = number("steps", steps, 0)
    start = number("start", start)
    choice("shape", shape, ("linear", "cosine", "exponential"))
    peak = number("the schedule's value at step 0", schedule(0))
    if shape == "exponential" and not (start > 0 and peak > 0):
        raise ValueError(
            f"start is {start!r} and the schedule's value at step 0 is {peak!r}; "
            "for an exponential warm-up both must be greater than 0"
        )
    if shape == "linear" or steps == 0:
        rise = warmup(peak, warmup=steps, start=start)
    else:
        rise = (cosine if shape == "cosine" else geometric)(start, peak, total=steps)
    arguments = {"of": schedule, "steps": steps, "start": start, "shape": shape}
    return Schedule("warmed_up", arguments, rise.then(schedule, at=steps)._program)


def _joined(
    name: str, parts: dict[str, Schedule | float], operator: bytes, **others: float | None
) -> Schedule:
    schedules = {key: _as_schedule(key, part) for key, part in parts.items()}
    program = operator + b"".join(part._program for part in schedules.values())
    return Schedule(name, {**schedules, **others}, program)
