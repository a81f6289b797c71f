"""Layer normalisation."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import (
    number,
    number_kind,
    output,
    per_channel,
    rows,
    run,
    same_shape,
    value,
)


def layer_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    *,
    save_mean: Array | None = None,
    save_inverse_std: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Return (x - mean) / √(variance + eps) · weight + bias, row by row.

    Mean and (biased) variance are those of a row, which is the last axis. Deviations are summed
    after the mean was subtracted, so that a large mean costs no digits.

    Source: Ba, Kiros & Hinton 2016, "Layer normalization", equation 3.

    Parameters
    ----------
    x : array of shape (..., features)
        float32, float64 or bfloat16, C-contiguous, with at least one feature.
    weight, bias : arrays of shape (features,), optional
        1 and 0 by default; float64 for float64 values, else float32.
    eps : float, default 1e-5
        At least 0.
    save_mean, save_inverse_std : arrays of the shape of `x` without its last axis, optional
        Where to write the mean and 1 / √(variance + eps) for `layer_norm_backward`.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        The result, of the shape and dtype of `x`.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit, `eps` is negative, or an array is not contiguous, or read-only or
        overlapping where it is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.layer_norm(np.array([[1.0, 3.0], [-5.0, 5.0]]), eps=0.0).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """
    name = "layer_norm"
    given, kind = value(name, "x", x)
    count, features = rows(name, given, "features")
    target = output(name, "out", out, given.shape, kind)
    arrays = (
        given,
        per_channel(name, "weight", weight, features, kind, "features"),
        per_channel(name, "bias", bias, features, kind, "features"),
        target,
        None if save_mean is None else per_row(name, "save_mean", save_mean, given, kind),
        None
        if save_inverse_std is None
        else per_row(name, "save_inverse_std", save_inverse_std, given, kind),
    )
    run(name, arrays, (count, features), (eps,))
    return target


def layer_norm_backward(
    grad_output: Any,
    x: Any,
    mean: Any,
    inverse_std: Any,
    weight: Any = None,
    *,
    grad_weight: Array | None = None,
    grad_bias: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Return the gradients of `layer_norm` with respect to x, weight and bias.

    With g = grad_output · weight and x̂ = (x - mean) · inverse_std, that for x is
    inverse_std · (g - mean(g) - x̂ mean(g x̂)); those for weight and bias are the sums over rows of
    grad_output · x̂ and grad_output.

    Parameters
    ----------
    grad_output : array of shape (..., features)
        The gradient with respect to what `layer_norm` returned.
    x : array of that shape and dtype
        What `layer_norm` got.
    mean, inverse_std : arrays of the shape of `x` without its last axis
        What `layer_norm` saved.
    weight : array of shape (features,), optional
        As `layer_norm` had it.
    grad_weight, grad_bias : arrays of shape (features,), optional
        Where to write these gradients; else new arrays.
    out : array, optional
        Where to write the gradient with respect to x; it may be `grad_output` itself.

    Returns
    -------
    tuple of three arrays
        The gradients with respect to x, weight and bias.

    Raises
    ------
    TypeError, ValueError
        As `layer_norm`.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.array([[1.0, 2.0, 6.0]])
    >>> mean, inverse_std = np.empty(1), np.empty(1)
    >>> y = F.layer_norm(x, eps=0.0, save_mean=mean, save_inverse_std=inverse_std)
    >>> gradients = F.layer_norm_backward(np.array([[1.0, 0.0, 0.0]]), x, mean, inverse_std)
    >>> gradients[0].round(3).tolist()
    [[0.176, -0.22, 0.044]]
    """
    name = "layer_norm_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    given, _ = value(name, "x", x, like=kind)
    same_shape(name, "grad_output", gradient, "x", given.shape)
    count, features = rows(name, given, "features")
    target = output(name, "out", out, given.shape, kind)
    of_weight = output(name, "grad_weight", grad_weight, (features,), number_kind(kind))
    of_bias = output(name, "grad_bias", grad_bias, (features,), number_kind(kind))
    arrays = (
        gradient,
        given,
        per_channel(name, "weight", weight, features, kind, "features"),
        per_row(name, "mean", mean, given, kind),
        per_row(name, "inverse_std", inverse_std, given, kind),
        target,
        of_weight,
        of_bias,
    )
    run(name, arrays, (count, features))
    return target, of_weight, of_bias


def per_row(function: str, name: str, array: object, x: Array, kind: str) -> Array:
    """Return an argument as a number for each row of `x`."""
    numbers = number(function, name, array, kind)
    same_shape(function, name, numbers, "x without its last axis", x.shape[:-1])
    return numbers
