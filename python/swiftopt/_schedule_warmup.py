"""The constructors of schedules that begin with a warm-up."""

from __future__ import annotations

from typing import Any

from swiftopt._schedule import Schedule
from swiftopt._schedule_arguments import duration, number, pack, steps_or_fraction
from swiftopt._schedule_forms_decay import cosine, linear
from swiftopt._schedule_registry import constructor

# Codes of the native program, as in swiftopt.h.
_WARMUP = 7
_INVERSE_POWER = 12


@constructor
def warmup(peak: float, *, warmup: float, start: float = 0.0) -> Schedule:
    """Go in a line to `peak`: ``start + (peak - start) * n / warmup`` for n < warmup, then stay.

    Source: Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.2.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or `warmup` is not 0 or >= 1. A warm-up of 0 is
        at the peak at once.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.warmup(0.1, warmup=4)
    >>> schedule(0), schedule(2), schedule(4), schedule(1000)
    (0.0, 0.05, 0.1, 0.1)
    """
    arguments = {
        "peak": number("peak", peak),
        "warmup": duration("warmup", warmup),
        "start": number("start", start),
    }
    numbers = (arguments["start"], arguments["peak"], arguments["warmup"])
    return Schedule("warmup", arguments, pack(_WARMUP, *numbers))


@constructor
def warmup_cosine(
    peak: float,
    *,
    warmup: float | None = None,
    warmup_fraction: float | None = None,
    total: float,
    start: float = 0.0,
    final: float = 0.0,
) -> Schedule:
    """Warm up in a line to `peak`, then go along half a cosine wave to `final`.

    The same as ``warmup(peak, warmup=warmup, start=start)`` followed by
    ``cosine(peak, final, total=total - warmup)`` at `warmup`: the value is exactly `peak` at
    n = warmup and exactly `final` from n = total on.

    Sources: Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.2; Loshchilov and
    Hutter 2017, "SGDR", equation 5.

    Parameters
    ----------
    peak : float
        The value at the end of the warm-up.
    warmup : float
        Steps to the peak, 0 or >= 1, and < `total`.
    warmup_fraction : float
        Instead of `warmup`: its share of `total`, >= 0 and < 1. The number of steps is rounded.
    total : float
        Steps to the end, the warm-up included.
    start, final : float, default 0.0
        The values at the ends.

    Raises
    ------
    TypeError
        If an argument is not a number, or not exactly one of `warmup` and `warmup_fraction` is
        given.
    ValueError
        If an argument is not finite or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.warmup_cosine(0.1, warmup=100, total=1100)
    >>> schedule(0), schedule(50), schedule(100), round(schedule(600), 12), schedule(1100)
    (0.0, 0.05, 0.1, 0.05, 0.0)
    >>> so.warmup_cosine(0.1, warmup_fraction=0.1, total=1000)
    warmup_cosine(0.1, warmup=100, total=1000)
    """
    arguments = _arguments(peak, warmup, warmup_fraction, total, start, final)
    fall = cosine(arguments["peak"], arguments["final"], total=_steps_after_warmup(arguments))
    return _warmup_then("warmup_cosine", arguments, fall)


@constructor
def warmup_linear(
    peak: float,
    *,
    warmup: float | None = None,
    warmup_fraction: float | None = None,
    total: float,
    start: float = 0.0,
    final: float = 0.0,
) -> Schedule:
    """Warm up in a line to `peak`, then go in a line to `final`.

    Parameters, errors and ends are those of `warmup_cosine`.

    Source: Devlin et al. 2019, "BERT", appendix A.2.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.warmup_linear(0.1, warmup=100, total=1100)
    >>> schedule(50), schedule(100), schedule(600), schedule(1100)
    (0.05, 0.1, 0.05, 0.0)
    """
    arguments = _arguments(peak, warmup, warmup_fraction, total, start, final)
    fall = linear(arguments["peak"], arguments["final"], total=_steps_after_warmup(arguments))
    return _warmup_then("warmup_linear", arguments, fall)


@constructor
def inverse_sqrt(
    peak: float, *, warmup: float = 0, timescale: float | None = None, start: float = 0.0
) -> Schedule:
    """Warm up in a line to `peak`, then fall with the inverse square root of time.

    ``peak * sqrt(timescale / (n - warmup + timescale))`` from n = warmup on. As long as the
    warm-up by default, the timescale makes this ``peak * sqrt(warmup / n)``.

    Source: Vaswani et al. 2017, "Attention is all you need", equation 3. Its "Noam" schedule,
    ``d**-0.5 * min(s**-0.5, s * w**-1.5)`` with s = n + 1, is ``inverse_sqrt((d * w)**-0.5,
    warmup=w - 1, timescale=w, start=(d * w)**-0.5 / w)``.

    Parameters
    ----------
    peak : float
        The value at the end of the warm-up.
    warmup : float, default 0
        Steps to the peak, 0 or >= 1.
    timescale : float, optional
        > 0; after three times as many steps the value is halved. `warmup` by default, and
        10 000 without a warm-up.
    start : float, default 0.0
        The value at step 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.inverse_sqrt(0.8, warmup=100)
    >>> schedule(50), schedule(100), schedule(400), schedule(1600)
    (0.4, 0.8, 0.4, 0.2)
    """
    peak = number("peak", peak)
    steps = duration("warmup", warmup)
    start = number("start", start)
    if timescale is not None:
        timescale = number("timescale", timescale, 0, is_open=True)
    scale = timescale or steps or 10_000
    fall = Schedule("inverse_sqrt", {}, pack(_INVERSE_POWER, peak, scale, 0.5))
    arguments = {"peak": peak, "warmup": steps, "timescale": timescale, "start": start}
    return _warmup_then("inverse_sqrt", arguments, fall)


def _arguments(
    peak: float,
    warmup: float | None,
    warmup_fraction: float | None,
    total: float,
    start: float,
    final: float,
) -> dict[str, float]:
    total = number("total", total, 0, is_open=True)
    steps = steps_or_fraction("warmup", warmup, "warmup_fraction", warmup_fraction, total)
    if steps >= total:
        raise ValueError(f"the warm-up has {steps!r} steps; it must be less than total, {total!r}")
    return {
        "peak": number("peak", peak),
        "warmup": steps,
        "total": total,
        "start": number("start", start),
        "final": number("final", final),
    }


def _steps_after_warmup(arguments: dict[str, float]) -> float:
    return arguments["total"] - arguments["warmup"]


def _warmup_then(name: str, arguments: dict[str, Any], fall: Schedule) -> Schedule:
    rise = warmup(arguments["peak"], warmup=arguments["warmup"], start=arguments["start"])
    return Schedule(name, arguments, rise.then(fall, at=arguments["warmup"])._program)
