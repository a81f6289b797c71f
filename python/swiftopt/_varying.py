"""Values that vary during training: what schedules and metric-driven values have in common."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

import numpy as np


class Varying:
    """A number that may be another one at each step: a `Schedule`, or a `Controlled` value.

    Calling it with the number of completed updates gives its value for the next one. Any
    number among an optimizer's hyper-parameters may be one.
    """

    __slots__ = ()
    # An array times a varying value is an error instead of an array of them.
    __array_ufunc__: ClassVar[None] = None

    def __call__(self, step: Any) -> Any:
        """Return the value for the update after `step` completed ones."""
        raise NotImplementedError

    @property
    def controls(self) -> tuple[Any, ...]:
        """The state machines that the value depends on, in order of appearance."""
        return ()

    def _follow(self, first: Any, at: float) -> Varying | None:
        """Return `first` until `at` and then this; None if `first` can join them itself."""
        return None


def is_number(value: object) -> bool:
    """Whether this can be joined with a varying value: a Python or NumPy number."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def controls_of(value: object) -> tuple[Any, ...]:
    """Return the state machines in a value or in a pair of values, each once.

    They come in order of appearance. Numbers and pure schedules have none.
    """
    values = value if isinstance(value, tuple | list) else (value,)
    found: list[Any] = []
    for item in values:
        for control in item.controls if isinstance(item, Varying) else ():
            if not any(control is other for other in found):
                found.append(control)
    return tuple(found)


def refuse_change(self: object, *args: object) -> NoReturn:
    """Raise for an immutable value."""
    raise AttributeError(f"a {type(self).__name__} can't be changed")
