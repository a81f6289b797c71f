"""One step of a GRU."""

from __future__ import annotations

from typing import Any, NamedTuple

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import output, run
from swiftopt.nn.functional._gates import Cell, product


class GRUCellGradients(NamedTuple):
    """What `gru_cell_backward` gives."""

    x: Array
    hidden: Array
    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array


def gru_cell(
    x: Any,
    hidden: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    *,
    out: Array | None = None,
    activations: Array | None = None,
) -> Array:
    """Return the next hidden state of a gated recurrent unit.

    With r, z, n the three parts of a = x weight_ihᵀ + bias_ih and of b = h weight_hhᵀ + bias_hh:
    r = σ(a_r + b_r), z = σ(a_z + b_z), n = tanh(a_n + r b_n) and h' = (1 - z) n + z h (Cho et
    al. 2014, with the reset gate after the product, as torch and cuDNN have it). a and b are
    float32 where values are bfloat16.

    Parameters
    ----------
    x : array of shape (batch, features)
        float32, float64 or bfloat16.
    hidden : array of shape (batch, hidden_size)
        Of the dtype of `x`.
    weight_ih : array of shape (3 * hidden_size, features)
        Of the dtype of `x`; the gates in the order r, z, n, as in torch.
    weight_hh : array of shape (3 * hidden_size, hidden_size)
        Of the dtype of `x`.
    bias_ih, bias_hh : array of shape (3 * hidden_size,), optional
        float64 for float64 values, else float32.
    out : array of shape (batch, hidden_size), optional
        Where to write the result; it may be `hidden` itself.
    activations : array of shape (batch, 4 * hidden_size), optional
        Where to write r, z, n and b_n, of the dtype of `x`, which `gru_cell_backward` needs.

    Returns
    -------
    array of shape (batch, hidden_size) and the dtype of `x`

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
    >>> weight = np.zeros((3, 1))
    >>> F.gru_cell(np.zeros((1, 1)), np.array([[4.0]]), weight, weight).tolist()
    [[2.0]]
    """
    name = "gru_cell"
    cell = Cell(name, 3, x, hidden, weight_ih, weight_hh)
    shape = (cell.batch, cell.size)
    biases = [cell.bias("bias_ih", bias_ih), cell.bias("bias_hh", bias_hh)]
    result = output(name, "out", out, shape, cell.kind)
    if activations is not None:
        wide = (cell.batch, 4 * cell.size)
        activations = output(name, "activations", activations, wide, cell.kind)
    of_input = cell.new_numbers(cell.batch, cell.width)
    of_hidden = cell.new_numbers(cell.batch, cell.width)
    product(cell.x, cell.weight_ih, of_input, b_is_transposed=True, bias=biases[0])
    product(cell.hidden, cell.weight_hh, of_hidden, b_is_transposed=True, bias=biases[1])
    run(name, (of_input, of_hidden, cell.hidden, result, activations), shape)
    return result


def gru_cell_backward(
    grad_hidden: Any,
    x: Any,
    hidden: Any,
    activations: Any,
    weight_ih: Any,
    weight_hh: Any,
    *,
    grad_recurrent: Any = None,
) -> GRUCellGradients:
    """Return the gradients of `gru_cell` with respect to all that it got.

    Parameters
    ----------
    grad_hidden : array of shape (batch, hidden_size)
        The gradient with respect to the new hidden state, of the dtype of `x`.
    x, hidden, weight_ih, weight_hh
        What the step got. Its hidden state must not have been overwritten.
    activations : array of shape (batch, 4 * hidden_size)
        What it wrote there.
    grad_recurrent : array of shape (batch, hidden_size), optional
        Is added to `grad_hidden`: the `hidden` that the next step gave. float64 for float64
        values, else float32.

    Returns
    -------
    GRUCellGradients
        New arrays: `x`, of its dtype; `hidden`, `weight_ih`, `weight_hh`, `bias_ih` and
        `bias_hh`, float64 for float64 values, else float32.

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
    >>> ones, weight, saved = np.ones((1, 1)), np.zeros((3, 1)), np.empty((1, 4))
    >>> _ = F.gru_cell(ones, ones, weight, weight, activations=saved)
    >>> gradients = F.gru_cell_backward(ones, ones, ones, saved, weight, weight)
    >>> gradients.hidden.tolist(), gradients.bias_ih.tolist()  # z; z (1 - z) h and 1 - z
    ([[0.5]], [0.0, 0.25, 0.5])
    """
    name = "gru_cell_backward"
    cell = Cell(name, 3, x, hidden, weight_ih, weight_hh)
    shape, wide = (cell.batch, cell.size), (cell.batch, cell.width)
    of_input, of_hidden = cell.new_values(*wide), cell.new_values(*wide)
    of_state = cell.new_numbers(*shape)
    arrays = (
        cell.values("grad_hidden", grad_hidden, shape),
        None if grad_recurrent is None else cell.numbers("grad_recurrent", grad_recurrent, shape),
        cell.values("activations", activations, (cell.batch, 4 * cell.size)),
        cell.hidden,
        of_input,
        of_hidden,
        of_state,
    )
    run(name, arrays, shape)
    of_x = cell.new_values(*cell.x.shape)
    product(of_input, cell.weight_ih, of_x)
    product(of_hidden, cell.weight_hh, of_state, adds=True)
    weights = cell.weight_gradients(of_input, of_hidden)
    biases = (cell.bias_gradient(of_input), cell.bias_gradient(of_hidden))
    return GRUCellGradients(of_x, of_state, *weights, *biases)
