"""Adadelta."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer


class Adadelta(Optimizer, rule="adadelta"):
    """Adadelta: steps in the parameter's own unit, as large as the recent ones were.

    ::

        v = rho * v + (1 - rho) * g**2
        d = sqrt(u + eps) / sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d**2
        p -= lr * d

    Names, defaults and numbers are those of ``torch.optim.Adadelta``, except that eps must be
    above 0.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1.0
        Learning rate; the paper's method has none, which is 1.
    rho : float or Schedule, default 0.9
        Share of the past in the averages; in [0, 1).
    eps : float or Schedule, default 1e-6
        Added to both averages; the first steps are about ``sqrt(eps)``. At least 1.2e-38: with
        0 nothing would ever move.
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
    Zeiler 2012, "ADADELTA: An adaptive learning rate method", algorithm 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.Adadelta([w], eps=0.1, rho=0.0)
    >>> report = optimizer.step([np.array([0.3, -0.1])])
    >>> w.round(4)
    array([0.7824, 2.0953])
    """

    rho: Number
    eps: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1.0,
        rho: Number = 0.9,
        eps: Number = 1e-6,
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay},
            options,
        )
