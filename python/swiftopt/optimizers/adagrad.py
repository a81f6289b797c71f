"""Adagrad."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt.optimizer import Number, Optimizer, Options


class Adagrad(Optimizer, rule="adagrad"):
    """Adagrad: the gradient divided by the root of the sum of all its squares.

    ::

        s += g**2                                     # s starts at initial_accumulator_value
        p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Names, defaults and numbers are those of ``torch.optim.Adagrad``. The widespread form
    ``g / sqrt(s + c)`` is ``initial_accumulator_value=c, eps=0``.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-2
        Learning rate.
    lr_decay : float or Schedule, default 0
        How fast the learning rate falls with the number of updates.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
    initial_accumulator_value : float, default 0
        What s starts at.
    eps : float or Schedule, default 1e-10
        Added to the root. With 0, elements without any gradient so far stay.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Duchi, Hazan & Singer 2011, "Adaptive subgradient methods for online learning and
    stochastic optimization", figure 1, with a diagonal matrix.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.Adagrad([w], lr=0.1, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.9, 2.1])
    """

    lr_decay: Number
    eps: Number
    initial_accumulator_value: float

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-2,
        lr_decay: Number = 0.0,
        weight_decay: Number = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: Number = 1e-10,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "eps": eps,
            },
            options,
        )
