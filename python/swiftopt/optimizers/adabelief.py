"""AdaBelief."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer


class AdaBelief(Optimizer, rule="adabelief"):
    """AdaBelief: Adam that divides by how far gradients are from their average.

    ::

        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * (g - m)**2 + eps
        p -= lr * (m / (1 - beta1**t)) / (sqrt(s / (1 - beta2**t)) + eps)

    Steps are large where gradients stay the same, whatever their size, and small where they
    vary. eps acts inside the root, so compare it with the square of Adam's; the
    root is never below ``sqrt(eps / (1 - beta2))``.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Shares of the past in the averages of g and of (g - m)**2; in [0, 1).
    eps : float or Schedule, default 1e-16
        Added to s in every update, and to the root. The paper's 1e-8 makes steps nearly
        proportional to the gradient where gradients are below 3e-3. With 0, elements that
        never had any gradient stay.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below. The
        authors' experiments decouple it: ``decay="decoupled"``.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Zhuang et al. 2020, "AdaBelief optimizer: Adapting stepsizes by the belief in observed
    gradients", algorithm 2; the default eps is that of the authors' adabelief-pytorch 0.2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.AdaBelief([w], lr=0.09, eps=0)
    >>> report = optimizer.step([np.array([3.0, -0.5])])
    >>> w
    array([0.9, 2.1])
    """

    betas: tuple[Number, Number]
    eps: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-16,
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay},
            options,
        )
