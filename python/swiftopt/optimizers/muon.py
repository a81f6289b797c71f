"""Muon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack

from swiftopt._options import Number, Options
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers._entries import take_pair


class Muon(Optimizer, rule="muon"):
    """Muon for matrices, AdamW for everything else.

    ::

        b = momentum * b + (1 - momentum) * g
        d = (1 - momentum) * g + momentum * b                # b itself without nesterov
        p -= lr * (adjust * orthogonal(d) + weight_decay * p)

    ``orthogonal`` brings all singular values near 1 (into about 0.7 to 1.2) by `ns_steps`
    Newton-Schulz iterations; rows and columns of the result are of about equal weight. The
    products are in float32, or in float64 for float64 parameters. Their last bits depend on
    the instruction level, unlike every other optimizer's, but not on the number of threads.

    Parameters with two axes or more are matrices, whose rows are the first axis (so a
    convolution's filters are rows). Other parameters get AdamW's step. Embeddings and the
    last layer are matrices, but better with AdamW: give them to another optimizer.

    Parameters
    ----------
    params : nest of arrays, list of groups, or None
        What is updated, in place; see `Optimizer`.
    lr : float or Schedule, default 1e-3
        Learning rate, for AdamW's part too: give that group another one unless
        ``adjust_lr_fn="match_rms_adamw"``, with which one fits both.
    weight_decay : float or Schedule, default 0.1
        Decoupled: ``p -= lr * weight_decay * p``.
    momentum : float or Schedule, default 0.95
        Share of the past in b; in [0, 1).
    nesterov : bool, default True
        Look ahead.
    eps : float or Schedule, default 1e-7
        Added to the norm that d is divided by.
    ns_steps : int, default 5
        Newton-Schulz iterations; 1 to 99.
    adjust_lr_fn : {"original", "match_rms_adamw"} or None, default None
        The factor ``adjust``: ``sqrt(max(1, rows / columns))`` (also for None), or
        ``0.2 * sqrt(max(rows, columns))``, which makes steps as large as AdamW's usually are.
    adamw_betas : pair of float or Schedule, default (0.9, 0.999)
        The betas of AdamW's part.
    adamw_eps : float or Schedule, default 1e-8
        The eps of AdamW's part.
    **options
        See `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.

    References
    ----------
    Jordan, Jin, Boza, You, Cesista, Newhouse & Bernstein 2024, "Muon: An optimizer for hidden
    layers in neural networks". Liu et al. 2025, "Muon is scalable for LLM training", equation 4
    (``match_rms_adamw``).

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.zeros((2, 2))
    >>> optimizer = so.Muon([w], lr=0.1)
    >>> report = optimizer.step([np.array([[3.0, 0.0], [0.0, 3.0]])])
    >>> w.round(3)  # both singular values end at 1.11
    array([[-0.111,  0.   ],
           [ 0.   , -0.111]])
    """

    momentum: Number
    nesterov: bool
    eps: Number
    ns_steps: int
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None
    adamw_betas: tuple[Number, Number]
    adamw_eps: Number

    def __init__(
        self,
        params: Any = None,
        lr: Number = 1e-3,
        weight_decay: Number = 0.1,
        momentum: Number = 0.95,
        nesterov: bool = True,
        *,
        eps: Number = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = None,
        adamw_betas: tuple[Number, Number] = (0.9, 0.999),
        adamw_eps: Number = 1e-8,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
                "adamw_betas": adamw_betas,
                "adamw_eps": adamw_eps,
            },
            options,
        )

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(entries)
        take_pair(values, "adamw_betas", "adamw_beta1", "adamw_beta2")
        adjust = values.pop("adjust_lr_fn")
        if adjust not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f"adjust_lr_fn is {adjust!r}; it must be 'original', 'match_rms_adamw' or None"
            )
        values["match_rms_adamw"] = adjust == "match_rms_adamw"
        steps = values["ns_steps"]
        if isinstance(steps, bool) or not isinstance(steps, int):
            raise TypeError(f"ns_steps is {steps!r}; it must be an int")
        return values
