"""Adamax."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer


class Adamax(Optimizer, rule="adamax"):
    """Adamax: Adam with the largest recent gradient in place of the root mean square.

    ::

        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + eps)
        p -= lr / (1 - beta1**t) * m / u

    Names, defaults and numbers are those of ``torch.optim.Adamax``: eps is inside the
    maximum; the paper has none.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 2e-3
        Learning rate.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Share of the past in the average of g, and what remains of the largest gradient from
        one update to the next; in [0, 1).
    eps : float or Schedule, default 1e-8
        Added to the gradient's magnitude. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Kingma & Ba 2015, "Adam: A method for stochastic optimization", algorithm 2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.Adamax([w], lr=0.1, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.9, 2.1])
    """

    betas: tuple[Number, Number]
    eps: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 2e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay},
            options,
        )
