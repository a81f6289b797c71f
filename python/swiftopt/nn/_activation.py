"""Functions of each element."""

from __future__ import annotations

from typing import ClassVar

from swiftopt.nn import _checks
from swiftopt.nn._fusion import activate
from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class Activation(Module):
    """A function of each element, computed with the layer before it where that can."""

    function: ClassVar[str]

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the activation."""
        _checks.floating(self, x, planner)
        return activate(planner, planner.activation(x), self.function)
