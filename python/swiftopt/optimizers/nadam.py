"""Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_decoupled


class NAdam(Optimizer, rule="nadam"):
    """NAdam: Adam with Nesterov's momentum, whose share grows over the updates.

    ::

        mu(t) = beta1 * (1 - 0.5 * 0.96**(t * momentum_decay))
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        d = (1 - mu(t)) / (1 - mu(1) * ... * mu(t)) * g
            + mu(t + 1) / (1 - mu(1) * ... * mu(t + 1)) * m
        p -= lr * d / (sqrt(v / (1 - beta2**t)) + eps)

    Names, defaults and numbers are those of ``torch.optim.NAdam``, except that the product of
    the mu is kept in float64. NAdamW is ``decoupled_weight_decay=True``.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 2e-3
        Learning rate.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Shares of the past in the averages of g and of g**2; in [0, 1).
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
    momentum_decay : float or Schedule, default 4e-3
        How fast mu grows from about beta1 / 2 to beta1. With 0 it stays at beta1 / 2.
    decoupled_weight_decay : bool, default False
        Shrink the parameter by ``lr * weight_decay`` of itself instead; the same as
        ``decay="decoupled"``.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.NAdam([w], lr=0.1, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w.round(4)
    array([0.8944, 2.1056])
    """

    betas: tuple[Number, Number]
    eps: Number
    momentum_decay: Number
    decoupled_weight_decay: bool

    def __init__(
        self,
        params: Any = None,
        lr: Number = 2e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        momentum_decay: Number = 4e-3,
        decoupled_weight_decay: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = Optimizer._hyperparameters(entries)
        take_decoupled(values)
        return values
