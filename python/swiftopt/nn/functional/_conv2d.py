"""Convolution of images and its gradients."""

from __future__ import annotations

from typing import Any, SupportsIndex

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number, number_kind, output, run, value
from swiftopt.nn.functional._windows import (
    Pair,
    Windows,
    activation_number,
    images,
    pair,
    shape4,
)

NAME = "conv2d"
INPUT = "conv2d_backward_input"
WEIGHT = "conv2d_backward_weight"


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: SupportsIndex = 1,
    activation: str | None = None,
    out: Array | None = None,
    column_sums: Array | None = None,
    column_square_sums: Array | None = None,
) -> Array:
    """Return the convolution of images with a weight.

    ``y[n, i, j, o] = sum(x[n, i * stride + k * dilation - padding, ..., c] * weight[o, k, l, c])
    + bias[o]``, over the kernel's places k, l and the channels c of the group of o; outside the
    image x is 0. (In signal processing this is called a cross-correlation.) Then the activation.

    Parameters
    ----------
    x : array (batch, height, width, in_channels)
        float32, float64 or bfloat16.
    weight : array (out_channels, kernel_height, kernel_width, in_channels / groups)
        Of the dtype of `x`.
    bias : array (out_channels,), optional
        float64 for float64 values, else float32.
    stride, padding, dilation : int or two ints (height, width)
        The distance between two windows (1), the zeros around the image (0) and the distance
        between two places of the kernel (1).
    groups : int
        Output channels see only the input channels of their own one of so many equal parts (1).
    activation : {None, "relu", "gelu", "silu", "tanh", "sigmoid"}
        What is applied to the sum (None: nothing).
    out : array, optional
        Where to write the result.
    column_sums, column_square_sums : float64 array (out_channels,), optional
        Where to write the sums over all places of what was stored, and of its squares: what a
        batch norm that follows starts with.

    Returns
    -------
    array (batch, out_height, out_width, out_channels)
        With ``out_height = (height + 2 * padding - dilation * (kernel_height - 1) - 1) // stride
        + 1``, the width likewise.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit together, or an array is not contiguous, or read-only or overlapping
        where it is written.

    References
    ----------
    Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 2.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> F.conv2d(x, np.ones((1, 2, 2, 1)))[0, :, :, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    given, kind = value(NAME, "x", x)
    weights, _ = value(NAME, "weight", weight, like=kind)
    batch, height, width, inputs = images(NAME, "x", given)
    count = _groups(NAME, groups, weights)
    if weights.shape[3] * count != inputs:
        raise ValueError(
            f"{NAME}: x has {inputs} channels, weight expects {weights.shape[3] * count}"
            + (f" (groups {count})" if count > 1 else "")
        )
    outputs = weights.shape[0]
    windows = Windows.of(NAME, (height, width), weights.shape[1:3], stride, padding, dilation)
    result = output(NAME, "out", out, (batch, *windows.output, outputs), kind)
    sums = [
        None if array is None else output(NAME, name, array, (outputs,), "float64")
        for name, array in (
            ("column_sums", column_sums),
            ("column_square_sums", column_square_sums),
        )
    ]
    biases = None if bias is None else vector(NAME, "bias", bias, kind, outputs)
    run(
        NAME,
        (given, weights, biases, result, *sums),
        (*given.shape, outputs, *windows.sizes, count, *windows.dilation),
        (activation_number(NAME, activation),),
    )
    return result


def conv2d_backward_input(
    grad_output: Any,
    weight: Any,
    input_shape: tuple[int, ...],
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: SupportsIndex = 1,
    out: Array | None = None,
) -> Array:
    """Return the gradient of `conv2d`'s input.

    Parameters
    ----------
    grad_output : array (batch, out_height, out_width, out_channels)
        The gradient of the convolution's output (before its activation).
    weight : array (out_channels, kernel_height, kernel_width, in_channels / groups)
        Of the dtype of `grad_output`.
    input_shape : four ints
        The shape of the input, (batch, height, width, in_channels): with a stride, several have
        the same output.
    stride, padding, dilation, groups
        Those of the convolution.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array of shape `input_shape`
        Of the dtype of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        As `conv2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> gradient = F.conv2d_backward_input(
    ...     np.ones((1, 2, 2, 1)), np.ones((1, 2, 2, 1)), (1, 3, 3, 1))
    >>> gradient[0, :, :, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    gradient, kind = value(INPUT, "grad_output", grad_output)
    weights, _ = value(INPUT, "weight", weight, like=kind)
    shape = shape4(INPUT, "input_shape", input_shape)
    count = _groups(INPUT, groups, weights)
    if weights.shape[3] * count != shape[3]:
        raise ValueError(
            f"{INPUT}: input_shape has {shape[3]} channels, weight expects "
            f"{weights.shape[3] * count}"
        )
    windows = Windows.of(INPUT, shape[1:3], weights.shape[1:3], stride, padding, dilation)
    windows.check_output("grad_output", gradient, shape[0], weights.shape[0])
    result = output(INPUT, "out", out, shape, kind)
    run(
        INPUT,
        (gradient, weights, result),
        (*shape, weights.shape[0], *windows.sizes, count, *windows.dilation),
    )
    return result


def conv2d_backward_weight(
    grad_output: Any,
    x: Any,
    kernel_size: Pair,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: SupportsIndex = 1,
    out: Array | None = None,
    grad_bias: Array | None = None,
) -> Array:
    """Return the gradient of `conv2d`'s weight, and of its bias if asked for.

    Parameters
    ----------
    grad_output : array (batch, out_height, out_width, out_channels)
        The gradient of the convolution's output (before its activation).
    x : array (batch, height, width, in_channels)
        The convolution's input, of the dtype of `grad_output`.
    kernel_size : int or two ints
        Height and width of the kernel.
    stride, padding, dilation, groups
        Those of the convolution.
    out : array, optional
        Where to write the result.
    grad_bias : array (out_channels,), optional
        Where to write the gradient of the bias, the sum of `grad_output` over all places.

    Returns
    -------
    array (out_channels, kernel_height, kernel_width, in_channels / groups)
        float64 for float64 values, else float32, as `grad_bias`.

    Raises
    ------
    TypeError, ValueError
        As `conv2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> F.conv2d_backward_weight(np.ones((1, 2, 2, 1)), x, 2)[0, :, :, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    gradient, kind = value(WEIGHT, "grad_output", grad_output)
    given, _ = value(WEIGHT, "x", x, like=kind)
    batch, height, width, inputs = images(WEIGHT, "x", given)
    outputs = images(WEIGHT, "grad_output", gradient)[3]
    count = pair(WEIGHT, "groups", groups, 1)[0]
    if inputs % count or outputs % count:
        raise ValueError(
            f"{WEIGHT}: groups is {count}; it must divide x's {inputs} channels and "
            f"grad_output's {outputs}"
        )
    kernel = pair(WEIGHT, "kernel_size", kernel_size, 1)
    windows = Windows.of(WEIGHT, (height, width), kernel, stride, padding, dilation)
    windows.check_output("grad_output", gradient, batch, outputs)
    numbers = number_kind(kind)
    result = output(WEIGHT, "out", out, (outputs, *kernel, inputs // count), numbers)
    biases = None
    if grad_bias is not None:
        biases = output(WEIGHT, "grad_bias", grad_bias, (outputs,), numbers)
    run(
        WEIGHT,
        (gradient, given, result, biases),
        (*given.shape, outputs, *windows.sizes, count, *windows.dilation),
    )
    return result


def vector(function: str, name: str, array: object, kind: str, count: int) -> Array:
    """Return an argument as an array of one number per channel."""
    numbers = number(function, name, array, kind)
    if numbers.shape != (count,):
        raise ValueError(
            f"{function}: {name} has shape {numbers.shape}; weight gives it ({count},)"
        )
    return numbers


def _groups(function: str, groups: SupportsIndex, weight: Array) -> int:
    """Return the number of groups, after a look at the weight."""
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(
            f"{function}: weight has shape {weight.shape}; it must be (out_channels, "
            "kernel_height, kernel_width, in_channels / groups), each at least 1"
        )
    count = pair(function, "groups", groups, 1)[0]
    if weight.shape[0] % count:
        raise ValueError(
            f"{function}: groups is {count}; it must divide weight's {weight.shape[0]} output "
            "channels"
        )
    return count
