"""The loss of classifiers."""

from __future__ import annotations

from math import prod
from operator import index
from typing import SupportsIndex

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt.nn import _checks
from swiftopt.nn._loss import Loss
from swiftopt.nn._values import Runnable
from swiftopt.nn.functional._cross_entropy import NO_INDEX


class CrossEntropyLoss(Loss):
    """The mean of -log softmax(logits)[label] over the batch.

    With `label_smoothing` s the target is 1 - s for the label plus s / classes for every
    class (Szegedy et al. 2016, section 7). Targets may be probabilities t instead of labels; then
    it is (1 - s) t + s / classes.

    Parameters are given by name: torch's first one is another.

    Parameters
    ----------
    label_smoothing : float, default 0
        0 <= label_smoothing <= 1.
    ignore_index : int, default -100
        Rows with this label count neither in the loss nor in the mean. Only for labels.

    Notes
    -----
    Predictions are logits, (batch, classes) or (batch, time, classes); targets are
    labels (uint8, int32 or int64) without the last axis, 0 <= label < classes or ignored; or
    probabilities of the predictions' shape, float64 for float64 predictions and else float32, as
    `data.Mixup` and `data.CutMix` make them.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> loss = nn.CrossEntropyLoss()
    >>> round(loss(np.zeros((1, 4), np.float32), np.array([2])), 4)  # log(4)
    1.3863
    >>> loss.backward().tolist()
    [[0.25, 0.25, -0.75, 0.25]]
    """

    def __init__(
        self, *, label_smoothing: float = 0.0, ignore_index: SupportsIndex = NO_INDEX
    ) -> None:
        super().__init__()
        self._label_smoothing = _checks.fraction(
            self, "label_smoothing", label_smoothing, below_one=False
        )
        self._ignore_index = index(ignore_index)

    @property
    def label_smoothing(self) -> float:
        """Return how much of each target is spread over all classes."""
        return self._label_smoothing

    @property
    def ignore_index(self) -> int:
        """Return the label of the rows that don't count."""
        return self._ignore_index

    def call(self, predictions: Array, targets: Array, loss: Array, gradient: Array) -> Runnable:
        """Return the call; see `Loss`."""
        if predictions.ndim == targets.ndim > 1 and targets.dtype.kind not in "iu":
            return self._soft_call(predictions, targets, loss, gradient)
        if predictions.ndim < 2 or targets.shape != predictions.shape[:-1]:
            raise ValueError(
                f"CrossEntropyLoss: targets have shape {targets.shape}, predictions "
                f"{predictions.shape}; targets must have that shape without the last axis"
            )
        if targets.dtype.name not in ("uint8", "int32", "int64"):
            raise TypeError(
                f"CrossEntropyLoss: targets have dtype {targets.dtype}; "
                "it must be uint8, int32 or int64; targets.astype(np.int64) converts"
            )
        rows, classes = prod(targets.shape), predictions.shape[-1]
        return _core.LayerCall(
            "cross_entropy",
            (predictions, targets, loss, gradient),
            (rows, classes),
            (self.label_smoothing, self.ignore_index),
        )

    def _soft_call(
        self, predictions: Array, targets: Array, loss: Array, gradient: Array
    ) -> Runnable:
        if targets.shape != predictions.shape:
            raise ValueError(
                f"CrossEntropyLoss: targets have shape {targets.shape}, predictions "
                f"{predictions.shape}; probabilities must have the same shape"
            )
        if targets.dtype != loss.dtype:
            raise TypeError(
                f"CrossEntropyLoss: targets have dtype {targets.dtype}; probabilities must be "
                f"{loss.dtype}; targets.astype(np.{loss.dtype}) converts"
            )
        if self._ignore_index != NO_INDEX:
            raise ValueError(
                f"CrossEntropyLoss: ignore_index is {self._ignore_index}, which is for labels; "
                "targets are probabilities"
            )
        rows, classes = prod(targets.shape[:-1]), targets.shape[-1]
        return _core.LayerCall(
            "soft_cross_entropy",
            (predictions, targets, loss, gradient),
            (rows, classes),
            (self.label_smoothing,),
        )

    def __repr__(self) -> str:
        return f"CrossEntropyLoss(label_smoothing={self.label_smoothing})"
