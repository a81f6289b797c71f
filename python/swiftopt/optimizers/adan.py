"""Adan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_three_betas


class Adan(Optimizer, rule="adan"):
    """Nesterov's momentum from the differences of successive gradients.

    With ``d``, the difference to the gradient before, 0 at the first update::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * d
        n = beta3 * n + (1 - beta3) * (g + beta2 * d)**2
        step = lr * (m / (1 - beta1**t) + beta2 * v / (1 - beta2**t))
        step /= sqrt(n / (1 - beta3**t)) + eps
        p = (p - step) / (1 + lr * weight_decay)    # p -= step + lr * weight_decay * p: no_prox

    Names, defaults and numbers are those of the authors' code; the paper writes ``1 - beta``
    for each beta.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate. The authors use 5 to 10 times that of AdamW.
    betas : three of float or Schedule, default (0.98, 0.92, 0.99)
        Shares of the past in m, v and n; in [0, 1).
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0
        Proximal: the new parameter is divided by ``1 + lr * weight_decay``.
    no_prox : bool, default False
        Decay as AdamW does: by ``lr * weight_decay`` of the old parameter.
    **options : see `Optimizer`

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Xie et al. 2022, "Adan: Adaptive Nesterov momentum algorithm for faster optimizing deep
    models", algorithm 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.Adan([w], lr=0.1, weight_decay=10, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.45, 1.05])
    """

    betas: tuple[Number, Number, Number]
    eps: Number
    no_prox: bool

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        betas: tuple[Number, Number, Number] = (0.98, 0.92, 0.99),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        no_prox: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "no_prox": no_prox,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(entries)
        take_three_betas(values)
        return values
