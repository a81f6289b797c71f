"""Checks of the arguments that schedules are made from."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np


def number(name: str, value: Any, minimum: float = -math.inf, *, is_open: bool = False) -> float:
    """Return a finite number as an int or a float, whichever it is.

    It must be at least `minimum`, or greater than it if `is_open`.
    """
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; it must be a number")
    # 0.0 instead of -0.0, so that equal schedules have equal bytes.
    result = int(value) if isinstance(value, int | np.integer) else float(value) + 0.0
    try:
        is_allowed = math.isfinite(result) and (result > minimum if is_open else result >= minimum)
    except OverflowError:  # an int beyond the range of floats
        is_allowed = False
    if not is_allowed:
        bound = "" if minimum == -math.inf else f" {'>' if is_open else '>='} {minimum:g}"
        raise ValueError(f"{name} is {value!r}; it must be a finite number{bound}")
    return result


def numbers(name: str, values: Iterable[float]) -> tuple[float, ...]:
    """Return the elements of an iterable as `number` does."""
    if isinstance(values, Mapping):  # of boundaries to factors, as in optax: half would be lost
        raise TypeError(f"{name} is {values!r}; it must be a sequence of numbers, not a mapping")
    try:
        elements = list(values)
    except TypeError:
        raise TypeError(f"{name} is {values!r}; it must be a sequence of numbers") from None
    return tuple(number(f"{name}[{index}]", element) for index, element in enumerate(elements))


def increasing(name: str, values: Iterable[float]) -> tuple[float, ...]:
    """Return the elements of an iterable, which must be > 0 and increasing."""
    result = numbers(name, values)
    previous: float = 0
    for index, value in enumerate(result):
        if value <= previous:
            raise ValueError(
                f"{name}[{index}] is {value!r}; it must be greater than "
                f"{f'the one before it, {previous!r}' if index else '0'}"
            )
        previous = value
    return result


def whole(name: str, value: Any, minimum: int) -> int:
    """Return a whole number of at least `minimum` as an int."""
    result = number(name, value, minimum)
    if result != int(result):
        raise ValueError(f"{name} is {value!r}; it must be a whole number")
    return int(result)


def choice(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    """Return a string that is one of those allowed."""
    if value not in allowed or not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; it must be {' or '.join(map(repr, allowed))}")
    return value


def duration(name: str, steps: Any, hint: str = "") -> float:
    """Return a number of steps, which is 0 or at least 1: 0.05 was meant as a share."""
    result = number(name, steps, 0)
    if 0 < result < 1:
        raise ValueError(f"{name} is {steps!r}; it must be 0 or at least 1 step{hint}")
    return result


def steps_or_fraction(
    name: str,
    steps: float | None,
    fraction_name: str,
    fraction: float | None,
    total: float | None,
) -> float:
    """Return a number of steps, given as such or as a share of the total.

    The share is rounded to a whole number, so that one step is exactly at its end.
    """
    if (steps is None) == (fraction is None):
        raise TypeError(f"exactly one of {name} and {fraction_name} must be given")
    if fraction is None:
        return duration(name, steps, f"; a share of total is {fraction_name}")
    share = number(fraction_name, fraction, 0)
    if share > 1:
        raise ValueError(f"{fraction_name} is {fraction!r}; it must be a share from 0 to 1")
    return round(share * number("total", total, 0, is_open=True))


def pack(*numbers: float) -> bytes:
    """Return numbers as a piece of a native program."""
    return struct.pack(f"={len(numbers)}d", *numbers)
