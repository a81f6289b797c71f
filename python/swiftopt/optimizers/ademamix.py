"""AdEMAMix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_three_betas


class AdEMAMix(Optimizer, rule="ademamix"):
    """AdamW with a second momentum that remembers some ten thousand steps.

    ::

        m1 = beta1 * m1 + (1 - beta1) * g
        m2 = beta3 * m2 + (1 - beta3) * g
        v = beta2 * v + (1 - beta2) * g**2
        step = lr * (m1 / (1 - beta1**t) + alpha * m2) / (sqrt(v / (1 - beta2**t)) + eps)
        p -= step + lr * weight_decay * p

    The paper warms `alpha` and beta3 up over the whole training. Here both are constant unless
    they are schedules; docs/optimizers/ademamix.md shows the paper's.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate.
    betas : three of float or Schedule, default (0.9, 0.999, 0.9999)
        Shares of the past in m1, v and m2; in [0, 1).
    alpha : float or Schedule, default 5
        Weight of the slow average m2; not below 0.
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0.01
        Decoupled: the parameter shrinks by ``lr * weight_decay`` of itself.
    **options : see `Optimizer`

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Pagliardini, Ablin & Grangier 2024, "The AdEMAMix optimizer: Better, faster, older",
    algorithm 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.AdEMAMix([w], lr=0.1, weight_decay=0, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.89995, 2.10005])
    """

    betas: tuple[Number, Number, Number]
    alpha: Number
    eps: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        betas: tuple[Number, Number, Number] = (0.9, 0.999, 0.9999),
        alpha: Number = 5.0,
        eps: Number = 1e-8,
        weight_decay: Number = 1e-2,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(entries)
        take_three_betas(values)
        return values
