"""Adafactor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_pair


class Adafactor(Optimizer, rule="adafactor"):
    """Adafactor: second moments of a matrix from those of its rows and columns.

    ::

        beta2 = 1 - t**beta2_decay
        R = beta2 * R + (1 - beta2) * mean(g**2, axis=-1)
        C = beta2 * C + (1 - beta2) * mean(g**2, axis=-2)
        v = outer(R, C) / max(mean(R), eps[0])
        u = g / max(sqrt(v), eps[0])
        alpha = max(eps[1], rms(p)) * min(lr, 1 / sqrt(t))
        p -= alpha * u / max(1, rms(u) / d) + lr * weight_decay * p

    ``rms(x)`` is ``sqrt(mean(x**2))`` over the whole parameter. Parameters with more than two
    axes are stacks of matrices, in their last two axes; those with fewer have a ``v`` of their
    own, ``beta2 * v + (1 - beta2) * g**2``. Names, defaults and numbers are those of
    ``torch.optim.Adafactor``, which has no beta1.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-2
        The largest relative step: an update moves a parameter by at most this share of its
        RMS.
    beta2_decay : float or Schedule, default -0.8
        How fast the averages get longer; at most 0.
    eps : pair of (float, Schedule or None) and (float or Schedule), default (None, 1e-3)
        The least root of a second moment, above 0; None is the machine epsilon of the
        computation. And the least RMS of a parameter, as far as its steps are concerned.
    d : float or Schedule, default 1.0
        Updates with a larger RMS than this are scaled down to it; at least 1.
    weight_decay : float or Schedule, default 0
        Decoupled: ``p -= lr * weight_decay * p``.
    beta1 : float or Schedule, default 0
        Share of the past in an average of the steps, which takes their place; in [0, 1). With 0
        there is no such average, and no memory for it.
    **options
        See `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Shazeer & Stern 2018, "Adafactor: Adaptive learning rates with sublinear memory cost",
    algorithms 4 (matrices) and 5 (vectors).

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.ones((2, 3))
    >>> optimizer = so.Adafactor([w])
    >>> report = optimizer.step([np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]])])
    >>> w.round(4)  # g**2 is an outer product here: u is 1 everywhere
    array([[0.99, 0.99, 0.99],
           [0.99, 0.99, 0.99]])
    >>> {slot: array.shape for slot, array in optimizer.state["0"].items() if slot != "step"}
    {'row_var': (2,), 'col_var': (3,)}
    """

    beta2_decay: Number
    eps: tuple[Number | None, Number]
    d: Number
    beta1: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-2,
        beta2_decay: Number = -0.8,
        eps: tuple[Number | None, Number] = (None, 1e-3),
        d: Number = 1.0,
        weight_decay: Number = 0.0,
        *,
        beta1: Number = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "beta1": beta1,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(entries)
        take_pair(values, "eps", "eps1", "eps2")
        if values["eps1"] is None:
            values["eps1"] = 0.0  # which the native rule takes for the machine epsilon
        elif isinstance(values["eps1"], int | float) and values["eps1"] == 0:
            raise ValueError("eps[0] is 0; it must be > 0, or None for the machine epsilon")
        return values
