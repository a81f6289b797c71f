"""What layers over time have in common."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import zeros
from swiftopt.nn import _checks
from swiftopt.nn._dense import product
from swiftopt.nn._initialization import uniform
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value


class Recurrent(Module):
    """A cell over all steps of sequences (batch, time, input_size), from a state of zeros.

    Inside, time is the first axis: the products of all inputs are one, and each step's arrays
    are dense.
    """

    value_names = ("weight_ih", "weight_hh")
    gates: ClassVar[int]

    weight_ih: Array
    weight_hh: Array

    def __init__(
        self, input_size: int, hidden_size: int, *, return_sequences: bool = True, rng: Rng = None
    ) -> None:
        super().__init__()
        inputs = _checks.size(self, "input_size", input_size)
        hidden = _checks.size(self, "hidden_size", hidden_size)
        self.return_sequences = bool(return_sequences)
        self.weight_ih = np.empty((self.gates * hidden, inputs), np.float32)
        self.weight_hh = np.empty((self.gates * hidden, hidden), np.float32)
        for name in self.number_names:
            setattr(self, name, np.empty(self.gates * hidden, np.float32))
        self.reset_parameters(rng)

    @property
    def input_size(self) -> int:
        """Return the last axis of the input."""
        return int(self.weight_ih.shape[1])

    @property
    def hidden_size(self) -> int:
        """Return the last axis of the output."""
        return int(self.weight_hh.shape[1])

    def initialize(self, rng: np.random.Generator) -> None:
        """Set all, uniform in ±1/√hidden_size as in torch."""
        for name in (*self.value_names, *self.number_names):
            uniform(rng, getattr(self, name), self.hidden_size)

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record all steps."""
        if len(x.shape) != 3:
            raise ValueError(
                f"{type(self).__name__}: input has shape {x.shape}; "
                f"it must be (batch, time, {self.input_size})"
            )
        _checks.features(self, x, planner, self.input_size, "features")
        if x.shape[1] == 0:
            raise ValueError(f"{type(self).__name__}: input has 0 steps; it must have at least 1")
        x = planner.activation(x)
        batch, time, inputs = x.shape
        steps = planner.value(time, batch, inputs)
        planner.action(_swap_axes, x, steps)
        planner.on_backward(lambda: self._swap_gradient(planner, steps, x))
        states = planner.value(time, batch, self.hidden_size)
        if self.return_sequences:
            y = planner.value(batch, time, self.hidden_size)
        else:
            y = states.part(time - 1)
        self.plan_steps(planner, steps, states, y)
        if self.return_sequences:
            planner.action(_swap_axes, states, y)
            planner.on_backward(lambda: self._swap_gradient(planner, y, states))
        return y

    def plan_steps(self, planner: Planner, steps: Value, states: Value, y: Value) -> None:
        """Record what computes `states` (time, batch, hidden_size) from `steps`, and gradients."""
        raise NotImplementedError

    def state_gradients(self, planner: Planner, states: Value, y: Value) -> list[Operand]:
        """Return the gradient with respect to each state as far as it is an output; or nothing."""
        time, batch, hidden = states.shape
        gradient = planner.gradient(states if self.return_sequences else y)
        if gradient is None:
            return []
        if self.return_sequences:
            return [gradient.part(step) for step in range(time)]
        return [*[self.zeros(batch, hidden)] * (time - 1), gradient]

    def zeros(self, *shape: int) -> Array:
        """Return a state of zeros in the network's dtype."""
        return zeros(shape, self.dtype)

    def weight_gradients(
        self, planner: Planner, steps: Value, states: Value, from_steps: Value, from_states: Value
    ) -> None:
        """Record the gradients of the weights and of the input from those of the gates.

        `from_steps` and `from_states` are with respect to the products of the two weights.
        """
        time, batch, inputs = steps.shape
        hidden, columns = self.hidden_size, self.gates * self.hidden_size
        rows = time * batch
        weight_gradient = self.gradient_of("weight_ih")
        product(planner, from_steps, steps, weight_gradient, (columns, inputs, rows), True)
        later = Value(from_states.storage, (time - 1, batch, columns), batch * columns)
        before = Value(states.storage, (time - 1, batch, hidden))
        weight_gradient = self.gradient_of("weight_hh")
        if time == 1:
            planner.action(_zero, weight_gradient)
        else:
            shape = (columns, hidden, rows - batch)
            product(planner, later, before, weight_gradient, shape, True)
        gradient = planner.value(*steps.shape)
        product(planner, from_steps, self.weight_ih, gradient, (rows, inputs, columns))
        planner.add_gradient(steps, gradient)

    def _swap_gradient(self, planner: Planner, source: Value, target: Value) -> None:
        gradient = planner.gradient(source)
        if gradient is not None:
            swapped = planner.value(*target.shape)
            planner.action(_swap_axes, gradient, swapped)
            planner.add_gradient(target, swapped)

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        last = "" if self.return_sequences else ", return_sequences=False"
        return f"{self.input_size}, {self.hidden_size}{last}"


def _swap_axes(source: Array, out: Array) -> None:
    np.copyto(out, source.swapaxes(0, 1))


def _zero(out: Array) -> None:
    out.fill(0)
