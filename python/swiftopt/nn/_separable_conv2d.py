"""Depthwise and pointwise convolutions."""

from __future__ import annotations

from swiftopt.nn._conv2d import Conv2d
from swiftopt.nn._depthwise_conv2d import DepthwiseConv2d
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value
from swiftopt.nn._window import Pair


class SeparableConv2d(Module):
    """A `DepthwiseConv2d`, then a `Conv2d` with a kernel of 1 (Chollet 2017; Howard et al. 2017).

    Parameters
    ----------
    in_channels, out_channels : int
        The last axis of input and output.
    kernel_size : int or (int, int)
        Height and width of the depthwise kernel.
    stride : int or (int, int), default 1
    padding : int or (int, int), default 0
        Zeros on each side.
    dilation : int or (int, int), default 1
        Pixels from one tap of the kernel to the next.
    bias : bool, default True
        Whether the pointwise convolution has one; the depthwise one has none.
    rng : int or numpy.random.Generator, optional
        For the initial parameters.

    Attributes
    ----------
    depthwise : DepthwiseConv2d
    pointwise : Conv2d

    Examples
    --------
    >>> from swiftopt import nn
    >>> layer = nn.SeparableConv2d(32, 64, 3, stride=2, padding=1, bias=False)
    >>> layer.output_shape((128, 28, 28, 32))
    (128, 14, 14, 64)
    >>> sum(array.size for array in layer.named_parameters().values())  # 3·3·32 + 32·64
    2336
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        *,
        dilation: Pair = 1,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        self.depthwise = DepthwiseConv2d(
            in_channels, kernel_size, stride, padding, bias=False, dilation=dilation
        )
        self.pointwise = Conv2d(in_channels, out_channels, 1, bias=bias)
        if rng is not None:
            self.reset_parameters(rng)

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record both."""
        x = planner.child("depthwise", self.depthwise, x)
        return planner.child("pointwise", self.pointwise, x)
