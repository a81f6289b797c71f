"""Gated recurrent units."""

from __future__ import annotations

from swiftopt._arrays import Array
from swiftopt.nn._dense import product
from swiftopt.nn._fusion import column_sums
from swiftopt.nn._planner import Planner
from swiftopt.nn._recurrent import Recurrent
from swiftopt.nn._values import Operand, Value


class GRU(Recurrent):
    """Gated recurrent units over sequences (batch, time, input_size), from a state of zeros.

    a = x weight_ihᵀ + bias_ih and b = h weight_hhᵀ + bias_hh in three parts r, z, n;
    r = σ(a_r + b_r), z = σ(a_z + b_z), n = tanh(a_n + r b_n), h' = (1 - z) n + z h (Cho et al.
    2014, with the reset gate after the product, as in torch).

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
    weight_ih : array (3 hidden_size, input_size)
    weight_hh : array (3 hidden_size, hidden_size)
    bias_ih, bias_hh : array (3 hidden_size,)

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.GRU(3, 8, rng=0)
    >>> layer(np.ones((5, 10, 3), np.float32)).shape
    (5, 10, 8)
    """

    number_names = ("bias_ih", "bias_hh")
    gates = 3

    bias_ih: Array
    bias_hh: Array

    def plan_steps(self, planner: Planner, steps: Value, states: Value, y: Value) -> None:
        """Record all steps; see `Recurrent`."""
        time, batch, inputs = steps.shape
        hidden, columns = self.hidden_size, 3 * self.hidden_size
        sizes = {"batch": batch, "hidden_size": hidden}
        from_steps = planner.number(time, batch, columns)
        saved = planner.value(time, batch, 4 * hidden)
        nothing = self.zeros(batch, hidden)
        shape = (time * batch, columns, inputs)
        product(planner, steps, self.weight_ih, from_steps, shape, False, True, bias=self.bias_ih)
        for step in range(time):
            before: Operand = states.part(step - 1) if step > 0 else nothing
            gates = planner.number(batch, columns)
            shape = (batch, columns, hidden)
            product(planner, before, self.weight_hh, gates, shape, False, True, bias=self.bias_hh)
            planner.call(
                "gru_cell",
                {
                    "input_gates": from_steps.part(step),
                    "hidden_gates": gates,
                    "hidden": before,
                    "new_hidden": states.part(step),
                    "activations": saved.part(step) if planner.training else None,
                },
                sizes,
            )

        def backward() -> None:
            outer = self.state_gradients(planner, states, y)
            if not outer:
                return
            step_gradients = planner.value(time, batch, columns)
            state_gradients = planner.value(time, batch, columns)
            recurrent: Operand = None
            for step in reversed(range(time)):
                direct = planner.number(batch, hidden)
                planner.call(
                    "gru_cell_backward",
                    {
                        "new_hidden_gradient": outer[step],
                        "recurrent_gradient": recurrent,
                        "activations": saved.part(step),
                        "hidden": states.part(step - 1) if step > 0 else nothing,
                        "input_gates_gradient": step_gradients.part(step),
                        "hidden_gates_gradient": state_gradients.part(step),
                        "hidden_gradient": direct,
                    },
                    sizes,
                )
                if step > 0:
                    recurrent = planner.number(batch, hidden)
                    gates, shape = state_gradients.part(step), (batch, hidden, columns)
                    product(planner, gates, self.weight_hh, recurrent, shape, residual=direct)
            column_sums(planner, step_gradients, columns, self.gradient_of("bias_ih"))
            column_sums(planner, state_gradients, columns, self.gradient_of("bias_hh"))
            self.weight_gradients(planner, steps, states, step_gradients, state_gradients)

        planner.on_backward(backward)
