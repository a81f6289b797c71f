"""The constructors of schedules for `ema_decay`: decays of running means of weights.

With ``mean = decay * mean + (1 - decay) * weights`` after each update, a decay of 0 copies the
weights and one of 1 leaves the mean alone.
"""

from __future__ import annotations

from swiftopt._schedule import Schedule
from swiftopt._schedule_arguments import duration, number, pack
from swiftopt._schedule_forms import constant
from swiftopt._schedule_registry import constructor

# Codes of the native program, as in swiftopt.h.
_INVERSE_POWER = 12
_EQUAL_MEAN = 16


@constructor
def ema_warmup(decay: float, gamma: float = 1.0, power: float = 2 / 3) -> Schedule:
    """Average over few updates at first: ``min(decay, 1 - (1 + n / gamma)**-power)``.

    For `ema_decay`. The first update is copied (n = 0 gives 0). With the defaults the decay is
    0.999 after 31 600 updates and 0.9999 after a million; with a power of 3/4, for shorter
    runs, after 10 000 and 215 000.

    Source: the warm-up of timm's ModelEmaV3, without its delay.

    Parameters
    ----------
    decay : float
        The decay in the end, from 0 to 1.
    gamma : float, default 1.0
        Stretches the warm-up, > 0.
    power : float, default 2/3
        How fast it goes, > 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> schedule = so.ema_warmup(0.999, power=1.0)
    >>> schedule(0), schedule(1), schedule(3), schedule(10**6)
    (0.0, 0.5, 0.75, 0.999)
    >>> optimizer = so.AdamW({"w": np.ones(3)}, ema_decay=schedule)
    """
    decay = number("decay", decay, 0)
    if decay > 1:
        raise ValueError(f"decay is {decay!r}; it must be a finite number from 0 to 1")
    arguments = {
        "decay": decay,
        "gamma": number("gamma", gamma, 0, is_open=True),
        "power": number("power", power, 0, is_open=True),
    }
    missing = pack(_INVERSE_POWER, -1, arguments["gamma"], arguments["power"])
    grown = constant(1) + Schedule("ema_warmup", {}, missing)
    return Schedule("ema_warmup", arguments, grown.clamp(high=decay)._program)


@constructor
def swa(start: float, every: float = 1) -> Schedule:
    """Average equally from update `start` on, `every` so many: ``k / (k + 1)``.

    For `ema_decay`: k counts the weights averaged before. Until `start` the weights are copied
    (0), between two that count the mean stays (1). The learning rate beside it is usually
    constant, or cyclic with a period of `every`.

    Source: Izmailov et al. 2018, "Averaging weights leads to wider optima and better
    generalization", algorithm 1.

    Parameters
    ----------
    start : float
        Completed updates before the one whose result is the first to count, >= 0.
    every : float, default 1
        Updates from one that counts to the next, >= 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> so.swa(2)(np.arange(6))
    array([0.        , 0.        , 0.        , 0.5       , 0.66666667,
           0.75      ])
    >>> w = np.zeros(1)
    >>> optimizer = so.SGD({"w": w}, lr=1.0, ema_decay=so.swa(1))
    >>> for _ in range(4):  # w is 1, 2, 3, 4 after the updates
    ...     report = optimizer.step({"w": np.array([-1.0])})
    >>> with optimizer.evaluation():  # the mean of 2, 3 and 4
    ...     print(w)
    [3.]
    """
    arguments = {"start": duration("start", start), "every": number("every", every, 1)}
    return Schedule("swa", arguments, pack(_EQUAL_MEAN, *arguments.values()))
