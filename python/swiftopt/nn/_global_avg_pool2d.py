"""Means of whole images."""

from __future__ import annotations

from swiftopt.nn import _checks
from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class GlobalAvgPool2d(Module):
    """The mean of each channel: (batch, height, width, channels) -> (batch, channels).

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> nn.GlobalAvgPool2d()(np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)).tolist()
    [[3.0, 4.0]]
    """

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record it."""
        x = planner.activation(_checks.images(self, x, planner, None))
        batch, height, width, channels = x.shape
        sizes = {"batch": batch, "pixels": height * width, "channels": channels}
        y = planner.value(batch, channels)
        planner.call("global_avg_pool2d", {"x": x, "y": y}, sizes)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            x_gradient = planner.value(*x.shape)
            planner.call("global_avg_pool2d_backward", {"dy": gradient, "dx": x_gradient}, sizes)
            planner.add_gradient(x, x_gradient)

        planner.on_backward(backward)
        return y
