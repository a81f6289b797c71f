"""The type of all schedules, and what joins two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar, overload

import numpy as np

from swiftopt import _core
from swiftopt._schedule_arguments import number, pack

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Codes of the native program, as in swiftopt.h.
_THEN = 100
_ADD = 101
_MULTIPLY = 102
_SIGNS = {"add": "+", "multiply": "*"}

_constructors: dict[str, Callable[..., Schedule]] = {}
_Constructor = TypeVar("_Constructor", bound=Callable[..., "Schedule"])

_schedule_value = _core.schedule_value  # one look-up less in every call
_infinity = float("inf")


def constructor(function: _Constructor) -> _Constructor:
    """Register a function under the name that its schedules have in JSON and `repr`."""
    _constructors[function.__name__] = function
    return function


class Schedule:
    """A value that depends on the number of completed updates alone.

    A schedule is immutable and knows no current step: ``schedule(n)`` is its value for the
    update after `n` completed ones. Equal schedules compute the same value in the same way.
    Schedules are made by the functions of `swiftopt.schedules`, and joined by `then`, ``+``
    and ``*``.

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
    # An array times a schedule is an error instead of an array of schedules.
    __array_ufunc__: ClassVar[None] = None

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
        is_allowed = (steps >= 0) & (steps < _infinity)
        if not is_allowed.all():
            raise ValueError(f"step is {given[~is_allowed][0]}; it must be finite and >= 0")
        values = np.empty(steps.shape)
        _core.schedule_values(self._program, steps, values)
        return values if isinstance(step, np.ndarray) or given.ndim else float(values)

    def then(self, other: Schedule | float, *, at: float) -> Schedule:
        """Return a schedule that follows this one before step `at` and `other` from there on.

        Parameters
        ----------
        other : Schedule or float
            It begins anew: at step n it gives its value for n - `at`.
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
        return then(self, _as_schedule("other", other), at)

    def __add__(self, other: Schedule | float) -> Schedule:
        return add(self, other) if _is_operand(other) else NotImplemented

    def __radd__(self, other: float) -> Schedule:
        return add(other, self) if _is_operand(other) else NotImplemented

    def __mul__(self, other: Schedule | float) -> Schedule:
        return multiply(self, other) if _is_operand(other) else NotImplemented

    def __rmul__(self, other: float) -> Schedule:
        return multiply(other, self) if _is_operand(other) else NotImplemented

    def __eq__(self, other: object) -> bool:
        return self._program == other._program if isinstance(other, Schedule) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._program)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a schedule can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a schedule can't be changed")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_from_data, (self._data(),))

    def __repr__(self) -> str:
        arguments = self._arguments
        if self._name == "then":
            first = _in_parentheses(arguments["first"])
            return f"{first}.then({arguments['second']!r}, at={arguments['at']!r})"
        if self._name in _SIGNS:
            left, right = map(_in_parentheses, arguments.values())
            return f"{left} {_SIGNS[self._name]} {right}"
        return f"{self._name}({', '.join(self._arguments_as_typed())})"

    def _arguments_as_typed(self) -> list[str]:
        """Return the arguments of the call, without those that are the default."""
        import inspect  # imports in methods keep `import swiftopt` short

        typed = []
        for name, parameter in inspect.signature(_constructors[self._name]).parameters.items():
            value = self._arguments.get(name)
            if value is None or value == parameter.default:
                continue
            text = repr(list(value) if isinstance(value, tuple) else value)
            has_keyword = (
                parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty
            )
            typed.append(f"{name}={text}" if has_keyword else text)
        return typed

    def _data(self) -> dict[str, Any]:
        arguments = {
            name: value._data() if isinstance(value, Schedule) else value
            for name, value in self._arguments.items()
        }
        return {"schedule": self._name, **arguments}

    def to_json(self) -> str:
        """Return the schedule as JSON: the constructor's name and its arguments.

        Examples
        --------
        >>> import swiftopt as so
        >>> so.linear(0.1, total=100).to_json()
        '{"schedule": "linear", "initial": 0.1, "final": 0.0, "total": 100}'
        """
        import json

        return json.dumps(self._data())

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
            return _from_data(json.loads(text))
        except RecursionError:
            raise ValueError("the JSON is nested too deeply to be a schedule") from None


def _from_data(data: Any) -> Schedule:
    if not isinstance(data, dict) or "schedule" not in data:
        kind = f"an object with {list(data)}" if isinstance(data, dict) else type(data).__name__
        raise ValueError(f'expected an object with the key "schedule", got {kind}')
    name = data["schedule"]
    if not isinstance(name, str) or name not in _constructors:
        raise ValueError(f"there is no schedule {name!r}; there are {', '.join(_constructors)}")
    arguments = {
        key: _from_data(value) if isinstance(value, dict) else value
        for key, value in data.items()
        if key != "schedule"
    }
    try:
        return _constructors[name](**arguments)
    except TypeError as error:
        raise ValueError(f"schedule {name!r}: {error}") from error


def _is_operand(value: object) -> bool:
    return isinstance(value, Schedule | int | float | np.integer | np.floating)


def _as_schedule(name: str, value: Schedule | float) -> Schedule:
    if isinstance(value, Schedule):
        return value
    if not _is_operand(value):
        raise TypeError(f"{name} is {value!r}; it must be a schedule or a number")
    return _constructors["constant"](value)


def _in_parentheses(schedule: Schedule) -> str:
    return f"({schedule!r})" if schedule._name in _SIGNS else repr(schedule)


# The joints are constructors too: their names and arguments are those of the JSON.


@constructor
def then(first: Schedule | float, second: Schedule | float, at: float) -> Schedule:
    """Return `first` before step `at`, and `second` counted from there on."""
    at = number("at", at, 0)
    return _joined("then", {"first": first, "second": second}, pack(_THEN, at), at=at)


@constructor
def add(left: Schedule | float, right: Schedule | float) -> Schedule:
    """Return the sum of two schedules."""
    return _joined("add", {"left": left, "right": right}, pack(_ADD))


@constructor
def multiply(left: Schedule | float, right: Schedule | float) -> Schedule:
    """Return the product of two schedules."""
    return _joined("multiply", {"left": left, "right": right}, pack(_MULTIPLY))


def _joined(
    name: str, parts: dict[str, Schedule | float], operator: bytes, **others: float
) -> Schedule:
    schedules = {key: _as_schedule(key, part) for key, part in parts.items()}
    program = operator + b"".join(part._program for part in schedules.values())
    return Schedule(name, {**schedules, **others}, program)
