"""The constructors of schedules that go from one value to another and stay there."""

from __future__ import annotations

from typing import Any

from swiftopt._schedule import Schedule
from swiftopt._schedule_arguments import number, pack
from swiftopt._schedule_registry import constructor

# Codes of the native program, as in swiftopt.h.
_POLYNOMIAL = 5
_COSINE = 6
_K_POLYNOMIAL = 8
_K_COSINE = 9
_GEOMETRIC = 13
_TANH = 14
_REX = 15


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
def polynomial(
    initial: float,
    final: float = 0.0,
    *,
    total: float,
    power: float = 1.0,
    k_decay: float = 1.0,
) -> Schedule:
    """Go along a power of a line.

    ``final + (initial - final) * (1 - (n / total)**k_decay)**power`` for n < total, then
    `final`.

    Sources: Chen et al. 2018, "DeepLab", section 4.3 (the "poly" policy, `power` 0.9); Zhang
    and Li 2020, "k-decay" (a `k_decay` above 1 puts the decay off).

    Parameters
    ----------
    initial, final : float
        The values at the ends; `final` is 0.0 by default.
    total : float
        Steps to the end, > 0.
    power, k_decay : float, default 1.0
        Greater than 0; `k_decay` at most 10⁶.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> so.polynomial(1.0, total=100, power=2.0)(50)
    0.25
    >>> so.polynomial(1.0, total=100, k_decay=0.5)(25)
    0.5
    """
    arguments = {
        **_ends(initial, final, total),
        "power": number("power", power, 0, is_open=True),
        "k_decay": number("k_decay", k_decay, 0, is_open=True),
    }
    initial, final, total, power, k_decay = arguments.values()
    if k_decay == 1:
        program = pack(_POLYNOMIAL, initial, final, total, power)
    else:
        program = pack(_K_POLYNOMIAL, initial, final, total, power, k_decay)
    return Schedule("polynomial", arguments, program)


@constructor
def cosine(initial: float, final: float = 0.0, *, total: float, k_decay: float = 1.0) -> Schedule:
    """Go along half a cosine wave.

    ``final + (initial - final) * (1 + cos(pi * (n / total)**k_decay)) / 2`` for n < total, then
    `final`.

    Sources: Loshchilov and Hutter 2017, "SGDR", equation 5, for one period; Zhang and Li 2020,
    "k-decay" (a `k_decay` above 1 puts the decay off).

    Parameters
    ----------
    initial, final : float
        The values at the ends; `final`, the minimum, is 0.0 by default.
    total : float
        Steps to the end, > 0.
    k_decay : float, default 1.0
        Greater than 0 and at most 10⁶.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.cosine(1.0, total=100)
    >>> schedule(0), round(schedule(50), 12), schedule(100)
    (1.0, 0.5, 0.0)
    """
    arguments = {
        **_ends(initial, final, total),
        "k_decay": number("k_decay", k_decay, 0, is_open=True),
    }
    initial, final, total, k_decay = arguments.values()
    if k_decay == 1:
        program = pack(_COSINE, initial, final, total)
    else:
        program = pack(_K_COSINE, initial, final, total, k_decay)
    return Schedule("cosine", arguments, program)


@constructor
def geometric(initial: float, final: float, *, total: float) -> Schedule:
    """Go from one value to another by the same factor at each update.

    ``initial * (final / initial)**(n / total)`` for n < total, then `final`: a line on a
    logarithmic scale, such as a learning-rate range test takes.

    Source: Smith 2017, "Cyclical learning rates for training neural networks", section 3.3,
    with the logarithmic scale that has become usual.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number, `total` is not > 0, or the ends are not both
        greater or both less than 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.geometric(1e-4, 1.0, total=100)
    >>> schedule(0), round(schedule(50), 12), schedule(100)
    (0.0001, 0.01, 1.0)
    """
    arguments = _ends(initial, final, total)
    initial, final = arguments["initial"], arguments["final"]
    if not (initial > 0 and final > 0) and not (initial < 0 and final < 0):
        raise ValueError(
            f"initial is {initial!r} and final {final!r}; they must be both greater or both "
            "less than 0"
        )
    return Schedule("geometric", arguments, pack(_GEOMETRIC, *arguments.values()))


@constructor
def tanh(
    initial: float,
    final: float = 0.0,
    *,
    total: float,
    lower: float = -6.0,
    upper: float = 3.0,
) -> Schedule:
    """Go along a hyperbolic tangent, upside down.

    ``final + (initial - final) * (1 - tanh(lower + (upper - lower) * n / total)) / 2`` for
    n < total, then `final`. By default it begins 6 · 10⁻⁶ of the way below `initial` and drops
    the last 0.25 % at the end.

    Source: Hsueh, Li and Wu 2019, "Stochastic gradient descent with hyperbolic-tangent decay on
    classification" (HTD, arXiv:1806.01593). timm's `lower` is -7 by default.

    Parameters
    ----------
    initial, final : float
        The values towards the ends; `final` is 0.0 by default.
    total : float
        Steps to the end, > 0.
    lower, upper : float, default -6.0 and 3.0
        The part of the tangent, each from -300 to 300.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or out of its range.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.tanh(1.0, total=90)
    >>> schedule(60), schedule(90)
    (0.5, 0.0)
    """
    arguments = {
        **_ends(initial, final, total),
        "lower": number("lower", lower),
        "upper": number("upper", upper),
    }
    return Schedule("tanh", arguments, pack(_TANH, *arguments.values()))


@constructor
def rex(initial: float, final: float = 0.0, *, total: float) -> Schedule:
    """Go along a reflected exponential, slowly at first and fast at the end.

    ``final + (initial - final) * s / (1/2 + s/2)`` with s = 1 - n / total for n < total, then
    `final`.

    Source: Chen, Wolfe and Kyrillidis 2022, "REX: Revisiting budgeted training with an improved
    schedule" (arXiv:2107.04197).

    Raises
    ------
    TypeError, ValueError
        If an argument is not a finite number or `total` is not > 0.

    Examples
    --------
    >>> import swiftopt as so
    >>> schedule = so.rex(3.0, total=100)
    >>> schedule(0), schedule(50), schedule(100)
    (3.0, 2.0, 0.0)
    """
    arguments = _ends(initial, final, total)
    return Schedule("rex", arguments, pack(_REX, *arguments.values()))


def _ends(initial: float, final: float, total: float) -> dict[str, Any]:
    """Check the arguments that all of these have."""
    return {
        "initial": number("initial", initial),
        "final": number("final", final),
        "total": number("total", total, 0, is_open=True),
    }
