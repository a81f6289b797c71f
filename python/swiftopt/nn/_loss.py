"""What all losses have in common."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt._dtypes import kind_of, zeros
from swiftopt.nn._values import NUMBER_KINDS, Runnable

_PLANS_KEPT = 6


class Loss:
    """A function of predictions and targets that gives one number, and its gradient.

    Its arrays are made at the first call with a shape; later ones only compute.
    """

    def __init__(self) -> None:
        self._plans: dict[object, _LossPlan] = {}
        self._current: _LossPlan | None = None

    def __call__(self, predictions: Array, targets: Array) -> float:
        return self.forward(predictions, targets)

    def forward(self, predictions: Array, targets: Array) -> float:
        """Return the mean loss of the batch; its gradient is computed along.

        Parameters
        ----------
        predictions : array
            What a network returned.
        targets : array
            What it should have; see the class.

        Raises
        ------
        TypeError, ValueError
            If shapes or dtypes don't fit; a label out of range is a ValueError.
        """
        if not (isinstance(predictions, np.ndarray) and isinstance(targets, np.ndarray)):
            name = type(self).__name__
            predictions = as_array(predictions, f"{name}: predictions")
            targets = as_array(targets, f"{name}: targets")
        self._current = None
        # The types tell a uint16 array from bfloat16 numbers without ml_dtypes.
        key = (
            *(predictions.shape, predictions.dtype, type(predictions)),
            *(targets.shape, targets.dtype, type(targets)),
        )
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._new_plan(predictions, targets)
        value = plan.run(predictions, targets)
        self._current = plan
        return value

    def backward(self) -> Array:
        """Return the gradient of the last `forward` with respect to the predictions.

        Always the same array for a shape, of the predictions' dtype.

        Raises
        ------
        RuntimeError
            If there was no `forward` before, or the last one failed.
        """
        if self._current is None:
            raise RuntimeError("backward needs a forward pass before it")
        return self._current.gradient

    def _new_plan(self, predictions: Array, targets: Array) -> _LossPlan:
        name = type(self).__name__
        kind = kind_of(predictions)
        if kind not in NUMBER_KINDS:
            raise TypeError(
                f"{name}: predictions have dtype {predictions.dtype}; "
                "it must be float32, float64 or bfloat16"
            )
        loss = zeros((1,), NUMBER_KINDS[kind])
        gradient = zeros(predictions.shape, kind)
        call = self.call(predictions, targets, loss, gradient)
        if len(self._plans) >= _PLANS_KEPT:  # the oldest goes
            del self._plans[next(iter(self._plans))]
        return _LossPlan(call, predictions, targets, loss, gradient)

    def call(self, predictions: Array, targets: Array, loss: Array, gradient: Array) -> Runnable:
        """Return the call that computes `loss` and `gradient`, after checks of the shapes.

        Predictions are its array 0 and targets its array 1.
        """
        raise NotImplementedError(f"{type(self).__name__} doesn't define call")

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_plans": {}, "_current": None}


class _LossPlan:
    """A loss with its arrays."""

    __slots__ = ("call", "gradient", "loss", "predictions", "targets")

    def __init__(
        self, call: Runnable, predictions: Array, targets: Array, loss: Array, gradient: Array
    ) -> None:
        self.call = call
        self.predictions = predictions
        self.targets = targets
        self.loss = loss
        self.gradient = gradient

    def run(self, predictions: Array, targets: Array) -> float:
        if predictions is not self.predictions:
            self.call.replace(0, predictions)
            self.predictions = predictions
        if targets is not self.targets:
            self.call.replace(1, targets)
            self.targets = targets
        self.call()
        return float(self.loss[0])
