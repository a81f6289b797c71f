"""A layer's two functions as one primitive of autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd.extend import defvjp_argnums, primitive
from autograd.tracer import isbox

from swiftopt._arrays import Array

# What a forward pass leaves for the backward pass, by name; None if there will be none.
Saved = dict[str, Array] | None
Gradients = tuple[Array | None, ...]
Forward = Callable[..., Array]
Backward = Callable[..., Gradients]


def dense(array: Any) -> Any:
    """Return the array with its elements in one row-major block, as layers want it.

    Autograd's arrays are often views (transposed, broadcast); None stays None.
    """
    return None if array is None else np.asarray(array, order="C")


def layer(name: str, forward: Forward, backward: Backward) -> Callable[..., Any]:
    """Make a function of arrays and settings that autograd can differentiate once.

    Parameters
    ----------
    name
        What messages call it.
    forward
        ``forward(saved, *arrays, **settings)`` returns the layer's result. What the backward
        pass needs besides arrays and result goes into the dict `saved`, which is None where
        nothing is differentiated.
    backward
        ``backward(saved, wanted, grad, result, *arrays, **settings)`` returns the gradient of
        each array, None where it has none; `wanted` says which arrays' are asked for.

    Returns
    -------
    callable
        Called as ``function(*arrays, **settings)``. Arrays may be autograd's boxes, NumPy
        arrays, or None for one that isn't given.
    """

    def compute(*arrays: Any, saved: Saved, **settings: Any) -> Array:
        return forward(saved, *map(dense, arrays), **settings)

    def compute_gradients(
        saved: Saved, wanted: tuple[int, ...], grad: Any, result: Any, *arrays: Any, **settings: Any
    ) -> Gradients:
        found = backward(
            saved,
            tuple(index in wanted for index in range(len(arrays))),
            np.asarray(grad, dtype=result.dtype, order="C"),
            result,
            *map(dense, arrays),
            **settings,
        )
        return tuple(found[index] for index in wanted)

    def refuse(*_: Any) -> Any:
        raise NotImplementedError(
            f"swiftopt.autograd.{name} can be differentiated once; its gradient has no derivative"
        )

    compute.__name__ = name
    call = primitive(compute)
    gradients = primitive(compute_gradients)
    defvjp_argnums(gradients, refuse)

    def make_vjp(
        wanted: tuple[int, ...], result: Any, arrays: tuple[Any, ...], settings: dict[str, Any]
    ) -> Callable[[Any], tuple[Array | None, ...]]:
        return lambda grad: gradients(
            settings["saved"],
            wanted,
            grad,
            result,
            *arrays,
            **{name: value for name, value in settings.items() if name != "saved"},
        )

    defvjp_argnums(call, make_vjp)

    def function(*arrays: Any, **settings: Any) -> Any:
        saved: Saved = {} if any(map(isbox, arrays)) else None
        return call(*arrays, saved=saved, **settings)

    return function
