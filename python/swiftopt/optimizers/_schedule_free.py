"""What the Schedule-Free optimizers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.optimizer import Optimizer


def averaged(y: Array, z: Array, interpolation: float) -> Array:
    """Return x, a new array, where ``y = (1 - interpolation) * z + interpolation * x``.

    Examples
    --------
    >>> averaged(np.array([0.225]), np.array([0.0]), 0.9)
    array([0.25])
    """
    # From the difference, so that x is y where that is z; equal numbers may be infinite.
    difference = np.zeros_like(z)
    np.subtract(z, y, out=difference, where=z != y)
    return np.asarray(y + (1 - 1 / interpolation) * difference, z.dtype)


class ScheduleFree(Optimizer):
    """An optimizer whose parameters are y during training and x for evaluation."""

    def _averaged(self, parameter: Array, slots: dict[str, Array], group: dict[str, Any]) -> Array:
        """Return the weights to evaluate with.

        What made y of x is in the state, so the group's momentum or beta1 may have changed.
        """
        return averaged(parameter, slots["z"], float(slots["interpolation"]))

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        if entries.get("cautious"):
            raise ValueError("cautious is not for Schedule-Free: y can't move without z")
        return Optimizer._hyperparameters(entries)
