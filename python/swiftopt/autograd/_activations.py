"""Functions of each element."""

from __future__ import annotations

from typing import Any, Literal

from swiftopt._arrays import Array
from swiftopt.autograd._primitive import Gradients, Saved, layer
from swiftopt.nn import functional


def _activation(name: str, *, from_output: bool) -> Any:
    """Return the primitive of an activation, whose derivative follows from output or input."""
    activate, activate_backward = (
        getattr(functional, name),
        getattr(functional, f"{name}_backward"),
    )

    def forward(saved: Saved, x: Array, **settings: Any) -> Array:
        result: Array = activate(x, **settings)
        return result

    def backward(
        saved: Saved,
        wanted: tuple[bool, ...],
        grad: Array,
        result: Array,
        x: Array,
        **settings: Any,
    ) -> Gradients:
        return (activate_backward(grad, result if from_output else x, **settings),)

    return layer(name, forward, backward)


_relu = _activation("relu", from_output=True)
_gelu = _activation("gelu", from_output=False)
_silu = _activation("silu", from_output=False)
_tanh = _activation("tanh", from_output=True)
_sigmoid = _activation("sigmoid", from_output=True)


def relu(x: Any) -> Any:
    """Return max(x, 0) of each element; differentiable in x (0 at 0).

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.array([-1.0, 0.0, 2.0])
    >>> autograd.grad(lambda x: np.sum(soa.relu(x) ** 2))(x).tolist()
    [0.0, 0.0, 4.0]
    """
    return _relu(x)


def gelu(x: Any, approximate: Literal["none", "tanh"] = "none") -> Any:
    """Return x Φ(x) of each element, with the normal distribution Φ; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> autograd.elementwise_grad(soa.gelu)(np.array([0.0, 40.0])).tolist()
    [0.5, 1.0]
    """
    return _gelu(x, approximate=approximate)


def silu(x: Any) -> Any:
    """Return x / (1 + e^-x) of each element; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> autograd.elementwise_grad(soa.silu)(np.array([0.0, 800.0])).tolist()
    [0.5, 1.0]
    """
    return _silu(x)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of each element; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> autograd.elementwise_grad(soa.tanh)(np.array([0.0, 20.0])).tolist()
    [1.0, 0.0]
    """
    return _tanh(x)


def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + e^-x) of each element; differentiable in x.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> autograd.elementwise_grad(soa.sigmoid)(np.array([0.0, 800.0])).tolist()
    [0.25, 0.0]
    """
    return _sigmoid(x)


def _dropout_forward(saved: Saved, x: Array, *, training: bool, **settings: Any) -> Array:
    return functional.dropout(x, training=training, **settings)


def _dropout_backward(
    saved: Saved,
    wanted: tuple[bool, ...],
    grad: Array,
    result: Array,
    x: Array,
    *,
    training: bool,
    **settings: Any,
) -> Gradients:
    return (functional.dropout_backward(grad, **settings) if training else grad,)


_dropout = layer("dropout", _dropout_forward, _dropout_backward)


def dropout(x: Any, p: float = 0.5, training: bool = True, *, seed: int, counter: int = 0) -> Any:
    """Return x / (1 - p), but 0 in place of elements with probability p; differentiable in x.

    Which ones follows from `seed` and `counter` (the step, say): no mask is stored.

    Examples
    --------
    >>> import autograd, autograd.numpy as np, swiftopt.autograd as soa
    >>> x = np.ones(1000)
    >>> y = soa.dropout(x, 0.25, seed=1)
    >>> gradient = autograd.grad(lambda x: np.sum(soa.dropout(x, 0.25, seed=1)))(x)
    >>> bool((gradient == y).all()), sorted(set(y.round(3).tolist()))
    (True, [0.0, 1.333])
    """
    return _dropout(x, p=p, training=training, seed=seed, counter=counter)
