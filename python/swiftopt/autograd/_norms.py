"""Normalisation by the statistics of a batch or of a row."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.autograd._primitive import Gradients, Saved, layer
from swiftopt.nn import functional


def _places(saved: Saved, shape: tuple[int, ...], like: Array, *names: str) -> dict[str, Any]:
    """Return where the forward pass puts what the backward pass needs, by argument."""
    places = {name: np.empty(shape, like.dtype) for name in names} if saved is not None else {}
    if saved is not None:
        saved.update(places)
    return places


def _given(gradients: tuple[Array, ...], arrays: tuple[Array | None, ...]) -> Gradients:
    """Return the gradients of the arrays that there are."""
    pairs = zip(gradients, arrays, strict=True)
    return tuple(None if array is None else gradient for gradient, array in pairs)


def _batch_norm_forward(
    saved: Saved, x: Array, weight: Array | None, bias: Array | None, **settings: Any
) -> Array:
    places = _places(saved, x.shape[-1:], x, "save_mean", "save_inverse_std")
    return functional.batch_norm(x, weight=weight, bias=bias, **settings, **places)


def _batch_norm_backward(
    saved: dict[str, Array],
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    x: Array,
    weight: Array | None,
    bias: Array | None,
    *,
    training: bool,
    running_mean: Array | None,
    **settings: Any,
) -> Gradients:
    statistics = saved["save_mean"], saved["save_inverse_std"]
    of_batch = training or running_mean is None
    gradients = functional.batch_norm_backward(
        grad, x, *statistics, weight, bias, training=of_batch
    )
    return _given(gradients, (x, weight, bias))


def _layer_norm_forward(
    saved: Saved, x: Array, weight: Array | None, bias: Array | None, *, eps: float
) -> Array:
    places = _places(saved, x.shape[:-1], x, "save_mean", "save_inverse_std")
    return functional.layer_norm(x, weight, bias, eps, **places)


def _layer_norm_backward(
    saved: dict[str, Array],
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    x: Array,
    weight: Array | None,
    bias: Array | None,
    *,
    eps: float,
) -> Gradients:
    statistics = saved["save_mean"], saved["save_inverse_std"]
    gradients = functional.layer_norm_backward(grad, x, *statistics, weight)
    return _given(gradients, (x, weight, bias))


def _rms_norm_forward(saved: Saved, x: Array, weight: Array | None, *, eps: float | None) -> Array:
    places = _places(saved, x.shape[:-1], x, "save_inverse_rms")
    return functional.rms_norm(x, weight, eps, **places)


def _rms_norm_backward(
    saved: dict[str, Array],
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    x: Array,
    weight: Array | None,
    *,
    eps: float | None,
) -> Gradients:
    gradients = functional.rms_norm_backward(grad, x, saved["save_inverse_rms"], weight)
    return _given(gradients, (x, weight))


_batch_norm = layer("batch_norm", _batch_norm_forward, _batch_norm_backward)
_layer_norm = layer("layer_norm", _layer_norm_forward, _layer_norm_backward)
_rms_norm = layer("rms_norm", _rms_norm_forward, _rms_norm_backward)


def batch_norm(
    x: Any,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Normalise each channel (last axis) over all others; differentiable in x, weight and bias.

    In training the running statistics, plain NumPy arrays, are updated in place whenever the
    function is computed: once for a value with its gradient.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.array([[1.0], [3.0]])
    >>> soa.batch_norm(x, training=True, eps=0.0).tolist()
    [[-1.0], [1.0]]
    >>> autograd.grad(lambda b: np.sum(soa.batch_norm(x, bias=b)))(np.zeros(1)).tolist()
    [2.0]
    """
    return _batch_norm(
        x,
        weight,
        bias,
        running_mean=running_mean,
        running_var=running_var,
        training=training,
        momentum=momentum,
        eps=eps,
    )


def layer_norm(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalise each row (last axis); differentiable in x, weight and bias.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.array([[1.0, 3.0], [5.0, 5.0]])
    >>> soa.layer_norm(x, eps=1e-30).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    return _layer_norm(x, weight, bias, eps=eps)


def rms_norm(x: Any, weight: Any = None, eps: float | None = None) -> Any:
    """Divide each row (last axis) by its root mean square; differentiable in x and weight.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> soa.rms_norm(np.array([[1.0, 7.0]]), eps=0.0).round(12).tolist()
    [[0.2, 1.4]]
    """
    return _rms_norm(x, weight, eps=eps)
