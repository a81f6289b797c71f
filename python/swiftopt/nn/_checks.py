"""Checks of what layers are given, with messages that say what would have been right."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import SupportsIndex

from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


def size(layer: object, name: str, value: SupportsIndex, minimum: int = 1) -> int:
    """Return a size as an int that is at least `minimum`."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{type(layer).__name__}: {name} is {value!r}; it must be an int") from None
    if number < minimum:
        raise ValueError(
            f"{type(layer).__name__}: {name} is {number}; it must be at least {minimum}"
        )
    return number


def pair(
    layer: object,
    name: str,
    value: SupportsIndex | Sequence[SupportsIndex],
    minimum: int,
) -> tuple[int, int]:
    """Return a size for height and width; one number is for both."""
    both = value if isinstance(value, tuple | list) else (value, value)
    if len(both) != 2:
        raise ValueError(
            f"{type(layer).__name__}: {name} has {len(both)} numbers; it must have one or two"
        )
    return size(layer, name, both[0], minimum), size(layer, name, both[1], minimum)


def fraction(layer: object, name: str, value: float, *, below_one: bool = True) -> float:
    """Return a float in 0 ..< 1, or 0 ... 1."""
    number = float(value)
    if not (0 <= number < 1 or (number == 1 and not below_one)):
        bounds = "0 <= {} < 1" if below_one else "0 <= {} <= 1"
        raise ValueError(
            f"{type(layer).__name__}: {name} is {number}; it must be {bounds.format(name)}"
        )
    return number


def positive(layer: object, name: str, value: float) -> float:
    """Return a finite float above 0."""
    number = float(value)
    if not 0 < number < float("inf"):
        raise ValueError(f"{type(layer).__name__}: {name} is {number}; it must be positive")
    return number


def floating(layer: object, x: Value, planner: Planner) -> Value:
    """Return the input; TypeError if it consists of indices."""
    if x.kind not in (planner.kind, "float32"):
        raise TypeError(
            f"{type(layer).__name__}: input has dtype {x.kind}; it must be {planner.kind}"
        )
    return x


def features(layer: object, x: Value, planner: Planner, expected: int, what: str) -> Value:
    """Return the input; ValueError if its last axis isn't `expected`."""
    name = type(layer).__name__
    if len(x.shape) < 2:
        raise ValueError(
            f"{name}: input has shape {x.shape}; it must be (batch, ..., {expected} {what})"
        )
    if x.shape[-1] != expected:
        owner = "weight expects" if hasattr(layer, "weight") else "it must have"
        raise ValueError(f"{name}: input has {x.shape[-1]} {what}, {owner} {expected}")
    return floating(layer, x, planner)


def images(layer: object, x: Value, planner: Planner, channels: int | None) -> Value:
    """Return the input; ValueError if it isn't (batch, height, width, channels)."""
    if len(x.shape) != 4:
        raise ValueError(
            f"{type(layer).__name__}: input has shape {x.shape}; "
            "it must be (batch, height, width, channels)"
        )
    if channels is not None:
        return features(layer, x, planner, channels, "channels")
    return floating(layer, x, planner)
