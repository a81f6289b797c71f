"""Search spaces, and the fixed points in them that are tried."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Bases of the Halton sequence, one for each field that is searched.
_BASES = (2, 3, 5, 7)


@dataclass(frozen=True, slots=True)
class Range:
    """What one field of a `Config` is searched in, evenly on a logarithmic scale."""

    field: str
    low: float
    high: float

    def at(self, share: float) -> float:
        """Return the value at a share in (0, 1) of the way, rounded to three digits."""
        value = self.low * (self.high / self.low) ** share
        return float(f"{value:.3g}")


Space = tuple[Range, ...]


def _decades(center: float) -> Space:
    """Return three decades of learning rates around the usual one."""
    reach = math.sqrt(1000)
    return (Range("lr", center / reach, center * reach),)


#: Learning rates of every optimizer: three decades around what its paper or the usual library
#: recommends, so no side has a narrower or a wider space than another. All else stays at its
#: default, which is the best use of few trials (Sivaprasad et al. 2020).
LEARNING_RATES: dict[str, Space] = {
    "SGD": _decades(0.1),  # He et al. 2015: 0.1, with momentum or not
    "Adam": _decades(2e-3),  # Kingma and Ba 2015: 1e-3; the nearest to it that small runs use
    "AdamW": _decades(2e-3),
    "RMSprop": _decades(2e-3),  # Keras: 1e-3, torch: 1e-2
    "Adagrad": _decades(0.02),  # torch: 1e-2
    "Lion": _decades(4e-4),  # Chen et al. 2023: a third to a tenth of AdamW's
}

#: Added where the length of the run is chosen too.
HORIZON = Range("horizon", 0.15, 1.0)


def halton(index: int, dimensions: int) -> tuple[float, ...]:
    """Return a point of the Halton sequence (Halton 1960); the first one has index 1.

    >>> halton(1, 2), halton(2, 2)
    ((0.5, 0.3333333333333333), (0.25, 0.6666666666666666))
    """
    return tuple(_radical_inverse(index, base) for base in _BASES[:dimensions])


def _radical_inverse(index: int, base: int) -> float:
    """Mirror the digits of `index` at the point."""
    value, weight = 0.0, 1.0 / base
    while index:
        index, digit = divmod(index, base)
        value += digit * weight
        weight /= base
    return value


def points(space: Space, count: int) -> list[dict[str, float]]:
    """Return so many points of a space: the same ones each time.

    >>> points((Range("lr", 1e-3, 1e-1),), 3)
    [{'lr': 0.01}, {'lr': 0.00316}, {'lr': 0.0316}]
    """
    return [
        {
            dimension.field: dimension.at(share)
            for dimension, share in zip(space, halton(index, len(space)), strict=True)
        }
        for index in range(1, count + 1)
    ]
