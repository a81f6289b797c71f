"""Convolutions of each channel by itself."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn import _checks
from swiftopt.nn._convolution import convolution
from swiftopt.nn._initialization import uniform
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value
from swiftopt.nn._window import Pair, Window


class DepthwiseConv2d(Module):
    """Cross-correlation of each channel of images with a kernel of its own, plus a bias.

    What ``Conv2d(channels, channels, ..., groups=channels)`` computes, by a kernel for it.

    Parameters
    ----------
    channels : int
        The last axis.
    kernel_size : int or (int, int)
        Height and width.
    stride : int or (int, int), default 1
    padding : int or (int, int), default 0
        Zeros on each side.
    dilation : int or (int, int), default 1
        Pixels from one tap of the kernel to the next.
    bias : bool, default True
        Whether there is one.
    rng : int or numpy.random.Generator, optional
        For the initial parameters, uniform in ±1/√kernel as in torch.

    Attributes
    ----------
    weight : array (kernel height, kernel width, channels)
    bias : array (channels,) or None

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.DepthwiseConv2d(2, 3, padding=1, bias=False)
    >>> layer.weight[...] = [1.0, 10.0]
    >>> layer(np.ones((1, 1, 2, 2), np.float32)).tolist()
    [[[[2.0, 20.0], [2.0, 20.0]]]]
    """

    value_names = ("weight",)
    number_names = ("bias",)

    def __init__(
        self,
        channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        bias: bool = True,
        *,
        dilation: Pair = 1,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        channels = _checks.size(self, "channels", channels)
        self.window = Window.of(self, kernel_size, stride, padding, dilation)
        self.weight = np.empty((*self.window.kernel, channels), np.float32)
        self.bias: Array | None = np.empty(channels, np.float32) if bias else None
        self.reset_parameters(rng)

    @property
    def channels(self) -> int:
        """Return the last axis."""
        return int(self.weight.shape[-1])

    def initialize(self, rng: np.random.Generator) -> None:
        """Set weight and bias."""
        inputs = self.window.kernel[0] * self.window.kernel[1]
        uniform(rng, self.weight, inputs)
        uniform(rng, self.bias, inputs)

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the convolution."""
        channels = self.channels
        x = planner.activation(_checks.images(self, x, planner, channels))
        y = planner.value(*self.window.output_shape(self, x, channels))
        sizes = self.window.sizes(x) | {"channels": channels}
        return convolution(planner, self, "depthwise_conv2d", x, y, sizes)

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.channels}, {self.window.describe()}{bias}"
