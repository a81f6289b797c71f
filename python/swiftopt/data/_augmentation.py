"""What augmentations have in common: checked settings, and their form in native programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import index
from typing import ClassVar, NamedTuple

from swiftopt import _core

Setting = float | tuple[float, ...]


class _Bounds(NamedTuple):
    name: str
    minimum: float
    maximum: float
    minimum_is_open: bool
    is_whole: bool
    per_channel: bool

    def text(self) -> str:
        """Return what a value must be."""
        kind = "a whole number" if self.is_whole else "a finite number"
        if self.minimum == -math.inf:
            return kind
        if self.maximum == math.inf:
            return (
                f"{kind}, {self.minimum:g} or more"
                if not self.minimum_is_open
                else (f"{kind} greater than {self.minimum:g}")
            )
        start = (
            f"greater than {self.minimum:g} and up to"
            if self.minimum_is_open
            else (f"in {self.minimum:g} ...")
        )
        return f"{kind} {start} {self.maximum:g}"

    def contains(self, value: float) -> bool:
        """Return whether a value is allowed."""
        above = value > self.minimum if self.minimum_is_open else value >= self.minimum
        is_whole = not self.is_whole or value == int(value)
        return math.isfinite(value) and above and value <= self.maximum and is_whole


class Native(NamedTuple):
    """An augmentation as the native library describes it."""

    number: int
    kind: str
    settings: tuple[_Bounds, ...]


NATIVE = {
    name: Native(number, kind, tuple(_Bounds(*setting) for setting in settings))
    for number, (name, kind, settings) in enumerate(_core.augmentation_descriptions())
}


class Augmentation:
    """Base of all augmentations: something that is done to each image of a batch.

    Augmentations are immutable, can be compared and pickled, and hold no state: what random
    ones do to an image is a function of seed, epoch and the image's index alone.
    """

    #: The native name.
    name: ClassVar[str]

    def __post_init__(self) -> None:
        settings = self.settings()
        for bounds in NATIVE[self.name].settings:
            value = settings[bounds.name]
            for number in value if isinstance(value, tuple) else (value,):
                self._check(bounds, _number(number))

    def settings(self) -> dict[str, Setting]:
        """Return the native settings by name; tuples have a number per channel."""
        raise NotImplementedError

    def encode(self, channels: int) -> list[float]:
        """Return this augmentation's part of a native program."""
        native = NATIVE[self.name]
        numbers = [float(native.number)]
        settings = self.settings()
        for bounds in native.settings:
            value = settings[bounds.name]
            if not bounds.per_channel:
                assert not isinstance(value, tuple)
                numbers.append(float(value))
            elif not isinstance(value, tuple):
                numbers += [float(value)] * channels
            elif len(value) == channels:
                numbers += value
            else:
                raise ValueError(
                    f"{type(self).__name__}: {bounds.name} has {len(value)} numbers; images "
                    f"with {channels} channel{'s' * (channels != 1)} need as many, or one for all"
                )
        return numbers

    @property
    def kind(self) -> str:
        """Which of "geometric", "pixel", "choice" and "mixing" it is."""
        return NATIVE[self.name].kind

    def _check(self, bounds: _Bounds, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise TypeError(
                f"{type(self).__name__}: {bounds.name} is {value!r}; it must be {bounds.text()}"
            )
        if not bounds.contains(value):
            raise ValueError(
                f"{type(self).__name__}: {bounds.name} is {value}; it must be {bounds.text()}"
            )

    # ------------------------------------------------- arguments of constructors

    def _pair(self, value: object, what: str) -> tuple[float, float]:
        """Return the two numbers of a pair, or a number twice."""
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) != 2:
                raise ValueError(
                    f"{type(self).__name__}: {what} is {value!r}; it must be a number or a pair"
                )
            return (_number(value[0]), _number(value[1]))
        number = _number(value)
        return (number, number)

    def _range(self, value: object, what: str) -> tuple[float, float]:
        """Return a pair of numbers that don't decrease."""
        low, high = self._pair(value, what)
        if isinstance(low, float | int) and isinstance(high, float | int) and low > high:
            raise ValueError(
                f"{type(self).__name__}: {what} is ({low}, {high}); the first must not be greater"
            )
        return (low, high)

    def _angles(self, degrees: object) -> tuple[float, float]:
        """Return the range of angles; one number stands for both directions."""
        if isinstance(degrees, Sequence) and not isinstance(degrees, str):
            return self._range(degrees, "degrees")
        number = _number(degrees)
        if isinstance(number, float | int) and number < 0:
            raise ValueError(
                f"{type(self).__name__}: degrees is {number}; it must be 0 or more, or a pair"
            )
        return (-number, number)


def _number(value: object) -> float:
    """Return NumPy numbers as Python's; what is no number is left for the check to refuse."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bool):
        return value
    try:
        return index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    if hasattr(value, "dtype") and hasattr(value, "__float__"):
        return float(value)
    return value  # type: ignore[return-value]


def per_channel(value: object) -> Setting:
    """Return one number for all channels, or a tuple with one for each."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_number(entry) for entry in value)
    if getattr(value, "ndim", 0) == 1:
        return tuple(float(entry) for entry in value)  # type: ignore[attr-defined]
    return _number(value)
