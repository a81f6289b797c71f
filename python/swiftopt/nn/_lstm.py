"""Long short-term memory."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn._dense import product
from swiftopt.nn._fusion import column_sums
from swiftopt.nn._planner import Planner
from swiftopt.nn._recurrent import Recurrent
from swiftopt.nn._values import NUMBER_KINDS, Operand, Value


class LSTM(Recurrent):
    """Long short-term memory over sequences (batch, time, input_size), from a state of zeros.

    i, f, g, o = x weight_ihᵀ + h weight_hhᵀ + bias in four parts; c' = σ(f) c + σ(i) tanh(g),
    h' = σ(o) tanh(c') (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    Parameters
    ----------
    input_size, hidden_size : int
        The last axis of input and output.
    return_sequences : bool, default True
        Whether the output has each step's state, (batch, time, hidden_size), or the last
        one's only, (batch, hidden_size).
    rng : int or numpy.random.Generator, optional
        For the initial parameters, uniform in ±1/√hidden_size as in torch.

    Attributes
    ----------
    weight_ih : array (4 hidden_size, input_size)
    weight_hh : array (4 hidden_size, hidden_size)
    bias : array (4 hidden_size,)
        The sum of torch's two.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> net = nn.Sequential(nn.LSTM(3, 8, return_sequences=False, rng=0), nn.Linear(8, 2))
    >>> net(np.ones((5, 10, 3), np.float32)).shape
    (5, 2)
    """

    number_names = ("bias",)
    gates = 4

    bias: Array

    def plan_steps(self, planner: Planner, steps: Value, states: Value, y: Value) -> None:
        """Record all steps; see `Recurrent`."""
        time, batch, inputs = steps.shape
        hidden, columns = self.hidden_size, 4 * self.hidden_size
        sizes = {"batch": batch, "hidden_size": hidden}
        gates = planner.number(time, batch, columns)
        cells = planner.number(time, batch, hidden)
        saved = planner.value(time, batch, columns)
        nothing = np.zeros((batch, hidden), NUMBER_KINDS[self.dtype])
        shape = (time * batch, columns, inputs)
        product(planner, steps, self.weight_ih, gates, shape, False, True, bias=self.bias)
        for step in range(time):
            if step > 0:
                shape = (batch, columns, hidden)
                before = states.part(step - 1)
                product(planner, before, self.weight_hh, gates.part(step), shape, False, True, 1.0)
            planner.call(
                "lstm_cell",
                {
                    "gates": gates.part(step),
                    "cell": cells.part(step - 1) if step > 0 else nothing,
                    "new_hidden": states.part(step),
                    "new_cell": cells.part(step),
                    "activations": saved.part(step) if planner.training else None,
                },
                sizes,
            )

        def backward() -> None:
            outer = self.state_gradients(planner, states, y)
            if not outer:
                return
            gradients = planner.value(time, batch, columns)
            recurrent: Operand = None
            cell: Operand = None
            for step in reversed(range(time)):
                before = planner.number(batch, hidden)
                planner.call(
                    "lstm_cell_backward",
                    {
                        "new_hidden_gradient": outer[step],
                        "recurrent_gradient": recurrent,
                        "new_cell_gradient": cell,
                        "activations": saved.part(step),
                        "cell": cells.part(step - 1) if step > 0 else nothing,
                        "new_cell": cells.part(step),
                        "gates_gradient": gradients.part(step),
                        "cell_gradient": before,
                    },
                    sizes,
                )
                if step > 0:
                    cell, recurrent = before, planner.number(batch, hidden)
                    shape = (batch, hidden, columns)
                    product(planner, gradients.part(step), self.weight_hh, recurrent, shape)
            column_sums(planner, gradients, columns, self.gradient_of("bias"))
            self.weight_gradients(planner, steps, states, gradients, gradients)

        planner.on_backward(backward)
