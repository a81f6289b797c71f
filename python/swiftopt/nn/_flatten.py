"""Images as features."""

from __future__ import annotations

from math import prod

from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class Flatten(Module):
    """All axes but the first as one: (batch, height * width * channels). Nothing is copied.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> nn.Flatten()(np.zeros((2, 28, 28, 3), np.float32)).shape
    (2, 2352)
    """

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record nothing: it is another shape of the same values."""
        return x.reshaped(x.shape[0], prod(x.shape[1:]))
