"""The constructors of schedules that stay, go in steps, or change by a factor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from swiftopt._schedule import Schedule
from swiftopt._schedule_arguments import increasing, number, numbers, pack
from swiftopt._schedule_registry import constructor

# Codes of the native program, as in swiftopt.h.
_CONSTANT = 1
_STEP_DECAY = 2
_PIECEWISE_CONSTANT = 3
_EXPONENTIAL = 4


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
def multi_step(
    initial: float, *, milestones: Iterable[float], gamma: float | Iterable[float] = 0.1
) -> Schedule:
    """Multiply by `gamma` at each milestone: ``initial * gamma**k``, k = the number passed.

    A milestone counts as passed from the step of its number on. With a sequence, each
    milestone has a factor of its own.

    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2.

    Parameters
    ----------
    initial : float
        The value before the first milestone.
    milestones : iterable of float
        Greater than 0 and increasing; at most 2046.
    gamma : float or iterable of float, default 0.1
        The factor, >= 0, or one for each milestone.

    Raises
    ------
    TypeError, ValueError
        If they are not such numbers.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.multi_step(8.0, milestones=[30, 80], gamma=0.5)
    >>> schedule(29), schedule(30), schedule(80)
    (8.0, 4.0, 2.0)
    >>> so.multi_step(8.0, milestones=[30, 80], gamma=[0.5, 0.25])(80)
    1.0
    """
    initial = number("initial", initial)
    steps = increasing("milestones", milestones)
    factors: float | tuple[float, ...]
    if isinstance(gamma, Iterable) and not (isinstance(gamma, np.ndarray) and gamma.ndim == 0):
        factors = numbers("gamma", gamma)
        for index, factor in enumerate(factors):
            number(f"gamma[{index}]", factor, 0)
        if len(factors) != len(steps):
            raise ValueError(
                f"gamma has {len(factors)} elements and milestones {len(steps)}; "
                "each milestone must have one"
            )
        values = _running_product(initial, factors)
    else:
        factors = number("gamma", gamma, 0)
        # Natively, because the bits of Python's power depend on the processor.
        decay = exponential(initial, gamma=factors)
        values = [decay(k) for k in range(len(steps) + 1)]
    return Schedule(
        "multi_step",
        {"initial": initial, "milestones": steps, "gamma": factors},
        _pieces(values, steps),
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


def _pieces(values: Sequence[float], boundaries: Sequence[float]) -> bytes:
    pairs = (number for pair in zip(boundaries, values[1:], strict=True) for number in pair)
    return pack(_PIECEWISE_CONSTANT, len(boundaries), values[0], *pairs)


def _running_product(initial: float, factors: Sequence[float]) -> list[float]:
    """Return `initial` times the first 0, 1, 2, ... factors, each rounded once."""
    import decimal

    # 60 digits leave a thousand factors' roundings far below a double's.
    context = decimal.Context(60, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
    product = decimal.Decimal(initial)
    values = [float(initial)]
    for index, factor in enumerate(factors):
        product = context.multiply(product, decimal.Decimal(factor))
        values.append(number(f"the value after milestones[{index}]", float(product)))
    return values
