"""Convolutions of images."""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn import _checks
from swiftopt.nn._convolution import convolution
from swiftopt.nn._dense import dense
from swiftopt.nn._initialization import uniform
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value
from swiftopt.nn._window import Pair, Window


class Conv2d(Module):
    """Cross-correlation of images (batch, height, width, channels) with a kernel, plus a bias.

    A ReLU that follows and the statistics for a `BatchNorm` are computed with it. With a
    kernel of 1, stride 1 and one group it is a matrix product over the channels.

    Parameters
    ----------
    in_channels, out_channels : int
        The last axis of input and output.
    kernel_size : int or (int, int)
        Height and width.
    stride : int or (int, int), default 1
    padding : int or (int, int), default 0
        Zeros on each side.
    dilation : int or (int, int), default 1
        Pixels from one tap of the kernel to the next.
    groups : int, default 1
        How many parts the channels have, of which each only sees itself.
    bias : bool, default True
        Whether there is one; a `BatchNorm` that follows makes it useless.
    rng : int or numpy.random.Generator, optional
        For the initial parameters, uniform in ±1/√(kernel · in_channels / groups) as in torch.

    Attributes
    ----------
    weight : array (out_channels, kernel height, kernel width, in_channels / groups)
        The layout of MLX; ``torch_weight.transpose(0, 2, 3, 1)``, made contiguous.
    bias : array (out_channels,) or None

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    >>> layer.weight[...] = 1
    >>> layer(np.ones((1, 3, 3, 1), np.float32))[0, :, :, 0].tolist()
    [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """

    value_names = ("weight",)
    number_names = ("bias",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        *,
        dilation: Pair = 1,
        groups: SupportsIndex = 1,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        inputs = _checks.size(self, "in_channels", in_channels)
        outputs = _checks.size(self, "out_channels", out_channels)
        self.window = Window.of(self, kernel_size, stride, padding, dilation)
        self.groups = _checks.size(self, "groups", groups)
        if inputs % self.groups or outputs % self.groups:
            raise ValueError(
                f"Conv2d: groups is {self.groups}; it must divide in_channels {inputs} and "
                f"out_channels {outputs}"
            )
        shape = (outputs, *self.window.kernel, inputs // self.groups)
        self.weight = np.empty(shape, np.float32)
        self.bias: Array | None = np.empty(outputs, np.float32) if bias else None
        self.reset_parameters(rng)

    @property
    def in_channels(self) -> int:
        """Return the last axis of the input."""
        return int(self.weight.shape[-1]) * self.groups

    @property
    def out_channels(self) -> int:
        """Return the last axis of the output."""
        return int(self.weight.shape[0])

    def initialize(self, rng: np.random.Generator) -> None:
        """Set weight and bias."""
        inputs = self.weight[0].size
        uniform(rng, self.weight, inputs)
        uniform(rng, self.bias, inputs)

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the convolution."""
        _checks.images(self, x, planner, self.in_channels)
        if self.window.is_pointwise and self.groups == 1:
            return dense(planner, self, x)
        x = planner.activation(x)
        y = planner.value(*self.window.output_shape(self, x, self.out_channels))
        sizes = self.window.sizes(x) | {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "groups": self.groups,
        }
        return convolution(planner, self, "conv2d", x, y, sizes)

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_channels}, {self.out_channels}, {self.window.describe()}{groups}{bias}"
