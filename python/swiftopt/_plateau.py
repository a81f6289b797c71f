"""A factor that shrinks when a metric stops improving."""

from __future__ import annotations

from typing import Any, Literal

from swiftopt._control import REDUCE_ON_PLATEAU, REDUCED, StateMachine, as_choice, as_metric
from swiftopt._controlled import Controllable
from swiftopt._groups import as_number


class ReduceOnPlateau(StateMachine, Controllable):
    """A factor that is multiplied by `factor` when a metric has stopped improving.

    It starts at 1. Multiply a schedule or a number by it, and give the product to an
    optimizer: ``lr=0.1 * plateau``, or ``lr=so.warmup(0.1, warmup=500).then(0.1 * plateau,
    at=500)``. Call `observe` with the metric, once per epoch or so. Any number of
    hyper-parameters and optimizers may share one; each uses the new value from its next
    step on.

    Parameters
    ----------
    factor : float, default 0.1
        What the value is multiplied by, in (0, 1).
    mode : {"min", "max"}, default "min"
        Whether a smaller or a greater metric is better.
    patience : int, default 10
        So many observations in a row without improvement are allowed; the next one reduces.
    threshold : float, default 1e-4
        By how much a metric must beat the best one to be an improvement, >= 0.
    threshold_mode : {"rel", "abs"}, default "rel"
        Whether the threshold is a share of the best metric's magnitude, or a difference.
    cooldown : int, default 0
        So many observations after a reduction don't count as bad.
    minimum : float, default 0.0
        The value never gets smaller, in [0, 1]. As it is a factor, it is torch's ``min_lr``
        divided by the learning rate.

    Raises
    ------
    TypeError, ValueError
        If an argument is not such a number or word.

    Notes
    -----
    It reduces when ``torch.optim.lr_scheduler.ReduceLROnPlateau`` does, with one exception:
    for a negative metric (a log likelihood, say) torch's relative threshold has the wrong
    sign, so that getting a little worse counts as an improvement; here it doesn't.

    A metric that is inf or nan counts as no improvement, gives a RuntimeWarning, and is
    counted in the state.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> plateau = so.ReduceOnPlateau(factor=0.5, patience=1)
    >>> optimizer = so.SGD([np.zeros(1)], lr=0.1 * plateau)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     report = optimizer.step([np.zeros(1)])
    ...     print(report.lr, plateau.observe(loss))
    0.1 False
    0.1 False
    0.1 False
    0.1 True
    >>> optimizer.step([np.zeros(1)]).lr
    0.05
    """

    __slots__ = ()

    _machine = REDUCE_ON_PLATEAU
    _names = (
        "value",
        "best",
        "bad_observations",
        "cooldown_left",
        "observations",
        "nonfinite",
        "reductions",
    )
    _reals = ("value", "best")

    def __init__(
        self,
        factor: float = 0.1,
        *,
        mode: Literal["min", "max"] = "min",
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        minimum: float = 0.0,
    ) -> None:
        self._begin(
            {
                "factor": factor,
                "mode": mode,
                "patience": patience,
                "threshold": threshold,
                "threshold_mode": threshold_mode,
                "cooldown": cooldown,
                "minimum": minimum,
            },
            as_number("factor", factor),
            as_choice("mode", mode, "min", "max"),
            as_number("patience", patience),
            as_number("threshold", threshold),
            1 - as_choice("threshold_mode", threshold_mode, "rel", "abs"),
            as_number("cooldown", cooldown),
            as_number("minimum", minimum),
        )

    def observe(self, metric: float) -> bool:
        """Look at a metric, and return whether the value was reduced because of it.

        Parameters
        ----------
        metric : float
            A Python or NumPy number, or a 0-d array.

        Raises
        ------
        TypeError
            If it isn't a number.

        Warns
        -----
        RuntimeWarning
            If it is inf or nan.
        """
        return bool(self._observe(as_metric(metric, self)) & REDUCED)

    @property
    def value(self) -> float:
        """The factor now."""
        return self._number("value")

    @property
    def best(self) -> float | None:
        """The best metric so far; None before the first finite one."""
        return self._entry("best")

    @property
    def observations(self) -> int:
        """How many metrics it looked at."""
        return self._count("observations")

    @property
    def controls(self) -> tuple[Any, ...]:
        """What it depends on: itself."""
        return (self,)

    def __call__(self, step: Any) -> float:
        """Return `value`, whatever the step is."""
        return self._number("value")
