"""One step of an LSTM."""

from __future__ import annotations

from typing import Any, NamedTuple

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number_kind, output, run
from swiftopt.nn.functional._gates import Cell, product, state


class LSTMCellGradients(NamedTuple):
    """What `lstm_cell_backward` gives; `bias` is the gradient of either bias."""

    x: Array
    hidden: Array
    cell: Array
    weight_ih: Array
    weight_hh: Array
    bias: Array


def lstm_cell(
    x: Any,
    hx: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    out: tuple[Array, Array] | None = None,
    activations: Array | None = None,
) -> tuple[Array, Array]:
    """Return the next hidden state and cell of a long short-term memory.

    With i, f, g, o the four parts of x weight_ihᵀ + h weight_hhᵀ and the biases,
    c' = σ(f) c + σ(i) tanh(g) and h' = σ(o) tanh(c') (Hochreiter & Schmidhuber 1997; the forget
    gate is of Gers, Schmidhuber & Cummins 2000). The gates before the activations and the cell,
    a sum over all of time, are float32 where values are bfloat16.

    Parameters
    ----------
    x : array of shape (batch, features)
        float32, float64 or bfloat16.
    hx : tuple of two arrays of shape (batch, hidden_size)
        The hidden state, of the dtype of `x`, and the cell, float64 for float64 values, else
        float32.
    weight_ih : array of shape (4 * hidden_size, features)
        Of the dtype of `x`; the gates in the order i, f, g, o, as in torch.
    weight_hh : array of shape (4 * hidden_size, hidden_size)
        Of the dtype of `x`.
    bias_ih, bias_hh : array of shape (4 * hidden_size,), optional
        Of the dtype of the cell.
    out : tuple of two arrays of shape (batch, hidden_size), optional
        Where to write the results; the second may be the cell itself.
    activations : array of shape (batch, 4 * hidden_size), optional
        Where to write σ(i), σ(f), tanh(g) and σ(o), of the dtype of `x`, which
        `lstm_cell_backward` needs.

    Returns
    -------
    tuple of two arrays of shape (batch, hidden_size)
        The hidden state and the cell.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit, or an array is not contiguous, or read-only or overlapping where it
        is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> zeros = np.zeros((1, 1))
    >>> weight = np.zeros((4, 1))
    >>> hidden, cell = F.lstm_cell(zeros, (zeros, zeros + 2.0), weight, weight)
    >>> cell.tolist(), bool(hidden[0, 0] == np.tanh(1.0) / 2)
    ([[1.0]], True)
    """
    name = "lstm_cell"
    hidden, previous = state(name, hx)
    cell = Cell(name, 4, x, hidden, weight_ih, weight_hh)
    shape = (cell.batch, cell.size)
    previous = cell.numbers("hx[1]", previous, shape)
    biases = [cell.bias("bias_ih", bias_ih), cell.bias("bias_hh", bias_hh)]
    results = (None, None) if out is None else out
    new_hidden = output(name, "out[0]", results[0], shape, cell.kind)
    new_cell = output(name, "out[1]", results[1], shape, number_kind(cell.kind))
    if activations is not None:
        activations = output(name, "activations", activations, (shape[0], cell.width), cell.kind)
    gates = cell.new_numbers(cell.batch, cell.width)
    product(cell.x, cell.weight_ih, gates, b_is_transposed=True, bias=biases[0])
    product(cell.hidden, cell.weight_hh, gates, b_is_transposed=True, bias=biases[1], adds=True)
    run(name, (gates, previous, new_hidden, new_cell, activations), shape)
    return new_hidden, new_cell


def lstm_cell_backward(
    grad_hidden: Any,
    grad_cell: Any,
    x: Any,
    hx: Any,
    new_cell: Any,
    activations: Any,
    weight_ih: Any,
    weight_hh: Any,
    *,
    grad_recurrent: Any = None,
) -> LSTMCellGradients:
    """Return the gradients of `lstm_cell` with respect to all that it got.

    Parameters
    ----------
    grad_hidden : array of shape (batch, hidden_size)
        The gradient with respect to the new hidden state, of the dtype of `x`.
    grad_cell : array of shape (batch, hidden_size) or None
        That with respect to the new cell, which the next step gave; None at the last one.
    x, hx, weight_ih, weight_hh
        What the step got. Its cell must not have been overwritten.
    new_cell, activations
        What it gave.
    grad_recurrent : array of shape (batch, hidden_size), optional
        Is added to `grad_hidden`: the `hidden` that the next step gave. float64 for float64
        values, else float32, as `grad_cell`.

    Returns
    -------
    LSTMCellGradients
        New arrays: `x`, of its dtype; `hidden`, `cell`, `weight_ih`, `weight_hh` and `bias` (of
        both biases the same), float64 for float64 values, else float32.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit, or an array is not contiguous.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> zeros, ones, weight = np.zeros((1, 1)), np.ones((1, 1)), np.zeros((4, 1))
    >>> saved = np.empty((1, 4))
    >>> _, cell = F.lstm_cell(ones, (zeros, zeros), weight, weight, activations=saved)
    >>> gradients = F.lstm_cell_backward(
    ...     ones, None, ones, (zeros, zeros), cell, saved, weight, weight)
    >>> gradients.weight_ih.tolist()  # σ(o) σ(i) for tanh(g), nothing where factors are 0
    [[0.0], [0.0], [0.25], [0.0]]
    """
    name = "lstm_cell_backward"
    hidden, previous = state(name, hx)
    cell = Cell(name, 4, x, hidden, weight_ih, weight_hh)
    shape, wide = (cell.batch, cell.size), (cell.batch, cell.width)
    of_gates = cell.new_values(*wide)
    of_cell = cell.new_numbers(*shape)
    arrays = (
        cell.values("grad_hidden", grad_hidden, shape),
        None if grad_recurrent is None else cell.numbers("grad_recurrent", grad_recurrent, shape),
        None if grad_cell is None else cell.numbers("grad_cell", grad_cell, shape),
        cell.values("activations", activations, wide),
        cell.numbers("hx[1]", previous, shape),
        cell.numbers("new_cell", new_cell, shape),
        of_gates,
        of_cell,
    )
    run(name, arrays, shape)
    of_x, of_hidden = cell.new_values(*cell.x.shape), cell.new_numbers(*shape)
    product(of_gates, cell.weight_ih, of_x)
    product(of_gates, cell.weight_hh, of_hidden)
    weights = cell.weight_gradients(of_gates, of_gates)
    return LSTMCellGradients(of_x, of_hidden, of_cell, *weights, cell.bias_gradient(of_gates))
