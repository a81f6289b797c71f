"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack

from swiftopt.optimizer import Number, Optimizer, Options


class SGD(Optimizer, rule="sgd"):
    """Stochastic gradient descent with momentum.

    ::

        b = momentum * b + (1 - dampening) * g        # b = g at the first update
        p -= lr * b                                   # lr * (g + momentum * b) with nesterov

    Names, defaults and numbers are those of ``torch.optim.SGD``.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate.
    momentum : float or Schedule, default 0
        Share of the old buffer. With 0 there is no buffer.
    dampening : float or Schedule, default 0
        What the gradient's share in the buffer lacks to 1; in [0, 1].
    weight_decay : float or Schedule, default 0
        Coupled: ``gradient += weight_decay * parameter`` before everything below.
    nesterov : bool, default False
        Look ahead; needs momentum and no dampening.
    momentum_start : {"gradient", "zero"}, default "gradient"
        The buffer after the first update: the gradient itself, as in torch, or
        ``(1 - dampening) * g``, as an average that starts at zero.
    **options
        As for every `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Sutskever, Martens, Dahl & Hinton 2013, "On the importance of initialization and momentum
    in deep learning", equations 1-2 (momentum) and 3-4 (Nesterov).

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(2):
    ...     report = optimizer.step([np.array([1.0, 1.0])])
    >>> w
    array([0.71, 1.71])
    """

    momentum: Number
    dampening: Number
    nesterov: bool
    momentum_start: Literal["gradient", "zero"]

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        momentum: Number = 0.0,
        dampening: Number = 0.0,
        weight_decay: Number = 0.0,
        nesterov: bool = False,
        *,
        momentum_start: Literal["gradient", "zero"] = "gradient",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "momentum_start": momentum_start,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(entries)
        start = values.pop("momentum_start")
        if start not in ("gradient", "zero"):
            raise ValueError(f"momentum_start is {start!r}; it must be 'gradient' or 'zero'")
        values["momentum_start_zero"] = start == "zero"
        if values["nesterov"] and (values["momentum"] == 0 or values["dampening"] != 0):
            raise ValueError(
                f"nesterov needs momentum > 0 and dampening 0; they are "
                f"{values['momentum']!r} and {values['dampening']!r}"
            )
        return values
