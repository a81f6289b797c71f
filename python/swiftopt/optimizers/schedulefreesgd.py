"""Schedule-Free stochastic gradient descent."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizers._schedule_free import ScheduleFree


class ScheduleFreeSGD(ScheduleFree, rule="schedulefreesgd"):
    """Gradient descent that needs no falling learning rate: it averages its weights instead.

    The parameters hold y, where the gradients are to be taken::

        z -= lr * (g + weight_decay * y)
        x = (1 - c) * x + c * z
        y = (1 - momentum) * z + momentum * x

    with ``c = w / sum(w)`` and ``w`` the square of the largest lr so far. The weights to
    evaluate and to save are x, which ``with optimizer.evaluation():`` puts into the parameters;
    only y and z are kept, and ``x = y + (1 - 1 / momentum) * (z - y)``. Numbers and defaults
    are those of the authors' ``SGDScheduleFree``; a schedule for lr does what its
    ``warmup_steps`` does.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1
        Learning rate; 10 to 50 times that of SGD with a schedule, say the authors. Give it a
        warm-up, but no decay.
    momentum : float or Schedule, default 0.9
        Share of x in y; in [0.001, 1).
    weight_decay : float or Schedule, default 0
        Share of y in the gradient.
    **options : see `Optimizer`
        `decay` and `cautious` can't be chosen.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Defazio et al. 2024, "The road less scheduled", equations 1-3.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.ScheduleFreeSGD([w], lr=0.5)
    >>> for _ in range(2):
    ...     report = optimizer.step([np.array([1.0, 1.0])])
    >>> w
    array([0.225, 1.225])
    >>> with optimizer.evaluation():
    ...     print(w)
    [0.25 1.25]
    """

    momentum: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1.0,
        momentum: Number = 0.9,
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}, options
        )
