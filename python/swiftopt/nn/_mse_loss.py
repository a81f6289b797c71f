"""The loss of regressions."""

from __future__ import annotations

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt._dtypes import kind_of
from swiftopt.nn._loss import Loss
from swiftopt.nn._values import Runnable


class MSELoss(Loss):
    """The mean of (prediction - target)² over all elements.

    Notes
    -----
    Targets have the shape and dtype of the predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> loss = nn.MSELoss()
    >>> loss(np.array([[1.0, 2.0]], np.float32), np.array([[1.0, 4.0]], np.float32))
    2.0
    >>> loss.backward().tolist()
    [[0.0, -2.0]]
    """

    def call(self, predictions: Array, targets: Array, loss: Array, gradient: Array) -> Runnable:
        """Return the call; see `Loss`."""
        if targets.shape != predictions.shape:
            raise ValueError(
                f"MSELoss: targets have shape {targets.shape}, predictions {predictions.shape}; "
                "they must be the same"
            )
        if kind_of(targets) != kind_of(predictions):
            raise TypeError(
                f"MSELoss: targets have dtype {targets.dtype}, predictions {predictions.dtype}; "
                "they must be the same"
            )
        arrays = (predictions, targets, loss, gradient)
        return _core.LayerCall("mean_squared_error", arrays, (predictions.size,))

    def __repr__(self) -> str:
        return "MSELoss()"
