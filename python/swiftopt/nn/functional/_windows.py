"""Kernel, stride, padding and dilation of convolutions and pooling: pairs (height, width)."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import SupportsIndex

from swiftopt._arrays import Array

#: One number is for height and width.
Pair = SupportsIndex | tuple[SupportsIndex, SupportsIndex]

ACTIVATIONS = (None, "relu", "gelu", "silu", "tanh", "sigmoid")


def pair(function: str, name: str, given: Pair, minimum: int) -> tuple[int, int]:
    """Return an argument as (height, width)."""
    both = given if isinstance(given, (tuple, list)) else (given, given)
    try:
        numbers = tuple(operator.index(number) for number in both)
    except TypeError:
        numbers = ()
    if len(numbers) != 2:
        raise TypeError(f"{function}: {name} is {given!r}; it must be an int or two ints")
    if min(numbers) < minimum:
        raise ValueError(f"{function}: {name} is {given!r}; it must be at least {minimum}")
    return numbers[0], numbers[1]


def shape4(function: str, name: str, given: object) -> tuple[int, int, int, int]:
    """Return an argument as the shape (batch, height, width, channels) of images."""
    try:
        numbers = tuple(operator.index(number) for number in given)  # type: ignore[attr-defined]
    except TypeError:
        numbers = ()
    if len(numbers) != 4 or min(numbers) < 1:
        raise ValueError(
            f"{function}: {name} is {given!r}; it must be (batch, height, width, channels), each "
            "at least 1"
        )
    return numbers[0], numbers[1], numbers[2], numbers[3]


def images(function: str, name: str, array: Array) -> tuple[int, int, int, int]:
    """Return the shape of images; ValueError if it isn't one."""
    if array.ndim != 4:
        raise ValueError(
            f"{function}: {name} has shape {array.shape}; images are (batch, height, width, "
            "channels)"
        )
    return shape4(function, f"{name}'s shape", array.shape)


def activation_number(function: str, activation: str | None) -> float:
    """Return the library's number of an activation."""
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"{function}: activation is {activation!r}; it must be None, 'relu', 'gelu', 'silu', "
            "'tanh' or 'sigmoid'"
        )
    return float(ACTIVATIONS.index(activation))


@dataclass(frozen=True)
class Windows:
    """The windows over images with this height and width."""

    function: str
    image: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    @classmethod
    def of(
        cls,
        function: str,
        image: tuple[int, int],
        kernel: tuple[int, int],
        stride: Pair,
        padding: Pair,
        dilation: Pair = 1,
    ) -> Windows:
        """Return them, checked; ValueError if the kernel is larger than the padded image."""
        windows = cls(
            function,
            image,
            kernel,
            pair(function, "stride", stride, 1),
            pair(function, "padding", padding, 0),
            pair(function, "dilation", dilation, 1),
        )
        for axis, name in enumerate(("height", "width")):
            padded = image[axis] + 2 * windows.padding[axis]
            span = windows.dilation[axis] * (kernel[axis] - 1) + 1
            if padded < span:
                with_padding = f", with padding {padded}" if windows.padding[axis] else ""
                raise ValueError(
                    f"{function}: the image has {name} {image[axis]}{with_padding}; the kernel "
                    f"spans {span}"
                )
        return windows

    @property
    def output(self) -> tuple[int, int]:
        """Return the number of windows, (height, width)."""
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        counts = [
            (size + 2 * padding - span) // stride + 1
            for size, padding, span, stride in zip(
                self.image, self.padding, spans, self.stride, strict=True
            )
        ]
        return counts[0], counts[1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Return kernel, stride and padding in the library's order."""
        return (*self.kernel, *self.stride, *self.padding)

    def check_output(self, name: str, array: Array, batch: int, channels: int) -> None:
        """Raise ValueError if an array is no gradient of the output."""
        expected = (batch, *self.output, channels)
        if array.shape != expected:
            raise ValueError(
                f"{self.function}: {name} has shape {array.shape}; the output has shape {expected}"
            )


def pooling_windows(
    function: str,
    shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair | None,
    padding: Pair,
) -> Windows:
    """Return a pooling's windows over images of this shape."""
    kernel = pair(function, "kernel_size", kernel_size, 1)
    windows = Windows.of(
        function, (shape[1], shape[2]), kernel, kernel if stride is None else stride, padding
    )
    if any(2 * pad > size for pad, size in zip(windows.padding, kernel, strict=True)):
        raise ValueError(
            f"{function}: padding is {padding!r}; it must be at most half of kernel_size "
            f"{kernel_size!r}"
        )
    return windows
