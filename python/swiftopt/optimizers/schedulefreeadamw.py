"""Schedule-Free AdamW."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizers._schedule_free import ScheduleFree


class ScheduleFreeAdamW(ScheduleFree, rule="schedulefreeadamw"):
    """AdamW that needs no falling learning rate: it averages its weights instead.

    The parameters hold y, where the gradients are to be taken::

        v = beta2 * v + (1 - beta2) * g**2
        z -= lr * (g / (sqrt(v / (1 - beta2**t)) + eps) + weight_decay * y)
        x = (1 - c) * x + c * z
        y = (1 - beta1) * z + beta1 * x

    with ``c = w / sum(w)`` and ``w`` the square of the largest lr so far. The weights to
    evaluate and to save are x, which ``with optimizer.evaluation():`` puts into the parameters;
    only y and z are kept, and ``x = y + (1 - 1 / beta1) * (z - y)``. Numbers and defaults are
    those of the authors' ``AdamWScheduleFree``; a schedule for lr does what its
    ``warmup_steps`` does. The paper's algorithm has ``sqrt(1 - beta2**t)`` as a factor of lr
    in place of the correction of v; the authors found that unstable on some problems.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 0.0025
        Learning rate; 1 to 10 times that of AdamW with a schedule, say the authors. Give it a
        warm-up, but no decay.
    betas : pair of float or Schedule, default (0.9, 0.999)
        Share of x in y, in [0.001, 1), and of the past in the average of g**2, in [0, 1).
    eps : float or Schedule, default 1e-8
        Added to the root. With 0, elements without any gradient so far stay.
    weight_decay : float or Schedule, default 0
        Decoupled: z moves by ``lr * weight_decay`` of y.
    **options : see `Optimizer`
        `decay` and `cautious` can't be chosen.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Defazio et al. 2024, "The road less scheduled", algorithm 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.ScheduleFreeAdamW([w], lr=0.5, eps=0)
    >>> for _ in range(2):
    ...     report = optimizer.step([np.array([1.0, 1.0])])
    >>> w
    array([0.225, 1.225])
    >>> with optimizer.evaluation():
    ...     print(w)
    [0.25 1.25]
    """

    betas: tuple[Number, Number]
    eps: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 2.5e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}, options
        )
