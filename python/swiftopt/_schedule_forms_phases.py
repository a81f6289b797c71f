"""The constructors of schedules that are some others one after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from swiftopt._schedule import Schedule
from swiftopt._schedule_arguments import choice, number, steps_or_fraction
from swiftopt._schedule_forms import constant
from swiftopt._schedule_forms_decay import cosine, linear, polynomial
from swiftopt._schedule_registry import constructor


@constructor
def one_cycle(
    peak: float,
    *,
    total: float,
    warmup: float | None = None,
    warmup_fraction: float | None = None,
    start: float | None = None,
    final: float | None = None,
    shape: str = "cosine",
    three_phase: bool = False,
) -> Schedule:
    """Go up to `peak` and down to far below the start, once.

    From `start` at 0 to `peak` at n = warmup and to `final` at n = total. With `three_phase`,
    down to `start` in as many steps as up, and to `final` in the rest.

    A momentum that goes the other way has `start` and `final` above `peak`.

    Source: Smith and Topin 2019, "Super-convergence: Very fast training of neural networks using
    large learning rates" (1cycle, arXiv:1708.07120); defaults are those of torch's OneCycleLR.

    Parameters
    ----------
    peak : float
        The value in the middle.
    total : float
        Steps to the end.
    warmup : float
        Steps to the peak, >= 0 and < `total`.
    warmup_fraction : float, default 0.3
        Instead of `warmup`: its share of `total`. The number of steps is rounded.
    start, final : float, optional
        The values at the ends; ``peak / 25`` and ``start / 1e4`` by default.
    shape : {"cosine", "linear"}, default "cosine"
        Of the way between.
    three_phase : bool, default False
        Whether the way down has two parts.

    Raises
    ------
    TypeError
        If an argument is not a number, or both `warmup` and `warmup_fraction` are given.
    ValueError
        If an argument is not finite or out of its range, or the phases don't fit `total`.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.one_cycle(0.5, total=1000)
    >>> schedule(0), schedule(300), schedule(1000)
    (0.02, 0.5, 2e-06)
    >>> momentum = so.one_cycle(0.85, total=1000, start=0.95, final=0.95)
    >>> momentum(0), momentum(300), momentum(1000)
    (0.95, 0.85, 0.95)
    """
    peak = number("peak", peak)
    total = number("total", total, 0, is_open=True)
    if warmup is None and warmup_fraction is None:
        warmup_fraction = 0.3
    steps = steps_or_fraction("warmup", warmup, "warmup_fraction", warmup_fraction, total)
    start = None if start is None else number("start", start)
    final = None if final is None else number("final", final)
    make = cosine if choice("shape", shape, ("cosine", "linear")) == "cosine" else linear
    if not isinstance(three_phase, bool):
        raise TypeError(f"three_phase is {three_phase!r}; it must be True or False")
    down = 2 * steps if three_phase else steps
    if down >= total:
        raise ValueError(f"the phases before the last have {down!r} steps; total is {total!r}")
    first = peak / 25 if start is None else start
    last = first / 1e4 if final is None else final
    ways = [(first, peak, steps)]
    if three_phase:
        ways.append((peak, first, steps))
    ways.append((ways[-1][1], last, total - down))
    phases = [(make(a, b, total=length), length) for a, b, length in ways if length > 0]
    arguments = {
        "peak": peak, "total": total, "warmup": steps, "start": start, "final": final,
        "shape": shape, "three_phase": three_phase,
    }  # fmt: skip
    return _in_turn("one_cycle", arguments, phases)


@constructor
def warmup_stable_decay(
    peak: float,
    *,
    total: float,
    warmup: float | None = None,
    warmup_fraction: float | None = None,
    decay: float | None = None,
    decay_fraction: float | None = None,
    start: float = 0.0,
    final: float = 0.0,
    shape: str = "linear",
) -> Schedule:
    """Warm up in a line to `peak`, stay there, and go down at the end.

    The last `decay` steps before `total` go to `final`: in a line, along half a cosine wave, or
    as ``1 - sqrt(x)``, x being their share that is done.

    Sources: Hu et al. 2024, "MiniCPM", section 4; Hägele et al. 2024, "Scaling laws and
    compute-optimal training beyond fixed training durations", section 3 (1-sqrt).

    Parameters
    ----------
    peak : float
        The value in the middle.
    total : float
        Steps to the end.
    warmup, decay : float
        Steps to the peak and down from it, >= 0 and together at most `total`.
    warmup_fraction, decay_fraction : float
        Instead of these: their shares of `total`. The numbers of steps are rounded.
    start, final : float, default 0.0
        The values at the ends.
    shape : {"linear", "cosine", "1-sqrt"}, default "linear"
        Of the way down.

    Raises
    ------
    TypeError
        If an argument is not a number, or not exactly one of each pair is given.
    ValueError
        If an argument is not finite or out of its range, or the phases don't fit `total`.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.warmup_stable_decay(0.5, total=1000, warmup=50, decay_fraction=0.2)
    >>> schedule(25), schedule(50), schedule(800), schedule(900), schedule(1000)
    (0.25, 0.5, 0.5, 0.25, 0.0)
    """
    peak = number("peak", peak)
    total = number("total", total, 0, is_open=True)
    rise = steps_or_fraction("warmup", warmup, "warmup_fraction", warmup_fraction, total)
    fall = steps_or_fraction("decay", decay, "decay_fraction", decay_fraction, total)
    start = number("start", start)
    final = number("final", final)
    choice("shape", shape, ("linear", "cosine", "1-sqrt"))
    if rise + fall > total:
        raise ValueError(
            f"warmup has {rise!r} steps and decay {fall!r}; together they must be at most "
            f"total, {total!r}"
        )
    phases = [] if rise == 0 else [(linear(start, peak, total=rise), rise)]
    if total - rise - fall > 0:
        phases.append((constant(peak), total - rise - fall))
    if fall == 0:
        phases.append((constant(final), 0))
    elif shape == "1-sqrt":
        phases.append((polynomial(peak, final, total=fall, k_decay=0.5), fall))
    else:
        make = cosine if shape == "cosine" else linear
        phases.append((make(peak, final, total=fall), fall))
    arguments = {
        "peak": peak, "total": total, "warmup": rise, "decay": fall, "start": start,
        "final": final, "shape": shape,
    }  # fmt: skip
    return _in_turn("warmup_stable_decay", arguments, phases)


@constructor
def slanted_triangular(
    peak: float, *, total: float, cut_fraction: float = 0.1, ratio: float = 32.0
) -> Schedule:
    """Go up in a short line from ``peak / ratio`` to `peak`, and down in a long one.

    The peak is at n = cut, the share `cut_fraction` of `total`, rounded to a whole number (the
    paper rounds down); ``peak / ratio`` is reached again at n = total.

    Source: Howard and Ruder 2018, "Universal language model fine-tuning for text
    classification", equation 3.

    Parameters
    ----------
    peak : float
        The highest value.
    total : float
        Steps to the end, > 0.
    cut_fraction : float, default 0.1
        Share of the steps that go up, >= 0 and less than all.
    ratio : float, default 32.0
        How many times as high the peak is as the ends, >= 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.slanted_triangular(3.2, total=100)
    >>> schedule(0), schedule(10), schedule(100)
    (0.1, 3.2, 0.1)
    """
    peak = number("peak", peak)
    total = number("total", total, 0, is_open=True)
    share = number("cut_fraction", cut_fraction, 0)
    ratio = number("ratio", ratio, 1)
    cut = round(share * total)
    if cut >= total:
        raise ValueError(f"cut_fraction is {share!r}; the {cut!r} steps up must be less than total")
    low = peak / ratio
    phases = [] if cut == 0 else [(linear(low, peak, total=cut), float(cut))]
    phases.append((linear(peak, low, total=total - cut), total - cut))
    arguments = {"peak": peak, "total": total, "cut_fraction": share, "ratio": ratio}
    return _in_turn("slanted_triangular", arguments, phases)


def _in_turn(
    name: str, arguments: dict[str, Any], phases: Iterable[tuple[Schedule, float]]
) -> Schedule:
    """Join schedules and their lengths; the last one has no end."""
    *before, (joined, _) = phases
    for schedule, length in reversed(before):
        joined = schedule.then(joined, at=length)
    return Schedule(name, arguments, joined._program)
