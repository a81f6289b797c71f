"""Batch normalisation, with ReLU and a residual in the same pass."""

from __future__ import annotations

from typing import Any

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


def batch_norm(
    x: Any,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    residual: Any = None,
    relu: bool = False,
    sums: tuple[Any, Any] | None = None,
    save_mean: Array | None = None,
    save_inverse_std: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Return (x - mean) / √(variance + eps) · weight + bias, channel by channel.

    Then `residual` is added, and max(·, 0) taken if `relu`, in the same pass over memory.
    Channels are the last axis, as in everything here.

    In training mean and variance are those of the batch, over all axes but the last, and the
    running ones move towards them in place: by `momentum` times the difference, the variance
    towards the unbiased one. Else they are the running ones, or those of the batch if there are
    none.

    Statistics have a relative error of some 2^-24 (float64: 2^-53) times 10 in the variance,
    however large the mean is beside the deviation. The mean is then rounded, which costs
    2^-24 · |mean| / deviation in the result, no more than rounding x to float32 did.

    Source: Ioffe & Szegedy 2015, "Batch normalization", algorithm 1.

    Parameters
    ----------
    x : array of shape (..., channels)
        float32, float64 or bfloat16, C-contiguous, with at least one element (in training with
        running statistics at least two of each channel).
    running_mean, running_var : arrays of shape (channels,), optional
        float64 for float64 values, else float32, as all arrays of this shape.
    weight, bias : arrays of shape (channels,), optional
        1 and 0 by default.
    training : bool, default False
        See above.
    momentum : float, default 0.1
        In 0 ... 1.
    eps : float, default 1e-5
        At least 0.
    residual : array of the shape and dtype of `x`, optional
        Is added to the result, before the ReLU.
    relu : bool, default False
        Whether to take max(·, 0).
    sums : tuple of two float64 arrays of shape (channels,), optional
        Sums of x and of x² over all axes but the last, as a convolution gives them on its way;
        then x is read only once. The variance then has an absolute error of some
        2^-53 (mean² + variance).
    save_mean, save_inverse_std : arrays of shape (channels,), optional
        Where to write the mean and 1 / √(variance + eps) for `batch_norm_backward`.
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
        If shapes don't fit, a number is out of its range, or an array is not contiguous, or
        read-only or overlapping where it is written. Then nothing was written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.array([[1.0, -10.0], [3.0, 30.0]])
    >>> mean, variance = np.zeros(2), np.ones(2)
    >>> F.batch_norm(x, mean, variance, training=True, eps=0.0).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    >>> mean.tolist(), variance.tolist()  # towards 2, 10 and 2, 800
    ([0.2, 1.0], [1.1, 80.9])
    >>> F.batch_norm(x, mean, variance, eps=0.0, relu=True).round(3).tolist()
    [[0.763, 0.0], [2.67, 3.224]]
    """
    name = "batch_norm"
    given, kind = value(name, "x", x)
    count, channels = rows(name, given)

    def channel(argument: str, array: Any, of: str = kind) -> Array | None:
        return per_channel(name, argument, array, channels, of)

    added = None
    if residual is not None:
        added, _ = value(name, "residual", residual, like=kind)
        same_shape(name, "residual", added, "x", given.shape)
    first, second = (None, None) if sums is None else sums
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{name}: running_mean and running_var must be given both or neither")
    target = output(name, "out", out, given.shape, kind)
    arrays = (
        given,
        channel("weight", weight),
        channel("bias", bias),
        added,
        channel("sums", first, "float64"),
        channel("sums", second, "float64"),
        channel("running_mean", running_mean),
        channel("running_var", running_var),
        target,
        channel("save_mean", save_mean),
        channel("save_inverse_std", save_inverse_std),
    )
    run(name, arrays, (count, channels), (eps, momentum, float(training), float(relu)))
    return target


def batch_norm_backward(
    grad_output: Any,
    x: Any,
    mean: Any,
    inverse_std: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = True,
    *,
    relu: bool = False,
    output_of_relu: Any = None,
    grad_weight: Array | None = None,
    grad_bias: Array | None = None,
    grad_residual: Array | None = None,
    out: Array | None = None,
) -> tuple[Array, Array, Array]:
    """Return the gradients of `batch_norm` with respect to x, weight and bias.

    With g = grad_output (but 0 where a ReLU gave 0), x̂ = (x - mean) · inverse_std and n elements
    of each channel:

    - for the bias Σ g, and for the weight Σ g x̂;
    - for x: weight · inverse_std · (g - Σ g / n - x̂ Σ g x̂ / n), without the last two terms if not
      `training`;
    - for the residual g.

    Two passes over memory; the gradient of the ReLU costs nothing more, because where it gave 0
    is found again from x.

    Parameters
    ----------
    grad_output : array of shape (..., channels)
        The gradient with respect to what `batch_norm` returned.
    x : array of that shape and dtype
        What `batch_norm` got.
    mean, inverse_std : arrays of shape (channels,)
        What `batch_norm` saved.
    weight, bias : arrays of shape (channels,), optional
        As `batch_norm` had them. The bias is needed for the ReLU only.
    training : bool, default True
        Whether the statistics were those of the batch.
    relu : bool, default False
        As `batch_norm` had it.
    output_of_relu : array of the shape and dtype of `x`, optional
        What `batch_norm` returned: needed with `relu` if there was a residual.
    grad_weight, grad_bias : arrays of shape (channels,), optional
        Where to write these gradients; else new arrays.
    grad_residual : array of the shape and dtype of `x`, optional
        Where to write g; it may be `grad_output` itself, if `out` is not.
    out : array, optional
        Where to write the gradient with respect to x; it may be `grad_output` itself.

    Returns
    -------
    tuple of three arrays
        The gradients with respect to x, weight and bias.

    Raises
    ------
    TypeError, ValueError
        As `batch_norm`.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.array([[1.0], [2.0], [6.0]])
    >>> mean, inverse_std = np.empty(1), np.empty(1)
    >>> y = F.batch_norm(x, training=True, eps=0.0, save_mean=mean, save_inverse_std=inverse_std)
    >>> gradients = F.batch_norm_backward(np.array([[1.0], [0.0], [0.0]]), x, mean, inverse_std)
    >>> [gradient.round(3).ravel().tolist() for gradient in gradients]
    [[0.176, -0.22, 0.044], [-0.926], [1.0]]
    """
    name = "batch_norm_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    given, _ = value(name, "x", x, like=kind)
    same_shape(name, "grad_output", gradient, "x", given.shape)
    count, channels = rows(name, given)

    def channel(argument: str, array: Any) -> Array | None:
        return per_channel(name, argument, array, channels, kind)

    result = None
    if output_of_relu is not None:
        result, _ = value(name, "output_of_relu", output_of_relu, like=kind)
        same_shape(name, "output_of_relu", result, "x", given.shape)
    if relu and grad_residual is not None and result is None:
        raise ValueError(
            f"{name}: output_of_relu must be given, because with a residual x doesn't tell "
            "where the ReLU gave 0"
        )
    target = output(name, "out", out, given.shape, kind)
    of_weight = output(name, "grad_weight", grad_weight, (channels,), number_kind(kind))
    of_bias = output(name, "grad_bias", grad_bias, (channels,), number_kind(kind))
    of_residual = None
    if grad_residual is not None:
        of_residual = output(name, "grad_residual", grad_residual, given.shape, kind)
    arrays = (
        gradient,
        given,
        result,
        channel("weight", weight),
        channel("bias", bias),
        channel("mean", mean),
        channel("inverse_std", inverse_std),
        target,
        of_weight,
        of_bias,
        of_residual,
    )
    run(name, arrays, (count, channels), (float(training), float(relu), 1.0))
    return target, of_weight, of_bias
