"""Depthwise separable convolution: a depthwise one, then one over the channels."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import value
from swiftopt.nn.functional._conv2d import conv2d
from swiftopt.nn.functional._depthwise_conv2d import depthwise_conv2d
from swiftopt.nn.functional._windows import Pair

NAME = "separable_conv2d"


def separable_conv2d(
    x: Any,
    depthwise_weight: Any,
    pointwise_weight: Any,
    bias: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    activation: str | None = None,
    out: Array | None = None,
    depthwise_out: Array | None = None,
) -> Array:
    """Return a convolution of each channel with its own kernel, then of the channels at a place.

    It is ``conv2d(depthwise_conv2d(x, depthwise_weight), pointwise_weight, bias)``, so its
    gradients are those two's, with `depthwise_out` as the second one's input.

    Parameters
    ----------
    x : array (batch, height, width, in_channels)
        float32, float64 or bfloat16.
    depthwise_weight : array (kernel_height, kernel_width, in_channels)
        Of the dtype of `x`.
    pointwise_weight : array (out_channels, 1, 1, in_channels) or (out_channels, in_channels)
        Of the dtype of `x`.
    bias : array (out_channels,), optional
        float64 for float64 values, else float32.
    stride, padding, dilation : int or two ints (height, width)
        Those of the depthwise convolution (1, 0, 1).
    activation : {None, "relu", "gelu", "silu", "tanh", "sigmoid"}
        What is applied last (None: nothing).
    out : array, optional
        Where to write the result.
    depthwise_out : array (batch, out_height, out_width, in_channels), optional
        Where to write what is between the two (a new array).

    Returns
    -------
    array (batch, out_height, out_width, out_channels)
        Height and width as in `conv2d`.

    Raises
    ------
    TypeError, ValueError
        As `conv2d` does.

    References
    ----------
    Chollet 2017, "Xception: Deep learning with depthwise separable convolutions", section 1.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.ones((1, 2, 2, 2))
    >>> y = F.separable_conv2d(x, np.ones((2, 2, 2)), np.array([[1.0, -1.0], [1.0, 1.0]]))
    >>> y.tolist()
    [[[[0.0, 8.0]]]]
    """
    given, kind = value(NAME, "x", x)
    pointwise, _ = value(NAME, "pointwise_weight", pointwise_weight, like=kind)
    if pointwise.ndim == 2:
        pointwise = pointwise.reshape(pointwise.shape[0], 1, 1, pointwise.shape[1])
    if pointwise.ndim != 4 or pointwise.shape[1:3] != (1, 1):
        raise ValueError(
            f"{NAME}: pointwise_weight has shape {pointwise.shape}; it must be (out_channels, 1, "
            "1, in_channels) or (out_channels, in_channels)"
        )
    if given.ndim == 4 and pointwise.shape[3] != given.shape[3]:
        raise ValueError(
            f"{NAME}: x has {given.shape[3]} channels, pointwise_weight expects "
            f"{pointwise.shape[3]}"
        )
    between = depthwise_conv2d(
        given,
        depthwise_weight,
        stride=stride,
        padding=padding,
        dilation=dilation,
        out=depthwise_out,
    )
    return conv2d(between, pointwise, bias, activation=activation, out=out)
