"""Adam."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt.optimizer import Number, Optimizer, Options


class Adam(Optimizer, rule="adam"):
    """Adam: steps divided by a running root mean square of the gradient.

    ::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        p -= lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)

    Names, defaults and numbers are those of ``torch.optim.Adam``. The bias corrections use the
    running products of the betas, so betas that follow a schedule are corrected right.

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
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
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
    Kingma & Ba 2015, "Adam: A method for stochastic optimization", algorithm 1.
    Reddi, Kale & Kumar 2018, "On the convergence of Adam and beyond", algorithm 2 (amsgrad).

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.Adam([w], lr=0.1, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.9, 2.1])
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
        weight_decay: Number = 0.0,
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
