"""What maximum and average pooling have in common."""

from __future__ import annotations

from typing import ClassVar

from swiftopt.nn import _checks
from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value
from swiftopt.nn._window import Pair, Window


class Pooling(Module):
    """One number for each position of a window, of each channel."""

    function: ClassVar[str]

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        super().__init__()
        self.window = Window.of(
            self, kernel_size, kernel_size if stride is None else stride, padding
        )
        for axis in (0, 1):
            if 2 * self.window.padding[axis] > self.window.kernel[axis]:
                raise ValueError(
                    f"{type(self).__name__}: padding is {self.window.padding[axis]}; it must be "
                    f"at most half of kernel_size {self.window.kernel[axis]}"
                )

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record it."""
        x = planner.activation(_checks.images(self, x, planner, None))
        channels = x.shape[-1]
        y = planner.value(*self.window.output_shape(self, x, channels))
        sizes, settings = self.window.sizes(x) | {"channels": channels}, self.settings()
        arrays: dict[str, Operand] = {"x": x, "y": y}
        saved = self.saved(y, planner) if planner.training else {}
        planner.call(self.function, arrays | saved, sizes, settings)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            x_gradient = planner.value(*x.shape)
            arrays: dict[str, Operand] = {"dy": gradient, "dx": x_gradient}
            planner.call(f"{self.function}_backward", arrays | saved, sizes, settings)
            planner.add_gradient(x, x_gradient)

        planner.on_backward(backward)
        return y

    def settings(self) -> dict[str, float]:
        """Return the settings of the library's function."""
        return {}

    def saved(self, y: Value, planner: Planner) -> dict[str, Operand]:
        """Return what the forward pass keeps for the backward pass."""
        return {}

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return self.window.describe()
