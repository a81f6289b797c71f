"""Checks of the arguments that schedules are made from."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
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


def pack(*numbers: float) -> bytes:
    """Return numbers as a piece of a native program."""
    return struct.pack(f"={len(numbers)}d", *numbers)
