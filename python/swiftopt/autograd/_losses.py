"""Losses: the gradient comes from the pass that computes the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.autograd._primitive import Gradients, Saved, layer
from swiftopt.nn import functional


def _place(saved: Saved, like: Array) -> Array | None:
    """Return where the forward pass puts the gradient, if one will be asked for."""
    if saved is None:
        return None
    return saved.setdefault("gradient", np.empty_like(like))


def _scaled(gradient: Array, factor: Any) -> Array:
    """Return the loss's gradient times that of what the loss goes into."""
    return gradient if factor == 1 else gradient * gradient.dtype.type(factor)


def _squared_error(saved: Saved, prediction: Array, target: Array) -> Array:
    gradient = _place(saved, prediction)
    return functional.mean_squared_error(prediction, target, grad_prediction=gradient)


def _squared_error_backward(
    saved: dict[str, Array], wanted: tuple[bool, ...], grad: Array, *_: Array
) -> Gradients:
    gradient = _scaled(saved["gradient"], grad)
    return gradient, -gradient if wanted[1] else None


def _cross_entropy(saved: Saved, logits: Array, target: Array, **settings: Any) -> Array:
    gradient = _place(saved, logits)
    return functional.cross_entropy(logits, target, grad_logits=gradient, **settings)


def _cross_entropy_backward(
    saved: dict[str, Array], wanted: tuple[bool, ...], grad: Array, *_: Array, **__: Any
) -> Gradients:
    return _scaled(saved["gradient"], grad), None


_mean_squared_error = layer("mean_squared_error", _squared_error, _squared_error_backward)
_softmax_cross_entropy = layer("cross_entropy", _cross_entropy, _cross_entropy_backward)


def mean_squared_error(prediction: Any, target: Any) -> Any:
    """Return the mean of (prediction - target)²; differentiable in both.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> def loss(w):
    ...     return soa.mean_squared_error(w * np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    >>> float(autograd.grad(loss)(1.0))
    2.0
    """
    return _mean_squared_error(prediction, target)


def cross_entropy(
    logits: Any, target: Any, *, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Any:
    """Return the mean cross entropy of labels and softmax(logits); differentiable in logits.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> logits, labels = np.log(np.array([[1.0, 3.0]])), np.array([1])
    >>> autograd.grad(soa.cross_entropy)(logits, labels).round(12).tolist()
    [[0.25, -0.25]]
    """
    settings = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
    return _softmax_cross_entropy(logits, target, **settings)
