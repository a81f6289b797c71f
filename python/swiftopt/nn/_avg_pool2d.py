"""Means of images."""

from __future__ import annotations

from swiftopt.nn._pooling import Pooling
from swiftopt.nn._window import Pair


class AvgPool2d(Pooling):
    """The mean of each window of images (batch, height, width, channels).

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width.
    stride : int or (int, int), optional
        As `kernel_size` if it isn't given.
    padding : int or (int, int), default 0
        Zeros on each side, at most half of the kernel.
    count_include_pad : bool, default True
        Whether they count in the mean, as in torch.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    >>> nn.AvgPool2d(2)(x)[0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """

    function = "avg_pool2d"

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        *,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.count_include_pad = bool(count_include_pad)

    def settings(self) -> dict[str, float]:
        """Return the settings of the library's function."""
        return {"count_include_pad": float(self.count_include_pad)}
