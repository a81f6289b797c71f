"""Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt.optimizer import Number, Optimizer, Options


class AdamW(Optimizer, rule="adamw"):
    """Adam with decoupled weight decay.

    ::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        step = lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)
        p -= step + lr * weight_decay * p

    Names, defaults and numbers are those of ``torch.optim.AdamW``, except that step and decay
    are subtracted at once, which rounds the parameter once instead of twice.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Shares of the past in the averages of g and of g**2; in [0, 1).
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0.01
        Decoupled: the parameter shrinks by ``lr * weight_decay`` of itself.
    amsgrad : bool, default False
        Divide by the root of the largest v so far.
    epsilon_hat : bool, default False
        Add eps before the bias correction of v: the form at the end of the paper's section 2.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Loshchilov & Hutter 2019, "Decoupled weight decay regularization", algorithm 2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.AdamW([w], lr=0.1, weight_decay=0.5, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.85, 2. ])
    """

    betas: tuple[Number, Number]
    eps: Number
    amsgrad: bool
    epsilon_hat: bool

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 1e-2,
        amsgrad: bool = False,
        *,
        epsilon_hat: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "epsilon_hat": epsilon_hat,
            },
            options,
        )
