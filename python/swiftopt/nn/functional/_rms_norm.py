"""Root mean square normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import (
    number_kind,
    output,
    per_channel,
    rows,
    run,
    same_shape,
    value,
)
from swiftopt.nn.functional._layer_norm import per_row


def rms_norm(
    x: Any,
    weight: Any = None,
    eps: float | None = None,
    *,
    save_inverse_rms: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Return x / √(mean(x²) + eps) · weight, row by row, which is the last axis.

    Source: Zhang & Sennrich 2019, "Root mean square layer normalization", equation 4.

    Parameters
    ----------
    x : array of shape (..., features)
        float32, float64 or bfloat16, C-contiguous, with at least one feature.
    weight : array of shape (features,), optional
        1 by default; float64 for float64 values, else float32.
    eps : float, optional
        At least 0. By default the distance from 1 to the next number of what values are computed
        in: 2^-23, or 2^-52 for float64.
    save_inverse_rms : array of the shape of `x` without its last axis, optional
        Where to write 1 / √(mean(x²) + eps) for `rms_norm_backward`.
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
    >>> F.rms_norm(np.array([[1.0, 7.0]]), np.array([1.0, 2.0])).round(6).tolist()
    [[0.2, 2.8]]
    """
    name = "rms_norm"
    given, kind = value(name, "x", x)
    count, features = rows(name, given, "features")
    least = float(np.finfo(number_kind(kind)).eps) if eps is None else eps
    target = output(name, "out", out, given.shape, kind)
    saved = None
    if save_inverse_rms is not None:
        saved = per_row(name, "save_inverse_rms", save_inverse_rms, given, kind)
    weights = per_channel(name, "weight", weight, features, kind, "features")
    run(name, (given, weights, target, saved), (count, features), (least,))
    return target


def rms_norm_backward(
    grad_output: Any,
    x: Any,
    inverse_rms: Any,
    weight: Any = None,
    *,
    grad_weight: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array]:
    """Return the gradients of `rms_norm` with respect to x and weight.

    With g = grad_output · weight and x̂ = x · inverse_rms, that for x is
    inverse_rms · (g - x̂ mean(g x̂)); that for the weight is the sum over rows of grad_output · x̂.

    Parameters
    ----------
    grad_output : array of shape (..., features)
        The gradient with respect to what `rms_norm` returned.
    x : array of that shape and dtype
        What `rms_norm` got.
    inverse_rms : array of the shape of `x` without its last axis
        What `rms_norm` saved.
    weight : array of shape (features,), optional
        As `rms_norm` had it.
    grad_weight : array of shape (features,), optional
        Where to write this gradient; else a new array.
    out : array, optional
        Where to write the gradient with respect to x; it may be `grad_output` itself.

    Returns
    -------
    tuple of two arrays
        The gradients with respect to x and weight.

    Raises
    ------
    TypeError, ValueError
        As `rms_norm`.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x, inverse_rms = np.array([[1.0, 7.0]]), np.array([0.2])
    >>> gradients = F.rms_norm_backward(np.array([[1.0, 0.0]]), x, inverse_rms)
    >>> [gradient.round(6).tolist() for gradient in gradients]
    [[[0.196, -0.028]], [0.2, 0.0]]
    """
    name = "rms_norm_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    given, _ = value(name, "x", x, like=kind)
    same_shape(name, "grad_output", gradient, "x", given.shape)
    count, features = rows(name, given, "features")
    target = output(name, "out", out, given.shape, kind)
    of_weight = output(name, "grad_weight", grad_weight, (features,), number_kind(kind))
    weights = per_channel(name, "weight", weight, features, kind, "features")
    saved = per_row(name, "inverse_rms", inverse_rms, given, kind)
    run(name, (gradient, given, weights, saved, target, of_weight), (count, features))
    return target, of_weight
