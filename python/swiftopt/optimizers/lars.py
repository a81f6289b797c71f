"""LARS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer


class LARS(Optimizer, rule="lars"):
    """Momentum, with each array's gradient scaled to the norm of its parameter.

    ::

        rate = trust_coefficient * norm(p) / (norm(g) + weight_decay * norm(p) + eps)
        d = rate * (g + weight_decay * p)
        b = momentum * b + d
        p -= lr * b                                   # lr * (d + momentum * b) with nesterov

    The norms are over a whole array. The rate is 1 where one of them is 0, and in groups
    without weight decay: give biases and gains ``weight_decay=0`` and they learn as with SGD,
    which is what NVIDIA's and timm's implementations do. The numbers are those of timm, with
    other defaults: its own, without momentum and decay, make LARS plain SGD.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1
        Learning rate.
    momentum : float or Schedule, default 0.9
        Share of the past in the buffer b. 0: no buffer.
    weight_decay : float or Schedule, default 1e-4
        Coupled: the parameter's share in the scaled gradient.
    nesterov : bool, default False
        Look ahead along the buffer; needs momentum.
    trust_coefficient : float or Schedule, default 1e-3
        How far a gradient moves its parameter, as a share of the parameter's norm.
    eps : float or Schedule, default 1e-8
        Added to the sum of the norms.
    trust_clip : bool, default False
        Move by the smaller of rate and lr, not by their product: NVIDIA's LARC.
    always_adapt : bool, default False
        Scale the gradient without weight decay too.
    **options : see `Optimizer`

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    You, Gitman & Ginsburg 2017, "Large batch training of convolutional networks", equation 6
    and algorithm 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([3.0, 4.0])
    >>> optimizer = so.LARS([w], trust_coefficient=0.1, eps=0, weight_decay=0, always_adapt=True)
    >>> report = optimizer.step([np.array([0.0, 10.0])])
    >>> w
    array([3. , 3.5])
    """

    momentum: Number
    nesterov: bool
    trust_coefficient: Number
    eps: Number
    trust_clip: bool
    always_adapt: bool

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1.0,
        momentum: Number = 0.9,
        weight_decay: Number = 1e-4,
        nesterov: bool = False,
        *,
        trust_coefficient: Number = 1e-3,
        eps: Number = 1e-8,
        trust_clip: bool = False,
        always_adapt: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "trust_coefficient": trust_coefficient,
                "eps": eps,
                "trust_clip": trust_clip,
                "always_adapt": always_adapt,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        if entries["nesterov"] and entries["momentum"] == 0:
            raise ValueError("nesterov needs momentum > 0; it is 0")
        return dict(entries)
