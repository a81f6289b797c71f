"""The type of all schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from swiftopt import _core
from swiftopt._schedule_arguments import steps_or_fraction
from swiftopt._schedule_registry import constructors
from swiftopt._schedule_text import as_data, as_text, from_data
from swiftopt._varying import Varying, refuse_change

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from swiftopt._controlled import Controllable, Controlled

_schedule_value = _core.schedule_value  # one look-up less in every call
_infinity = float("inf")


class Schedule(Varying):
    """A value that depends on the number of completed updates alone.

    A schedule is immutable and knows no current step: ``schedule(n)`` is its value for the
    update after `n` completed ones. Equal schedules compute the same value in the same way.
    Schedules are made by the functions of `swiftopt.schedules`, joined by `then`, ``+`` and
    ``*``, and changed by `warmup`, `repeat` and `clamp`.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt as so
    >>> schedule = so.warmup(1.0, warmup=4).then(so.linear(1.0, total=4), at=6)
    >>> schedule(2)
    0.5
    >>> schedule(np.arange(0, 12, 3))
    array([0.  , 0.75, 1.  , 0.25])
    >>> schedule
    warmup(1.0, warmup=4).then(linear(1.0, total=4), at=6)
    """

    __slots__ = ("_arguments", "_name", "_program")

    _arguments: dict[str, Any]
    _name: str
    _program: bytes

    def __init__(self, name: str, arguments: dict[str, Any], program: bytes) -> None:
        _core.schedule_validate(program)
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_arguments", arguments)
        object.__setattr__(self, "_program", program)

    @overload
    def __call__(self, step: float | np.integer[Any] | np.floating[Any]) -> float: ...

    @overload
    def __call__(self, step: NDArray[Any] | Sequence[float]) -> NDArray[np.float64]: ...

    def __call__(self, step: Any) -> Any:
        """Return the value for the update after `step` completed ones.

        Parameters
        ----------
        step : int, float, or array of them
            Finite and >= 0.

        Returns
        -------
        float, or float64 array of the shape of `step`
            Each element has the same bits as the call with that step alone. It is inf or nan
            where a sum, a product or a growing exponential leaves the range of float64.

        Raises
        ------
        TypeError
            If `step` is not a number or an array of numbers.
        ValueError
            If a step is negative, inf or nan.
        """
        if (type(step) is int or type(step) is float) and 0 <= step < _infinity:
            return _schedule_value(self._program, step)
        return self._values(step)

    def _values(self, step: Any) -> float | NDArray[np.float64]:
        given = np.asarray(step)
        if given.dtype.kind not in "iuf":
            what = f"is an array of {given.dtype}" if given.ndim else f"is {step!r}"
            raise TypeError(f"step {what}; it must be a number or an array of numbers")
        steps = np.asarray(given, dtype=np.float64, order="C")
        values = np.empty(steps.shape)
        try:
            _core.schedule_values(self._program, steps, values)
        except ValueError:
            is_allowed = (steps >= 0) & (steps < _infinity)
            bad = given[~is_allowed][0]
            raise ValueError(f"step is {bad}; it must be finite and >= 0") from None
        return values if isinstance(step, np.ndarray) or given.ndim else float(values)

    @overload
    def then(self, other: Schedule | float, *, at: float) -> Schedule: ...

    @overload
    def then(self, other: Controllable, *, at: float) -> Controlled: ...

    def then(self, other: Any, *, at: float) -> Any:
        """Return a schedule that follows this one before step `at` and `other` from there on.

        Parameters
        ----------
        other : Schedule, Controlled or float
            It begins anew: at step n it gives its value for n - `at`. If it is a `Controlled`
            value, the result is one too.
        at : float
            Where `other` takes over, finite and >= 0.

        Raises
        ------
        TypeError, ValueError
            If `other` is not a schedule or `at` is not such a number, or if the schedule is
            too large (64 levels, 4096 numbers).

        Examples
        --------
        >>> import swiftopt as so
        >>> schedule = so.constant(1.0).then(so.exponential(8.0, gamma=0.5), at=10)
        >>> schedule(9), schedule(10), schedule(12)
        (1.0, 8.0, 2.0)
        """
        if isinstance(other, Varying) and not isinstance(other, Schedule):
            return other._follow(self, at)
        return constructors["then"](self, _as_schedule("other", other), at=at)

    def warmup(
        self,
        steps: float | None = None,
        *,
        fraction: float | None = None,
        total: float | None = None,
        start: float = 0.0,
        shape: str = "linear",
    ) -> Schedule:
        """Return this schedule behind a rise from `start` to its value at step 0.

        The value at n = `steps` is exactly this schedule's first, and nothing before is
        beyond it; from there on this schedule counts its own steps.

        Parameters
        ----------
        steps : float
            Length of the rise, 0 or >= 1.
        fraction, total : float
            Instead of `steps`: a share of so many steps, 0.01 to 0.05 being usual, from 0 to
            1. The product is rounded to a whole number.
        start : float, default 0.0
            The value at step 0.
        shape : {"linear", "cosine", "exponential"}, default "linear"
            Of the rise. An exponential one, which grows by the same factor at each step,
            needs a `start` and a first value greater than 0.

        Raises
        ------
        TypeError
            If an argument is not a number, or not exactly one of `steps` and `fraction` is
            given, or `fraction` without `total`.
        ValueError
            If an argument is out of its range, or the schedule becomes too large.

        Examples
        --------
        >>> import swiftopt as so
        >>> schedule = so.step_decay(0.8, step_size=30, gamma=0.5).warmup(4)
        >>> schedule(0), schedule(2), schedule(4), schedule(33), schedule(34)
        (0.0, 0.4, 0.8, 0.8, 0.4)
        >>> so.rex(0.1, total=950).warmup(fraction=0.05, total=1000)
        rex(0.1, total=950).warmup(50)
        """
        if fraction is None and total is not None:
            raise TypeError("total is only for a fraction of it")
        if fraction is not None and total is None:
            raise TypeError("a fraction needs the total that it is a share of")
        length = steps_or_fraction("steps", steps, "fraction", fraction, total)
        return constructors["warmed_up"](self, length, start=start, shape=shape)

    def repeat(self, every: float, *, times: int | None = None) -> Schedule:
        """Return a schedule that begins anew `every` so many steps.

        Parameters
        ----------
        every : float
            Length of a repetition, > 0.
        times : int, optional
            How often; the last time goes on instead of ending. By default there is no end.

        Raises
        ------
        TypeError, ValueError
            If `every` is not such a number or `times` not a whole number >= 1.

        Examples
        --------
        >>> import swiftopt as so
        >>> schedule = so.linear(1.0, total=4).repeat(4, times=2)
        >>> schedule([0, 3, 4, 7, 8, 100])
        array([1.  , 0.25, 1.  , 0.25, 0.  , 0.  ])
        """
        return constructors["repeat"](self, every, times=times)

    def clamp(self, low: float | None = None, high: float | None = None) -> Schedule:
        """Return a schedule with this one's values, but none below `low` or above `high`.

        Raises
        ------
        TypeError, ValueError
            If neither is given, or they are not finite numbers with `low` <= `high`.

        Examples
        --------
        >>> import swiftopt as so
        >>> so.exponential(1.0, gamma=0.5).clamp(low=0.1)([0, 2, 4])
        array([1.  , 0.25, 0.1 ])
        """
        return constructors["clamp"](self, low=low, high=high)

    def __add__(self, other: Schedule | float) -> Schedule:
        return constructors["add"](self, other) if _is_operand(other) else NotImplemented

    def __radd__(self, other: float) -> Schedule:
        return constructors["add"](other, self) if _is_operand(other) else NotImplemented

    def __mul__(self, other: Schedule | float) -> Schedule:
        return constructors["multiply"](self, other) if _is_operand(other) else NotImplemented

    def __rmul__(self, other: float) -> Schedule:
        return constructors["multiply"](other, self) if _is_operand(other) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return self._program == other._program if isinstance(other, Schedule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._program)

    __setattr__ = __delattr__ = refuse_change

    def __reduce__(self) -> tuple[Any, ...]:
        return (from_data, (as_data(self),))

    def __repr__(self) -> str:
        return as_text(self)

    def to_json(self) -> str:
        """Return the schedule as JSON: the constructor's name and its arguments.

        Examples
        --------
        >>> import swiftopt as so
        >>> so.linear(0.1, total=100).to_json()
        '{"schedule": "linear", "initial": 0.1, "final": 0.0, "total": 100}'
        """
        import json

        return json.dumps(as_data(self))

    @staticmethod
    def from_json(text: str | bytes) -> Schedule:
        """Return the schedule that `to_json` wrote.

        Raises
        ------
        ValueError
            If `text` is not JSON, or not a schedule with valid arguments.

        Examples
        --------
        >>> import swiftopt as so
        >>> schedule = so.cosine(0.1, total=100)
        >>> so.Schedule.from_json(schedule.to_json()) == schedule
        True
        """
        import json

        try:
            return from_data(json.loads(text))
        except RecursionError:
            raise ValueError("the JSON is nested too deeply to be a schedule") from None


def _is_operand(value: object) -> bool:
    return isinstance(value, Schedule | int | float | np.integer | np.floating)


def _as_schedule(name: str, value: Schedule | float) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if not _is_operand(value):
        raise TypeError(f"{name} is {value!r}; it must be a schedule or a number")
    return constructors["constant"](value)
