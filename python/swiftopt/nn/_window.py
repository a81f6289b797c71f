"""The sliding window of convolutions and pooling over images (batch, height, width, channels)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import SupportsIndex

from swiftopt.nn import _checks
from swiftopt.nn._values import Value

#: One number is for height and width.
Pair = SupportsIndex | tuple[SupportsIndex, SupportsIndex]


@dataclass(frozen=True)
class Window:
    """Kernel, stride, padding and the places from tap to tap, each (height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    @classmethod
    def of(
        cls, layer: object, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = 1
    ) -> Window:
        """Return the window of a layer, checked."""
        return cls(
            _checks.pair(layer, "kernel_size", kernel, 1),
            _checks.pair(layer, "stride", stride, 1),
            _checks.pair(layer, "padding", padding, 0),
            _checks.pair(layer, "dilation", dilation, 1),
        )

    @property
    def is_pointwise(self) -> bool:
        """Return whether it is just each pixel."""
        return (self.kernel, self.stride, self.padding) == ((1, 1), (1, 1), (0, 0))

    def sizes(self, x: Value) -> dict[str, int]:
        """Return what the library calls the sizes of an image and a window over it."""
        batch, height, width, _ = x.shape
        return {
            "batch": batch,
            "height": height,
            "width": width,
            "kernel_height": self.kernel[0],
            "kernel_width": self.kernel[1],
            "stride_height": self.stride[0],
            "stride_width": self.stride[1],
            "padding_height": self.padding[0],
            "padding_width": self.padding[1],
            "dilation_height": self.dilation[0],
            "dilation_width": self.dilation[1],
        }

    def output_shape(self, layer: object, x: Value, channels: int) -> tuple[int, int, int, int]:
        """Return the shape of the output; ValueError if the window is larger than the image."""
        lengths = []
        for axis, name in enumerate(("height", "width")):
            padded = x.shape[1 + axis] + 2 * self.padding[axis]
            span = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            if padded < span:
                with_padding = f", with padding {padded}" if self.padding[axis] else ""
                dilated = f" with dilation {self.dilation[axis]}" if self.dilation[axis] > 1 else ""
                needs = f"needs {span}" if dilated else "needs at least as much"
                raise ValueError(
                    f"{type(layer).__name__}: input has {name} {x.shape[1 + axis]}{with_padding}; "
                    f"kernel_size {self.kernel[axis]}{dilated} {needs}"
                )
            lengths.append((padded - span) // self.stride[axis] + 1)
        return x.shape[0], lengths[0], lengths[1], channels

    def describe(self) -> str:
        """Return what `repr` shows of it."""
        parts = [f"kernel_size={_short(self.kernel)}"]
        if self.stride != (1, 1):
            parts.append(f"stride={_short(self.stride)}")
        if self.padding != (0, 0):
            parts.append(f"padding={_short(self.padding)}")
        if self.dilation != (1, 1):
            parts.append(f"dilation={_short(self.dilation)}")
        return ", ".join(parts)


def _short(pair: tuple[int, int]) -> int | tuple[int, int]:
    return pair[0] if pair[0] == pair[1] else pair
