"""The activation GELU."""

from __future__ import annotations

from typing import Literal

from swiftopt.nn import _checks
from swiftopt.nn._activation import Activation
from swiftopt.nn._fusion import activate
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class GELU(Activation):
    """x times the normal distribution function of x (Hendrycks & Gimpel 2016).

    Parameters
    ----------
    approximate : {"none", "tanh"}
        "none": by erf, which a product before it computes along. "tanh": the paper's
        approximation, for weights that were trained with it.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> y = nn.GELU()(np.array([[-1.0, 2.0]], np.float32))
    >>> [round(float(element), 3) for element in y[0]]
    [-0.159, 1.954]
    """

    function = "gelu"

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate is {approximate!r}; it must be 'none' or 'tanh'")
        self.approximate = approximate

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the activation."""
        x = planner.activation(_checks.floating(self, x, planner))
        settings = {"approximate_tanh": 1.0} if self.approximate == "tanh" else {}
        return activate(planner, x, self.function, settings)

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return "approximate='tanh'" if self.approximate == "tanh" else ""
