"""The constructors of schedules that come back."""

from __future__ import annotations

from swiftopt._schedule import Schedule
from swiftopt._schedule_arguments import number, pack
from swiftopt._schedule_registry import constructor

# Codes of the native program, as in swiftopt.h.
_COSINE_RESTARTS = 10
_CYCLIC = 11


@constructor
def cosine_restarts(
    initial: float,
    final: float = 0.0,
    *,
    period: float,
    period_factor: float = 1.0,
    decay: float = 1.0,
) -> Schedule:
    """Go along half a cosine wave from `initial` to `final` in each cycle.

    Cycle i = 0, 1, ... begins at n = b, which is ``period * (1 + period_factor + ... +
    period_factor**(i - 1))`` rounded to a double, at exactly ``initial * decay**i``, and takes
    ``period * period_factor**i`` steps.

    Source: Loshchilov and Hutter 2017, "SGDR", equation 5: `period` is T_0, `period_factor`
    T_mult. `decay` is timm's.

    Parameters
    ----------
    initial, final : float
        The values at the begin and the end of the first cycle; `final` is 0.0 by default.
    period : float
        Length of the first cycle, > 0.
    period_factor : float, default 1.0
        How many times as long each cycle is as the one before, >= 1.
    decay : float, default 1.0
        How many times as high each cycle begins as the one before, >= 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.cosine_restarts(0.8, period=10, period_factor=2, decay=0.5)
    >>> schedule(0), schedule(10), round(schedule(20), 12), schedule(30)
    (0.8, 0.4, 0.2, 0.2)
    """
    arguments = {
        "initial": number("initial", initial),
        "final": number("final", final),
        "period": number("period", period, 0, is_open=True),
        "period_factor": number("period_factor", period_factor, 1),
        "decay": number("decay", decay, 0),
    }
    return Schedule("cosine_restarts", arguments, pack(_COSINE_RESTARTS, *arguments.values()))


@constructor
def cyclic(
    low: float,
    high: float,
    *,
    rise: float,
    fall: float | None = None,
    decay: float = 1.0,
    gamma: float = 1.0,
) -> Schedule:
    """Go up and down in lines between `low` and `high`, again and again.

    ``low + (high - low) * w * decay**cycle * gamma**n``, where w rises from 0 to 1 in `rise`
    steps and falls back to 0 in `fall` steps. A `decay` of 0.5 is Smith's triangular2, a
    `gamma` below 1 exp_range. A momentum that goes the other way has its larger value as `low`.

    Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.1.

    Parameters
    ----------
    low, high : float
        The values at the begin and at the peak of a cycle.
    rise : float
        Steps from `low` to `high`, > 0.
    fall : float, optional
        Steps back, > 0; `rise` by default.
    decay, gamma : float, default 1.0
        Factors of the height per cycle and per step, from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.cyclic(0.0, 0.8, rise=2, decay=0.5)
    >>> schedule([0, 1, 2, 3, 4, 5, 6, 7, 8])
    array([0. , 0.4, 0.8, 0.4, 0. , 0.2, 0.4, 0.2, 0. ])
    """
    low, high = number("low", low), number("high", high)
    rise = number("rise", rise, 0, is_open=True)
    fall = None if fall is None else number("fall", fall, 0, is_open=True)
    decay, gamma = _share("decay", decay), _share("gamma", gamma)
    arguments = {
        "low": low, "high": high, "rise": rise, "fall": fall, "decay": decay, "gamma": gamma,
    }  # fmt: skip
    program = pack(_CYCLIC, low, high, rise, rise if fall is None else fall, decay, gamma)
    return Schedule("cyclic", arguments, program)


def _share(name: str, value: float) -> float:
    result = number(name, value, 0)
    if result > 1:
        raise ValueError(f"{name} is {value!r}; it must be a finite number from 0 to 1")
    return result
