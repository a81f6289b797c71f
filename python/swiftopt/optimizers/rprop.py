"""Rprop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._groups import as_number
from swiftopt._options import Number, Options
from swiftopt._varying import Varying
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_pair


class Rprop(Optimizer, rule="rprop"):
    """Rprop: every element has a step size of its own, which follows the signs alone.

    ::

        s = clip(s * eta, *step_sizes)                # s starts at lr
        g = 0 where the sign turned
        p -= s * sign(g)

    eta is ``etas[1]`` where the gradient has the sign that it had before, ``etas[0]`` where
    the sign turned, and 1 where either is 0. For whole-batch gradients: the noise of a
    mini-batch turns signs.

    Names, defaults and numbers are those of ``torch.optim.Rprop``, except that signs are
    compared as such: torch multiplies the gradients, which loses the sign of products below
    1e-45 in float32.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-2
        The step size of the first update; later values make no difference, except to a
        decoupled decay.
    etas : pair of float or Schedule, default (0.5, 1.2)
        Factors of the step size, the first in [0, 1), the second >= 1.
    step_sizes : pair of float or Schedule, default (1e-6, 50)
        Least and largest step size.
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below. torch has
        none.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Riedmiller & Braun 1993, "A direct adaptive method for faster backpropagation learning: the
    RPROP algorithm"; the variant iRprop- of Igel & Huesken 2000, "Improving the Rprop learning
    algorithm".

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.Rprop([w], lr=0.1)
    >>> for g in ([3.0, -0.5], [3.0, 0.5]):
    ...     report = optimizer.step([np.array(g)])
    >>> w
    array([0.78, 2.1 ])
    """

    etas: tuple[Number, Number]
    step_sizes: tuple[Number, Number]

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-2,
        etas: tuple[Number, Number] = (0.5, 1.2),
        step_sizes: tuple[Number, Number] = (1e-6, 50.0),
        weight_decay: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "etas": etas, "step_sizes": step_sizes, "weight_decay": weight_decay},
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = Optimizer._hyperparameters(entries)
        take_pair(values, "etas", "eta_minus", "eta_plus")
        take_pair(values, "step_sizes", "step_size_min", "step_size_max")
        names = ("step_size_min", "step_size_max")
        if not any(isinstance(values[name], Varying) for name in names):
            least, largest = (
                as_number(name, values[name], "a number or a schedule") for name in names
            )
            # What is out of bounds by itself, the rule's own check names.
            if 0 <= largest < least < math.inf:
                raise ValueError(f"step_sizes is {least, largest}; the first must be the least")
        return values
