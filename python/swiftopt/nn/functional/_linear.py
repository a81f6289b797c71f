"""A dense layer and its gradients."""

from __future__ import annotations

from math import prod
from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number, number_kind, output, run, same_shape, value
from swiftopt.nn.functional._windows import activation_number

NAME = "linear"
INPUT = "linear_backward_input"
WEIGHT = "linear_backward_weight"


def linear(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    residual: Any = None,
    activation: str | None = None,
    out: Array | None = None,
    preactivation: Array | None = None,
) -> Array:
    """Return x weightᵀ + bias over the last axis, plus `residual`, then the activation.

    All of it is one pass over the result. Sums are float32 for float32 and bfloat16 values,
    else float64.

    Parameters
    ----------
    x : array (..., in_features)
        float32, float64 or bfloat16.
    weight : array (out_features, in_features)
        Of the dtype of `x`.
    bias : array (out_features,), optional
        float64 for float64 values, else float32.
    residual : array of the result's shape, optional
        Of the dtype of `x`.
    activation : {None, "relu", "gelu", "silu", "tanh", "sigmoid"}
        What is applied last (None: nothing).
    out : array, optional
        Where to write the result.
    preactivation : array of the result's shape, optional
        Where to write what the activation gets, which the gradients of gelu and silu need; of
        the dtype of `x`.

    Returns
    -------
    array (..., out_features)
        Of the dtype of `x`.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit together, or an array is not contiguous, or read-only or overlapping
        where it is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[1.0, 10.0], [-1.0, 0.0], [0.0, 1.0]])
    >>> F.linear(x, weight, np.array([0.5, 0.0, 0.0]), activation="relu").tolist()
    [[21.5, 0.0, 2.0]]
    """
    given, kind = value(NAME, "x", x)
    weights = _weight(NAME, weight, kind)
    outputs, inputs = weights.shape
    if given.ndim == 0 or given.shape[-1] != inputs:
        features = given.shape[-1] if given.ndim else "no"
        raise ValueError(f"{NAME}: x has {features} features, weight expects {inputs}")
    shape = (*given.shape[:-1], outputs)
    biases = None
    if bias is not None:
        biases = number(NAME, "bias", bias, kind)
        same_shape(NAME, "bias", biases, "a row of the result", (outputs,))
    added = None
    if residual is not None:
        added, _ = value(NAME, "residual", residual, like=kind)
        same_shape(NAME, "residual", added, "the result", shape)
    result = output(NAME, "out", out, shape, kind)
    before = None
    if preactivation is not None:
        before = output(NAME, "preactivation", preactivation, shape, kind)
    _product(
        (given, weights, biases, added, None, result, before),
        (prod(shape[:-1]), outputs, inputs),
        (False, True),
        activation_number(NAME, activation),
    )
    return result


def linear_backward_input(grad_output: Any, weight: Any, *, out: Array | None = None) -> Array:
    """Return the gradient of `linear`'s input, grad_output weight.

    Parameters
    ----------
    grad_output : array (..., out_features)
        The gradient of what `linear` gave, before its activation.
    weight : array (out_features, in_features)
        Of the dtype of `grad_output`.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array (..., in_features)
        Of the dtype of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        As `linear` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.linear_backward_input(np.array([[1.0, 2.0]]), np.array([[1.0], [10.0]])).tolist()
    [[21.0]]
    """
    gradient, kind = value(INPUT, "grad_output", grad_output)
    weights = _weight(INPUT, weight, kind)
    outputs, inputs = weights.shape
    if gradient.ndim == 0 or gradient.shape[-1] != outputs:
        raise ValueError(
            f"{INPUT}: grad_output has shape {gradient.shape}, weight has {outputs} outputs; "
            "they must be its last axis"
        )
    shape = (*gradient.shape[:-1], inputs)
    result = output(INPUT, "out", out, shape, kind)
    _product(
        (gradient, weights, None, None, None, result, None),
        (prod(shape[:-1]), inputs, outputs),
        (False, False),
    )
    return result


def linear_backward_weight(
    grad_output: Any,
    x: Any,
    *,
    out: Array | None = None,
    grad_bias: Array | None = None,
) -> Array:
    """Return the gradient of `linear`'s weight, grad_outputᵀ x, and of its bias if asked for.

    Parameters
    ----------
    grad_output : array (..., out_features)
        The gradient of what `linear` gave, before its activation.
    x : array (..., in_features)
        What `linear` got, of the dtype of `grad_output`.
    out : array, optional
        Where to write the result.
    grad_bias : array (out_features,), optional
        Where to write the gradient of the bias, the sum of `grad_output` over all rows.

    Returns
    -------
    array (out_features, in_features)
        float64 for float64 values, else float32, as `grad_bias`.

    Raises
    ------
    TypeError, ValueError
        As `linear` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> gradient, x, grad_bias = np.array([[1.0], [2.0]]), np.array([[1.0], [10.0]]), np.empty(1)
    >>> F.linear_backward_weight(gradient, x, grad_bias=grad_bias).tolist(), grad_bias.tolist()
    ([[21.0]], [3.0])
    """
    gradient, kind = value(WEIGHT, "grad_output", grad_output)
    given, _ = value(WEIGHT, "x", x, like=kind)
    if given.ndim == 0 or gradient.ndim == 0 or given.shape[:-1] != gradient.shape[:-1]:
        raise ValueError(
            f"{WEIGHT}: x has shape {given.shape}, grad_output has shape {gradient.shape}; "
            "all but their last axes must be the same"
        )
    outputs, inputs, count = gradient.shape[-1], given.shape[-1], prod(gradient.shape[:-1])
    numbers = number_kind(kind)
    result = output(WEIGHT, "out", out, (outputs, inputs), numbers)
    if grad_bias is not None:
        sums = output(WEIGHT, "grad_bias", grad_bias, (outputs,), numbers)
        run("column_sums", (gradient, sums), (count, outputs))
    _product(
        (gradient, given, None, None, None, result, None),
        (outputs, inputs, count),
        (True, False),
    )
    return result


def _weight(function: str, weight: Any, kind: str) -> Array:
    weights, _ = value(function, "weight", weight, like=kind)
    if weights.ndim != 2:
        raise ValueError(
            f"{function}: weight has shape {weights.shape}; it must be (out_features, in_features)"
        )
    return weights


def _product(
    arrays: tuple[Array | None, ...],
    shape: tuple[int, int, int],
    transposed: tuple[bool, bool],
    activation: float = 0.0,
) -> None:
    """Run the product of dense matrices: a, b, bias, residual, mask, c, preactivation."""
    rows, columns, depth = shape
    strides = (
        rows if transposed[0] else depth,
        depth if transposed[1] else columns,
        columns,
    )
    settings = (*map(float, transposed), 1.0, 0.0, activation, 0.0)
    run("matmul", (*arrays, None, None), (*shape, *strides), settings)
