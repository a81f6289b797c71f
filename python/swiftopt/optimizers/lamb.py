"""LAMB."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer


class LAMB(Optimizer, rule="lamb"):
    """Adam's direction, scaled for each array to the norm of its parameter.

    ::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        r = (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps) + weight_decay * p
        p -= lr * (norm(p) / norm(r)) * r

    The norms are over a whole array. The quotient is 1 where one of them is 0, and in groups
    without weight decay: give biases and gains ``weight_decay=0`` and they learn as with Adam,
    which is what NVIDIA's and timm's implementations do. Those limit the norm over all
    gradients to 1 besides, which is ``clip_norm=1.0`` here.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate: the share of its own norm by which a parameter moves.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Shares of the past in the averages of g and of g**2; in [0, 1).
    eps : float or Schedule, default 1e-6
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0.01
        Share of the parameter in the direction r.
    trust_clip : bool, default False
        Limit the quotient of the norms to 1.
    always_adapt : bool, default False
        Scale the step without weight decay too.
    **options : see `Optimizer`

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    You et al. 2020, "Large batch optimization for deep learning: Training BERT in 76 minutes",
    algorithm 2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([2.0, 2.0])
    >>> optimizer = so.LAMB([w], lr=0.1, eps=0, weight_decay=0, always_adapt=True)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([1.8, 2.2])
    """

    betas: tuple[Number, Number]
    eps: Number
    trust_clip: bool
    always_adapt: bool

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-6,
        weight_decay: Number = 1e-2,
        *,
        trust_clip: bool = False,
        always_adapt: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "trust_clip": trust_clip,
                "always_adapt": always_adapt,
            },
            options,
        )
