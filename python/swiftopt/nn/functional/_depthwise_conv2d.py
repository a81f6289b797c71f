"""Depthwise convolution of images and its gradients."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number_kind, output, run, value
from swiftopt.nn.functional._conv2d import vector
from swiftopt.nn.functional._windows import Pair, Windows, images, pair, shape4

NAME = "depthwise_conv2d"
INPUT = "depthwise_conv2d_backward_input"
WEIGHT = "depthwise_conv2d_backward_weight"


def depthwise_conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    relu: bool = False,
    out: Array | None = None,
    column_sums: Array | None = None,
    column_square_sums: Array | None = None,
) -> Array:
    """Return the convolution of each channel of images with a kernel of its own.

    ``y[n, i, j, c] = sum(x[n, i * stride + k * dilation - padding, ..., c] * weight[k, l, c])
    + bias[c]``, over the kernel's places k, l; outside the image x is 0. Then ReLU if asked.

    Parameters
    ----------
    x : array (batch, height, width, channels)
        float32, float64 or bfloat16.
    weight : array (kernel_height, kernel_width, channels)
        Of the dtype of `x`.
    bias : array (channels,), optional
        float64 for float64 values, else float32.
    stride, padding, dilation : int or two ints (height, width)
        As in `conv2d` (1, 0, 1).
    relu : bool
        Whether what is negative becomes 0 (False).
    out : array, optional
        Where to write the result.
    column_sums, column_square_sums : float64 array (channels,), optional
        Where to write the sums over all places of what was stored, and of its squares.

    Returns
    -------
    array (batch, out_height, out_width, channels)
        Height and width as in `conv2d`.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit together, or an array is not contiguous, or read-only or overlapping
        where it is written.

    References
    ----------
    Chollet 2017, "Xception: Deep learning with depthwise separable convolutions", section 1.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.ones((1, 2, 2, 2))
    >>> y = F.depthwise_conv2d(x, np.ones((3, 3, 2)), np.array([0.0, -5.0]), padding=1, relu=True)
    >>> y[0, 0, 0].tolist()
    [4.0, 0.0]
    """
    given, kind = value(NAME, "x", x)
    weights, _ = value(NAME, "weight", weight, like=kind)
    batch, height, width, channels = images(NAME, "x", given)
    _check_weight(NAME, weights)
    if weights.shape[2] != channels:
        raise ValueError(f"{NAME}: x has {channels} channels, weight expects {weights.shape[2]}")
    windows = Windows.of(NAME, (height, width), weights.shape[:2], stride, padding, dilation)
    result = output(NAME, "out", out, (batch, *windows.output, channels), kind)
    sums = [
        None if array is None else output(NAME, name, array, (channels,), "float64")
        for name, array in (
            ("column_sums", column_sums),
            ("column_square_sums", column_square_sums),
        )
    ]
    biases = None if bias is None else vector(NAME, "bias", bias, kind, channels)
    run(
        NAME,
        (given, weights, biases, result, *sums),
        (*given.shape, *windows.sizes, *windows.dilation),
        (float(bool(relu)),),
    )
    return result


def depthwise_conv2d_backward_input(
    grad_output: Any,
    weight: Any,
    input_shape: tuple[int, ...],
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    out: Array | None = None,
) -> Array:
    """Return the gradient of `depthwise_conv2d`'s input.

    Parameters
    ----------
    grad_output : array (batch, out_height, out_width, channels)
        The gradient of the convolution's output (before ReLU).
    weight : array (kernel_height, kernel_width, channels)
        Of the dtype of `grad_output`.
    input_shape : four ints
        The shape of the input, (batch, height, width, channels).
    stride, padding, dilation
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
        As `depthwise_conv2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> gradient = F.depthwise_conv2d_backward_input(
    ...     np.ones((1, 2, 2, 1)), np.ones((2, 2, 1)), (1, 3, 3, 1))
    >>> gradient[0, :, :, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    gradient, kind = value(INPUT, "grad_output", grad_output)
    weights, _ = value(INPUT, "weight", weight, like=kind)
    shape = shape4(INPUT, "input_shape", input_shape)
    _check_weight(INPUT, weights)
    if weights.shape[2] != shape[3]:
        raise ValueError(
            f"{INPUT}: input_shape has {shape[3]} channels, weight expects {weights.shape[2]}"
        )
    windows = Windows.of(INPUT, shape[1:3], weights.shape[:2], stride, padding, dilation)
    windows.check_output("grad_output", gradient, shape[0], shape[3])
    result = output(INPUT, "out", out, shape, kind)
    run(INPUT, (gradient, weights, result), (*shape, *windows.sizes, *windows.dilation))
    return result


def depthwise_conv2d_backward_weight(
    grad_output: Any,
    x: Any,
    kernel_size: Pair,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    out: Array | None = None,
    grad_bias: Array | None = None,
) -> Array:
    """Return the gradient of `depthwise_conv2d`'s weight, and of its bias if asked for.

    Sums over a row of the image are in the arithmetic's dtype, over rows in float64.

    Parameters
    ----------
    grad_output : array (batch, out_height, out_width, channels)
        The gradient of the convolution's output (before ReLU).
    x : array (batch, height, width, channels)
        The convolution's input, of the dtype of `grad_output`.
    kernel_size : int or two ints
        Height and width of the kernel.
    stride, padding, dilation
        Those of the convolution.
    out : array, optional
        Where to write the result.
    grad_bias : array (channels,), optional
        Where to write the gradient of the bias.

    Returns
    -------
    array (kernel_height, kernel_width, channels)
        float64 for float64 values, else float32, as `grad_bias`.

    Raises
    ------
    TypeError, ValueError
        As `depthwise_conv2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> F.depthwise_conv2d_backward_weight(np.ones((1, 2, 2, 1)), x, 2)[:, :, 0].tolist()
    [[8.0, 12.0], [20.0, 24.0]]
    """
    gradient, kind = value(WEIGHT, "grad_output", grad_output)
    given, _ = value(WEIGHT, "x", x, like=kind)
    batch, height, width, channels = images(WEIGHT, "x", given)
    kernel = pair(WEIGHT, "kernel_size", kernel_size, 1)
    windows = Windows.of(WEIGHT, (height, width), kernel, stride, padding, dilation)
    windows.check_output("grad_output", gradient, batch, channels)
    numbers = number_kind(kind)
    result = output(WEIGHT, "out", out, (*kernel, channels), numbers)
    biases = None
    if grad_bias is not None:
        biases = output(WEIGHT, "grad_bias", grad_bias, (channels,), numbers)
    run(
        WEIGHT,
        (gradient, given, result, biases),
        (*given.shape, *windows.sizes, *windows.dilation),
    )
    return result


def _check_weight(function: str, weight: Array) -> None:
    if weight.ndim != 3 or 0 in weight.shape:
        raise ValueError(
            f"{function}: weight has shape {weight.shape}; it must be (kernel_height, "
            "kernel_width, channels), each at least 1"
        )
