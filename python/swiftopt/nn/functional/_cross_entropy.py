"""Cross entropy of a softmax, a loss."""

from __future__ import annotations

from math import prod
from typing import Any

from swiftopt._arrays import Array, as_array
from swiftopt.nn.functional._arrays import number, number_kind, output, run, same_shape, value
from swiftopt.nn.functional._indices import indices

NAME = "cross_entropy"
NO_INDEX = -100


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    ignore_index: int = NO_INDEX,
    label_smoothing: float = 0.0,
    out: Array | None = None,
    grad_logits: Array | None = None,
) -> Array:
    """Return the mean cross entropy of targets and the softmax of logits, and its gradient.

    With p the softmax of a row and q = (1 - label_smoothing) t + label_smoothing / classes, where
    t is 1 at the label and 0 elsewhere, the loss of the row is -Σ q log p, and its gradient
    (p - q) / rows. A row's t may also be given, as probabilities; if they don't sum to 1, the
    gradient is (Σ q · p - q) / rows. Both come from one pass over memory. Sums are float64.

    Parameters
    ----------
    logits : array of shape (..., classes)
        float32, float64 or bfloat16, with at least one row and class.
    target : array of shape (...) or (..., classes)
        The labels, uint8, int32 or int64 in 0 ... classes - 1, or `ignore_index`. Or the
        probability of each class, as `data.Mixup` and `data.CutMix` make them: float64 for float64
        logits, else float32. They aren't checked to be probabilities.
    ignore_index : int
        Rows with this label count neither for the loss nor for the mean, and have the gradient
        0. If all have it, the loss is NaN, as in torch. Only for labels.
    label_smoothing : float in 0 ... 1
        How much of each label is spread over all classes (Szegedy et al. 2016, "Rethinking the
        inception architecture for computer vision", section 7).
    out : array of shape (), optional
        Where to write the loss: float64 for float64 logits, else float32.
    grad_logits : array, optional
        Where to write the loss's gradient; of the shape and dtype of `logits`, which it may be
        itself.

    Returns
    -------
    array of shape ()
        The loss.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If a label is out of range, shapes don't fit, or an array is empty, not contiguous, or
        read-only or overlapping where it is written. Then nothing was written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> logits = np.log(np.array([[1.0, 3.0], [1.0, 1.0]]))
    >>> gradient = np.empty((2, 2))
    >>> loss = F.cross_entropy(logits, np.array([1, 0]), grad_logits=gradient)
    >>> bool(np.isclose(loss, -np.log(0.75 * 0.5) / 2))
    True
    >>> gradient.round(15).tolist()
    [[0.125, -0.125], [-0.25, 0.25]]
    """
    given, kind = value(NAME, "logits", logits)
    wanted = as_array(target, f"{NAME}: target")
    is_soft = given.ndim == wanted.ndim > 0 and wanted.dtype.kind not in "iu"
    if is_soft:
        wanted = number(NAME, "target", wanted, kind)
        same_shape(NAME, "target", wanted, "logits", given.shape)
        if ignore_index != NO_INDEX:
            raise ValueError(
                f"{NAME}: ignore_index is {ignore_index}, which is for labels; target has "
                "probabilities"
            )
    else:
        wanted = indices(NAME, "target", wanted)
        if given.ndim == 0 or wanted.shape != given.shape[:-1]:
            raise ValueError(
                f"{NAME}: target has shape {wanted.shape}, logits has shape {given.shape}; target "
                "must have all but the last axis of logits, or all of them with probabilities"
            )
    loss = output(NAME, "out", out, (), number_kind(kind))
    gradient = None
    if grad_logits is not None:
        gradient = output(NAME, "grad_logits", grad_logits, given.shape, kind)
    rows, classes = prod(given.shape[:-1]), given.shape[-1]
    if is_soft:
        run(f"soft_{NAME}", (given, wanted, loss, gradient), (rows, classes), (label_smoothing,))
    else:
        settings = (label_smoothing, ignore_index)
        run(NAME, (given, wanted, loss, gradient), (rows, classes), settings)
    return loss
