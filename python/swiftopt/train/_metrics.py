"""Metrics of predictions, and what `fit` takes as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from swiftopt._arrays import Array

#: Predictions and targets of a batch to its mean.
Metric = Callable[[Any, Any], Any]


def accuracy(predictions: Array, targets: Array) -> float:
    """Return the share of rows whose largest prediction is at the target.

    Parameters
    ----------
    predictions : array (..., classes)
        Logits or probabilities. Of equal ones the first counts.
    targets : array (...)
        Labels. Rows with a negative one (`CrossEntropyLoss` ignores -100) don't count. Or
        probabilities (..., classes), as of `Mixup`: the largest one is the label.

    Returns
    -------
    float
        In [0, 1]; nan if no row counts.

    Raises
    ------
    ValueError
        If the shapes don't fit.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> so.train.accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    predictions, targets = _checked("accuracy", predictions, targets)
    return _share(predictions.argmax(axis=-1) == targets, targets)


def top_k_accuracy(k: int) -> Metric:
    """Return a metric: the share of rows whose target is among the k largest predictions.

    Parameters
    ----------
    k : int
        At least 1. Where predictions are equal, the target wins.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> metric = so.train.top_k_accuracy(2)
    >>> metric.__name__
    'top_2_accuracy'
    >>> metric(np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.0]]), np.array([2, 2]))
    0.5
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k is {k!r}; it must be a whole number of at least 1")
    name = f"top_{k}_accuracy"

    def metric(predictions: Array, targets: Array) -> float:
        predictions, targets = _checked(name, predictions, targets)
        index = np.maximum(targets, 0).astype(np.intp)[..., None]
        own = np.take_along_axis(predictions, index, axis=-1)
        return _share((predictions > own).sum(axis=-1) < k, targets)

    metric.__name__ = metric.__qualname__ = name
    return metric


def _checked(name: str, predictions: Array, targets: Array) -> tuple[Array, Array]:
    predictions, targets = np.asarray(predictions), np.asarray(targets)
    if predictions.ndim and targets.shape == predictions.shape and targets.dtype.kind not in "iu":
        targets = targets.argmax(axis=-1)
    if predictions.ndim < 1 or targets.shape != predictions.shape[:-1]:
        raise ValueError(
            f"{name}: targets have shape {targets.shape}, predictions {predictions.shape}; "
            "targets must have that shape without the last axis, or be probabilities of that shape"
        )
    if targets.dtype.kind not in "iu":
        raise TypeError(f"{name}: targets have dtype {targets.dtype}; they must be labels")
    return predictions, targets


def _share(is_right: Array, targets: Array) -> float:
    counts = targets >= 0
    total = int(counts.sum())
    return float((is_right & counts).sum()) / total if total else float("nan")


_BY_NAME: dict[str, Metric] = {"accuracy": accuracy}


def named_metrics(metrics: Any) -> dict[str, Metric]:
    """Return the metrics by name: of a dict, of functions, or of known names."""
    if isinstance(metrics, Mapping):
        named = list(metrics.items())
    elif isinstance(metrics, str) or callable(metrics) or not isinstance(metrics, Iterable):
        raise TypeError(f"metrics is {metrics!r}; it must be a list of functions, or a dict")
    else:
        named = [(_name(metric), metric) for metric in metrics]
    found: dict[str, Metric] = {}
    for name, metric in named:
        metric = _BY_NAME.get(metric, metric) if isinstance(metric, str) else metric
        if not callable(metric):
            raise TypeError(
                f"metrics: {metric!r} must be a function of predictions and targets, or "
                f"{', '.join(map(repr, _BY_NAME))}"
            )
        if name in found:
            raise ValueError(f"metrics: two are called {name!r}; a dict gives them names")
        found[name] = metric
    return found


def _name(metric: Any) -> str:
    if isinstance(metric, str):
        return metric
    name = getattr(metric, "__name__", None)
    return name if isinstance(name, str) else type(metric).__name__
