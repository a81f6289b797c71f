"""Maxima of images."""

from __future__ import annotations

from swiftopt.nn._planner import Planner
from swiftopt.nn._pooling import Pooling
from swiftopt.nn._values import Operand, Value


class MaxPool2d(Pooling):
    """The maximum of each window of images (batch, height, width, channels).

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width.
    stride : int or (int, int), optional
        As `kernel_size` if it isn't given.
    padding : int or (int, int), default 0
        On each side, at most half of the kernel; it never is the maximum.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    >>> nn.MaxPool2d(2)(x)[0, :, :, 0].tolist()
    [[5.0, 7.0], [13.0, 15.0]]
    """

    function = "max_pool2d"

    def saved(self, y: Value, planner: Planner) -> dict[str, Operand]:
        """Return where in the window the maxima were."""
        height, width = self.window.kernel
        kind = "uint8" if height * width <= 256 else "int32"
        return {"places": planner.value(*y.shape, kind=kind)}
