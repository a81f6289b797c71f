"""Mean squared error, a loss."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number_kind, output, run, same_shape, value

NAME = "mean_squared_error"


def mean_squared_error(
    prediction: Any,
    target: Any,
    *,
    out: Array | None = None,
    grad_prediction: Array | None = None,
) -> Array:
    """Return the mean of (prediction - target)², and its gradient if asked for.

    Both come from one pass over memory. The sum is taken in float64.

    Parameters
    ----------
    prediction, target : arrays of the same shape
        float32, float64 or bfloat16, with at least one element.
    out : array of shape (), optional
        Where to write the loss: float64 for float64 values, else float32.
    grad_prediction : array, optional
        Where to write 2 (prediction - target) / count, the loss's gradient; of the shape and
        dtype of `prediction`, which it may be itself.

    Returns
    -------
    array of shape ()
        The loss.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes differ, or an array is empty, not contiguous, or read-only or overlapping
        where it is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> prediction = np.array([1.0, 2.0, 3.0, 4.0])
    >>> gradient = np.empty(4)
    >>> float(F.mean_squared_error(prediction, np.array([1.0, 2.0, 3.0, 2.0]),
    ...                            grad_prediction=gradient))
    1.0
    >>> gradient.tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    predicted, kind = value(NAME, "prediction", prediction)
    wanted, _ = value(NAME, "target", target, like=kind)
    same_shape(NAME, "target", wanted, "prediction", predicted.shape)
    loss = output(NAME, "out", out, (), number_kind(kind))
    gradient = None
    if grad_prediction is not None:
        gradient = output(NAME, "grad_prediction", grad_prediction, predicted.shape, kind)
    run(NAME, (predicted, wanted, loss, gradient), (predicted.size,))
    return loss
