"""Means over the batches of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping


class Means:
    """Sums of numbers by name, weighted by the samples that each is a mean over."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def add(self, values: Mapping[str, float], weight: float) -> None:
        """Add the numbers of one batch; those that are nan, of a metric of no rows, are left out.

        The order of the additions is that of the batches, so a resumed epoch has the same bits.
        """
        for name, value in values.items():
            entry = self.sums.setdefault(name, [0.0, 0.0])
            if not math.isnan(value):
                entry[0] += value * weight
                entry[1] += weight

    def means(self) -> dict[str, float]:
        """Return the means; nan where nothing was added."""
        return {
            name: total / weight if weight else math.nan
            for name, (total, weight) in self.sums.items()
        }
