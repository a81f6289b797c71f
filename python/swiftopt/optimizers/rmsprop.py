"""RMSprop."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt.optimizer import Number, Optimizer, Options


class RMSprop(Optimizer, rule="rmsprop"):
    """RMSprop: the gradient divided by its running root mean square.

    ::

        v = alpha * v + (1 - alpha) * g**2
        a = alpha * a + (1 - alpha) * g               # centered: v - a**2 replaces v below
        d = g / (sqrt(v) + eps)
        b = momentum * b + d                          # with momentum: b replaces d below
        p -= lr * d

    Names, defaults and numbers are those of ``torch.optim.RMSprop``, except that a variance
    ``v - a**2`` that rounding made negative counts as 0 instead of giving nan.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-2
        Learning rate.
    alpha : float or Schedule, default 0.99
        Share of the past in the averages; in [0, 1).
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
    momentum : float or Schedule, default 0
        Share of the old buffer. With 0 there is no buffer.
    centered : bool, default False
        Divide by the deviation instead of the root mean square.
    initial_accumulator_value : float, default 0
        What v starts at.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Hinton 2012, "Neural networks for machine learning", lecture 6.
    Graves 2013, "Generating sequences with recurrent neural networks", equations 38-45.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.RMSprop([w], lr=0.1, alpha=0.75, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.8, 2.2])
    """

    alpha: Number
    eps: Number
    momentum: Number
    centered: bool
    initial_accumulator_value: float

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-2,
        alpha: Number = 0.99,
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        momentum: Number = 0.0,
        centered: bool = False,
        *,
        initial_accumulator_value: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
                "initial_accumulator_value": initial_accumulator_value,
            },
            options,
        )
