"""The micro-batches that were accumulated for the next update."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array


class Window:
    """How far an accumulation got. The sums themselves are slots of the parameters.

    All of it is in arrays that belong to the state, one row per parameter: how many
    micro-batches there were, how many samples they had, and whether any of them had a
    gradient for this parameter. The first two columns are the same in all rows.
    """

    NAMES = ("micro_batches", "samples", "accumulated")

    def __init__(self, count: int) -> None:
        self._rows = np.zeros((count, len(self.NAMES)))

    @property
    def micro_batches(self) -> int:
        """How many were accumulated."""
        return int(self._rows[:, 0].max(initial=0))

    @property
    def samples(self) -> float:
        """Of all of them together."""
        return float(self._rows[:, 1].max(initial=0))

    @property
    def accumulated(self) -> tuple[bool, ...]:
        """Whether a parameter's accumulator holds anything."""
        return tuple((self._rows[:, 2] != 0).tolist())

    @accumulated.setter
    def accumulated(self, flags: tuple[bool, ...]) -> None:
        self._rows[:, 2] = flags

    def add(self, samples: float) -> None:
        """Count a micro-batch."""
        self._rows[:, 0] += 1
        self._rows[:, 1] += samples

    def clear(self) -> None:
        """Begin anew."""
        self._rows[:] = 0

    def save(self) -> Array:
        """Return what `load` takes."""
        return self._rows.copy()

    def load(self, saved: Array) -> None:
        """Go back to what `save` returned."""
        self._rows[:] = saved

    def inherit(self, index: int, other: Window, other_index: int) -> None:
        """Go on with what another window has for the same parameter."""
        self._rows[index, 2] = other._rows[other_index, 2]

    def continue_from(self, other: Window) -> None:
        """Have the micro-batches and the samples of another set of parameters."""
        self._rows[:, 0], self._rows[:, 1] = other.micro_batches, other.samples

    def state(self, index: int) -> dict[str, Array]:
        """Return a parameter's row as 0-d arrays, not copies."""
        return {
            name: self._rows[index, column : column + 1].reshape(())
            for column, name in enumerate(self.NAMES)
        }
