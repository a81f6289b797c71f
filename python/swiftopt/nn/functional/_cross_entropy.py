"""Cross entropy of a softmax, a loss."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number_kind, output, run, value
from swiftopt.nn.functional._indices import indices

NAME = "cross_entropy"


def cross_entropy(
    logits: Any,
    target: Any,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    out: Array | None = None,
    grad_logits: Array | None = None,
) -> Array:
    """Return the mean cross entropy of labels and the softmax of logits, and its gradient.

    With p the softmax of a row and q = (1 - label_smoothing) at the label plus
    label_smoothing / classes everywhere, the loss of the row is -Σ q log p, and its gradient
    (p - q) / rows. Both come from one pass over memory. Sums are float64.

    Parameters
    ----------
    logits : array of shape (..., classes)
        float32, float64 or bfloat16, with at least one row and class.
    target : array of shape (...)
        The labels, uint8, int32 or int64 in 0 ... classes - 1, or `ignore_index`.
    ignore_index : int
        Rows with this label count neither for the loss nor for the mean, and have the gradient
        0. If all have it, the loss is NaN, as in torch.
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
    labels = indices(NAME, "target", target)
    if given.ndim == 0 or labels.shape != given.shape[:-1]:
        raise ValueError(
            f"{NAME}: target has shape {labels.shape}, logits has shape {given.shape}; target "
            "must have all but the last axis of logits"
        )
    loss = output(NAME, "out", out, (), number_kind(kind))
    gradient = None
    if grad_logits is not None:
        gradient = output(NAME, "grad_logits", grad_logits, given.shape, kind)
    run(
        NAME,
        (given, labels, loss, gradient),
        (labels.size, given.shape[-1]),
        (label_smoothing, ignore_index),
    )
    return loss
