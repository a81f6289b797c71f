"""Loss scaling for gradients in float16."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._control import LOSS_SCALER, StateMachine
from swiftopt._dtypes import decoded, kind_of
from swiftopt._groups import as_flag, as_number


class LossScaler(StateMachine):
    """The factor that a loss is multiplied by, so that float16 gradients don't underflow.

    ``scaler.scale(loss)`` gives the loss to differentiate, and
    ``optimizer.step(grads, scaler=scaler)`` divides the gradients by the same scale, skips
    the step if one of them is inf or nan, and then moves the scale: after
    `growth_interval` good steps in a row it grows, after a skipped one it backs off. The
    report says which it was (``status``) and the new scale (``loss_scale``). Nothing else
    has to be called, and there is no order to get wrong. With ``accumulate``, the scale
    moves at the end of each window.

    A scaler belongs to one optimizer. For several that share one scale, and for a lazy
    optimizer's ``update`` with several keys, pass ``loss_scale=scaler.loss_scale`` to
    each call (with ``skip_nonfinite=True``), and then call `update` once.

    Parameters
    ----------
    initial_scale : float, default 65536.0
        The first scale.
    growth_factor : float, default 2.0
        What the scale is multiplied by after `growth_interval` good steps, > 1.
    backoff_factor : float, default 0.5
        What it is multiplied by after a step that was skipped, in (0, 1).
    growth_interval : int, default 2000
        See above.
    dynamic : bool, default True
        Whether the scale moves at all. Steps with a gradient that isn't finite are skipped
        either way.
    minimum, maximum : float, default 2**-126 and 2**126
        The scale stays within; these are the widest bounds, in which scale and reciprocal
        are normal float32 numbers. A scale that sinks towards 1 and below says that the
        loss itself overflows: training has diverged.

    Raises
    ------
    TypeError, ValueError
        If an argument is not such a number.

    Notes
    -----
    Scales are float32 numbers (others are rounded), so that a loss is scaled and gradients
    are divided by exactly the same number. The rules are those of
    ``torch.amp.GradScaler``, which refuses to unscale float16 gradients; this one doesn't.

    References
    ----------
    Micikevicius et al. 2018, "Mixed precision training", section 3.2.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.zeros(1, np.float16)
    >>> optimizer, scaler = so.SGD([w], lr=0.1), so.LossScaler()
    >>> for loss in (2.0, 1.0):  # of which w is to get the gradient
    ...     with np.errstate(over="ignore"):  # 131072 is too large for float16
    ...         gradient = np.array([scaler.scale(loss)]).astype(np.float16)
    ...     report = optimizer.step([gradient], scaler=scaler)
    ...     print(report.status, report.loss_scale)
    skipped 32768.0
    updated 32768.0
    >>> w
    array([-0.1], dtype=float16)
    """

    __slots__ = ()

    _machine = LOSS_SCALER
    _names = ("scale", "good_steps", "updated", "skipped")
    _reals = ("scale",)

    def __init__(
        self,
        initial_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        *,
        dynamic: bool = True,
        minimum: float = 2.0**-126,
        maximum: float = 2.0**126,
    ) -> None:
        self._begin(
            {
                "initial_scale": initial_scale,
                "growth_factor": growth_factor,
                "backoff_factor": backoff_factor,
                "growth_interval": growth_interval,
                "dynamic": dynamic,
                "minimum": minimum,
                "maximum": maximum,
            },
            as_number("initial_scale", initial_scale),
            as_number("growth_factor", growth_factor),
            as_number("backoff_factor", backoff_factor),
            as_number("growth_interval", growth_interval),
            as_number("minimum", minimum),
            as_number("maximum", maximum),
            float(as_flag("dynamic", dynamic)),
        )

    def scale(self, loss: Any) -> Any:
        """Return the loss, or the array that backpropagation begins with, times the scale.

        Parameters
        ----------
        loss : float, array, or tensor
            A NumPy array or number in float16 or bfloat16 gives float32, since the product
            would overflow in float16 from 65504 on; float32 and float64 stay what they are.
            Of another library's tensor it is ``loss * loss_scale`` in that library, which
            keeps what it needs for differentiation; convert a float16 one to float32 first.

        Raises
        ------
        TypeError
            If `loss` is nothing that can be multiplied.
        """
        scale = self.loss_scale
        if isinstance(loss, np.ndarray | np.generic):
            kind = kind_of(np.asanyarray(loss))
            if kind is None and loss.dtype.kind not in "iuf":
                raise TypeError(f"loss has dtype {loss.dtype}; it must be a floating one")
            if kind in ("float16", "bfloat16"):
                loss = decoded(np.asanyarray(loss))
            dtype = np.float32 if kind not in ("float64", None) else np.float64
            with np.errstate(over="ignore"):  # an infinite loss makes a step that is skipped
                return np.multiply(loss, dtype(scale))
        try:
            return loss * scale
        except TypeError:
            raise TypeError(
                f"loss is a {type(loss).__name__}; it must be a number, an array or a tensor"
            ) from None

    def update(self, skipped: bool) -> float:
        """Tell the scaler of a step that was made without it, and return the new scale.

        Only for steps with ``loss_scale=scaler.loss_scale``; ``step(grads, scaler=scaler)``
        does this itself.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> optimizer, scaler = so.SGD(lr=0.1, skip_nonfinite=True), so.LossScaler(8.0)
        >>> reports = [
        ...     optimizer.update(key, np.zeros(1), gradient, loss_scale=scaler.loss_scale)
        ...     for key, gradient in (("a", np.ones(1)), ("b", np.array([np.inf])))
        ... ]
        >>> scaler.update(any(report.status == "skipped" for report in reports))
        4.0
        """
        self._observe(float(as_flag("skipped", skipped)))
        return self.loss_scale

    @property
    def _native(self) -> tuple[bytes, bytearray]:
        return self._settings, self._numbers

    @property
    def loss_scale(self) -> float:
        """The scale for the next loss."""
        return self._number("scale")

    @property
    def dynamic(self) -> bool:
        """Whether the scale moves."""
        return bool(self._arguments["dynamic"])

    @property
    def good_steps(self) -> int:
        """Steps since the scale last moved."""
        return self._count("good_steps")

    @property
    def updated(self) -> int:
        """All steps that were made."""
        return self._count("updated")

    @property
    def skipped(self) -> int:
        """All steps that were skipped because a gradient was not finite."""
        return self._count("skipped")
