"""Convolutions and pooling of images, (batch, height, width, channels)."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.autograd._primitive import Gradients, Saved, layer
from swiftopt.nn import functional

Pair = int | tuple[int, int]


def _convolution(name: str, kernel_axis: int) -> Any:
    """Return the primitive of a convolution whose weight's kernel axes begin at `kernel_axis`."""
    convolve = getattr(functional, name)
    backward_input = getattr(functional, f"{name}_backward_input")
    backward_weight = getattr(functional, f"{name}_backward_weight")

    def forward(
        saved: Saved, x: Array, weight: Array, bias: Array | None, **settings: Any
    ) -> Array:
        result: Array = convolve(x, weight, bias, **settings)
        return result

    def backward(
        saved: Saved,
        wanted: tuple[bool, ...],
        grad: Array,
        result: Array,
        x: Array,
        weight: Array,
        bias: Array | None,
        **settings: Any,
    ) -> Gradients:
        x_gradient = weight_gradient = bias_gradient = None
        if wanted[0]:
            x_gradient = backward_input(grad, weight, x.shape, **settings)
        if wanted[1] or wanted[2]:
            kernel_size = weight.shape[kernel_axis : kernel_axis + 2]
            bias_gradient = np.empty_like(bias) if bias is not None and wanted[2] else None
            weight_gradient = backward_weight(
                grad, x, kernel_size, grad_bias=bias_gradient, **settings
            )
        return x_gradient, weight_gradient, bias_gradient

    return layer(name, forward, backward)


_conv2d = _convolution("conv2d", kernel_axis=1)
_depthwise_conv2d = _convolution("depthwise_conv2d", kernel_axis=0)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Any:
    """Return the convolution of images; differentiable in all three arrays.

    `x` is (batch, height, width, in_channels), `weight` (out_channels, kernel_height,
    kernel_width, in_channels / groups), `bias` (out_channels,).

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x, weight = np.array([[[[1.0], [2.0], [3.0]]]]), np.array([[[[1.0], [10.0]]]])
    >>> soa.conv2d(x, weight).tolist()
    [[[[21.0], [32.0]]]]
    >>> autograd.grad(lambda w: np.sum(soa.conv2d(x, w)))(weight).tolist()
    [[[[3.0], [5.0]]]]
    """
    return _conv2d(
        x, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def depthwise_conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> Any:
    """Return the convolution of each channel with its own kernel; differentiable in all arrays.

    `x` is (batch, height, width, channels), `weight` (kernel_height, kernel_width, channels),
    `bias` (channels,).

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x, weight = np.array([[[[1.0], [2.0], [3.0]]]]), np.array([[[1.0], [10.0]]])
    >>> soa.depthwise_conv2d(x, weight).tolist()
    [[[[21.0], [32.0]]]]
    """
    return _depthwise_conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation)


def _max_pool2d_forward(saved: Saved, x: Array, **settings: Any) -> Array:
    places = None
    if saved is not None and x.ndim == 4:
        places = saved["places"] = np.empty(_pooled_shape(x.shape, **settings), np.int32)
    return functional.max_pool2d(x, places=places, **settings)


def _pooled_shape(
    shape: tuple[int, ...], kernel_size: Pair, stride: Pair | None, padding: Pair
) -> tuple[int, ...]:
    """Return the shape of the result; any, where the pooling will be refused."""

    def one(size: int, kernel: int, step: int, pad: int) -> int:
        return max(0, (size + 2 * pad - kernel) // max(step, 1) + 1)

    steps = kernel_size if stride is None else stride
    pairs = [
        (item, item) if isinstance(item, int) else item for item in (kernel_size, steps, padding)
    ]
    height, width = map(one, shape[1:3], *pairs)
    return shape[0], height, width, shape[3]


def _max_pool2d_backward(
    saved: dict[str, Array],
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    x: Array,
    **settings: Any,
) -> Gradients:
    return (functional.max_pool2d_backward(grad, saved["places"], x.shape, **settings),)


def _avg_pool2d_forward(saved: Saved, x: Array, **settings: Any) -> Array:
    return functional.avg_pool2d(x, **settings)


def _avg_pool2d_backward(
    saved: Saved, wanted: tuple[bool, ...], grad: Array, result: Array, x: Array, **settings: Any
) -> Gradients:
    return (functional.avg_pool2d_backward(grad, x.shape, **settings),)


def _global_avg_pool2d_forward(saved: Saved, x: Array) -> Array:
    return functional.global_avg_pool2d(x)


def _global_avg_pool2d_backward(
    saved: Saved, wanted: tuple[bool, ...], grad: Array, result: Array, x: Array
) -> Gradients:
    return (functional.global_avg_pool2d_backward(grad, x.shape),)


_max_pool2d = layer("max_pool2d", _max_pool2d_forward, _max_pool2d_backward)
_avg_pool2d = layer("avg_pool2d", _avg_pool2d_forward, _avg_pool2d_backward)
_global_avg_pool2d = layer(
    "global_avg_pool2d", _global_avg_pool2d_forward, _global_avg_pool2d_backward
)


def max_pool2d(x: Any, kernel_size: Pair, *, stride: Pair | None = None, padding: Pair = 0) -> Any:
    """Return the greatest element of each window of each channel; differentiable in x.

    Of equal elements the first one gets the gradient.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.array([[[[1.0], [4.0]], [[3.0], [2.0]]]])
    >>> soa.max_pool2d(x, 2).tolist()
    [[[[4.0]]]]
    >>> autograd.grad(lambda x: np.sum(soa.max_pool2d(x, 2)))(x).tolist()
    [[[[0.0], [1.0]], [[0.0], [0.0]]]]
    """
    return _max_pool2d(x, kernel_size=kernel_size, stride=stride, padding=padding)


def avg_pool2d(
    x: Any,
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Pair = 0,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window of each channel; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.array([[[[1.0], [4.0]], [[3.0], [2.0]]]])
    >>> soa.avg_pool2d(x, 2).tolist()
    [[[[2.5]]]]
    """
    return _avg_pool2d(
        x,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        count_include_pad=count_include_pad,
    )


def global_avg_pool2d(x: Any) -> Any:
    """Return the mean of each channel over each image; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.array([[[[1.0], [4.0]], [[3.0], [2.0]]]])
    >>> soa.global_avg_pool2d(x).tolist()
    [[2.5]]
    """
    return _global_avg_pool2d(x)
