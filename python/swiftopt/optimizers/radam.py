"""Rectified Adam."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_decoupled


class RAdam(Optimizer, rule="radam"):
    """RAdam: Adam that divides only once the variance of its divisor is bounded.

    ::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
        p -= lr * m / (1 - beta1**t) * r * sqrt(1 - beta2**t) / (sqrt(v) + eps)    # if rho > 5
        p -= lr * m / (1 - beta1**t)                                               # else

    With the default betas, the first five updates are momentum alone, as large as the
    gradient is. Names, defaults and numbers are those of ``torch.optim.RAdam``: rho > 5
    instead of the paper's 4, and eps outside the bias correction.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Shares of the past in the averages of g and of g**2; in [0, 1). A second one of 2/3 or
        less never divides.
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
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
    Liu et al. 2020, "On the variance of the adaptive learning rate and beyond", algorithm 2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.RAdam([w], lr=0.1)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.7 , 2.05])
    """

    betas: tuple[Number, Number]
    eps: Number
    decoupled_weight_decay: bool

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
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
                "decoupled_weight_decay": decoupled_weight_decay,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = Optimizer._hyperparameters(entries)
        take_decoupled(values)
        return values
