"""The constructors of schedules that are one formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from swiftopt._schedule import Schedule, constructor
from swiftopt._schedule_arguments import increasing, number, numbers, pack

# Codes of the native program, as in swiftopt.h.
_CONSTANT = 1
_STEP_DECAY = 2
_PIECEWISE_CONSTANT = 3
_EXPONENTIAL = 4
_POLYNOMIAL = 5
_COSINE = 6


@constructor
def constant(value: float) -> Schedule:
    """Return the same value at every step.

    Raises
    ------
    TypeError, ValueError
        If `value` is not a finite number.

    Examples
    --------
    >>> import swiftopt as so
    >>> so.constant(0.1)(1000)
    0.1
    """
    value = number("value", value)
    return Schedule("constant", {"value": value}, pack(_CONSTANT, value))


@constructor
def step_decay(initial: float, *, step_size: float, gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` every `step_size` updates: ``initial * gamma**floor(n / step_size)``.

    Source: He et al. 2016, "Deep residual learning for image recognition", section 3.4.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number, `step_size` is not > 0 or `gamma` not >= 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.step_decay(8.0, step_size=30, gamma=0.5)
    >>> schedule(29), schedule(30), schedule(60)
    (8.0, 4.0, 2.0)
    """
    initial = number("initial", initial)
    step_size = number("step_size", step_size, 0, is_open=True)
    gamma = number("gamma", gamma, 0)
    return Schedule(
        "step_decay",
        {"initial": initial, "step_size": step_size, "gamma": gamma},
        pack(_STEP_DECAY, initial, step_size, gamma),
    )


@constructor
def piecewise_constant(values: Iterable[float], *, boundaries: Iterable[float]) -> Schedule:
    """Use one value after another: ``values[k]``, k = the number of boundaries <= n.

    Parameters
    ----------
    values : iterable of float
        One more than there are boundaries.
    boundaries : iterable of float
        Greater than 0 and increasing; at most 2046.

    Raises
    ------
    TypeError, ValueError
        If they are not such numbers.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.piecewise_constant([0.1, 0.05, 0.01], boundaries=[100, 200])
    >>> schedule(99), schedule(100), schedule(200)
    (0.1, 0.05, 0.01)
    """
    levels = numbers("values", values)
    edges = increasing("boundaries", boundaries)
    if len(levels) != len(edges) + 1:
        raise ValueError(
            f"values has {len(levels)} elements and boundaries {len(edges)}; "
            "values must have one more"
        )
    return Schedule(
        "piecewise_constant", {"values": levels, "boundaries": edges}, _pieces(levels, edges)
    )


@constructor
def multi_step(initial: float, *, milestones: Iterable[float], gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` at each milestone: ``initial * gamma**k``, k = the number passed.

    A milestone counts as passed from the step of its number on.

    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number, `gamma` is not >= 0, or the milestones are not
        greater than 0 and increasing.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.multi_step(8.0, milestones=[30, 80], gamma=0.5)
    >>> schedule(29), schedule(30), schedule(80)
    (8.0, 4.0, 2.0)
    """
    initial = number("initial", initial)
    steps = increasing("milestones", milestones)
    gamma = number("gamma", gamma, 0)
    # Natively, because the bits of Python's power depend on the processor.
    decay = exponential(initial, gamma=gamma)
    return Schedule(
        "multi_step",
        {"initial": initial, "milestones": steps, "gamma": gamma},
        _pieces([decay(k) for k in range(len(steps) + 1)], steps),
    )


@constructor
def exponential(initial: float, *, gamma: float) -> Schedule:
    """Multiply by `gamma` at every update: ``initial * gamma**n``.

    A `gamma` above 1 grows, as in the learning-rate range test of Smith 2017, "Cyclical
    learning rates for training neural networks", section 3.3.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or `gamma` is not >= 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> so.exponential(1.0, gamma=0.5)(3)
    0.125
    """
    initial = number("initial", initial)
    gamma = number("gamma", gamma, 0)
    return Schedule(
        "exponential", {"initial": initial, "gamma": gamma}, pack(_EXPONENTIAL, initial, gamma)
    )


@constructor
def linear(initial: float, final: float = 0.0, *, total: float) -> Schedule:
    """Go in a line: ``initial + (final - initial) * n / total`` for n < total, then `final`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or `total` is not > 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.linear(1.0, total=100)
    >>> schedule(0), schedule(75), schedule(100)
    (1.0, 0.25, 0.0)
    """
    arguments = _ends(initial, final, total)
    return Schedule("linear", arguments, pack(_POLYNOMIAL, *arguments.values(), 1))


@constructor
def polynomial(initial: float, final: float = 0.0, *, total: float, power: float = 1.0) -> Schedule:
    """Go along a power of a line.

    ``final + (initial - final) * (1 - n / total)**power`` for n < total, then `final`.

    Source: Chen et al. 2018, "DeepLab", section 4.3 (the "poly" policy, `power` 0.9).

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number, or `total` or `power` is not > 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> so.polynomial(1.0, total=100, power=2.0)(50)
    0.25
    """
    arguments = {**_ends(initial, final, total), "power": number("power", power, 0, is_open=True)}
    return Schedule("polynomial", arguments, pack(_POLYNOMIAL, *arguments.values()))


@constructor
def cosine(initial: float, final: float = 0.0, *, total: float) -> Schedule:
    """Go along half a cosine wave.

    ``final + (initial - final) * (1 + cos(pi * n / total)) / 2`` for n < total, then `final`.

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5, for one period.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or `total` is not > 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.cosine(1.0, total=100)
    >>> schedule(0), round(schedule(50), 12), schedule(100)
    (1.0, 0.5, 0.0)
    """
    arguments = _ends(initial, final, total)
    return Schedule("cosine", arguments, pack(_COSINE, *arguments.values()))


def _ends(initial: float, final: float, total: float) -> dict[str, Any]:
    """Check the arguments that `linear`, `polynomial` and `cosine` share."""
    return {
        "initial": number("initial", initial),
        "final": number("final", final),
        "total": number("total", total, 0, is_open=True),
    }


def _pieces(values: Sequence[float], boundaries: Sequence[float]) -> bytes:
    pairs = (number for pair in zip(boundaries, values[1:], strict=True) for number in pair)
    return pack(_PIECEWISE_CONSTANT, len(boundaries), values[0], *pairs)
