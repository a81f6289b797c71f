"""Lion."""

from __future__ import annotations

from typing import Any, Unpack

from swiftopt.optimizer import Number, Optimizer, Options


class Lion(Optimizer, rule="lion"):
    """Lion: every element moves by lr, in the direction of an interpolated momentum.

    ::

        p -= lr * (sign(beta1 * m + (1 - beta1) * g) + weight_decay * p)
        m = beta2 * m + (1 - beta2) * g

    One state array instead of Adam's two. The paper advises a learning rate 3 to 10 times
    smaller than AdamW's, and a weight decay larger by the same factor.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-4
        Learning rate.
    betas : pair of float or Schedule, default (0.9, 0.99)
        Shares of the past in the direction and in the momentum m; in [0, 1).
    weight_decay : float or Schedule, default 0
        Decoupled: the parameter shrinks by ``lr * weight_decay`` of itself.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Chen et al. 2023, "Symbolic discovery of optimization algorithms", algorithm 2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0, 3.0])
    >>> optimizer = so.Lion([w], lr=0.1)
    >>> report = optimizer.step([np.array([3.0, -0.5, 0.0])])
    >>> w
    array([0.9, 2.1, 3. ])
    """

    betas: tuple[Number, Number]

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-4,
        betas: tuple[Number, Number] = (0.9, 0.99),
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "weight_decay": weight_decay,
            },
            options,
        )
