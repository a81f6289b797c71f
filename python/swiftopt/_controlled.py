"""Expressions of schedules, numbers and state machines."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np

from swiftopt._schedule_arguments import number
from swiftopt._schedule_forms import constant
from swiftopt._varying import Varying, controls_of, is_number, refuse_change

# Beyond this an expression is a mistake in a loop, and would use up Python's stack.
_MAX_DEPTH = 64

Operand = Varying | float


class Controllable(Varying):
    """A varying value that follows state machines, with what joins it to other values."""

    __slots__ = ()

    def then(self, other: Operand, *, at: float) -> Controlled:
        """Return a value that follows this one before step `at` and `other` from there on.

        Parameters
        ----------
        other : Schedule, Controlled or float
            It begins anew: at step n it gives its value for n - `at`. State machines in it
            observe from the beginning, whichever part is in use.
        at : float
            Where `other` takes over, finite and >= 0.

        Raises
        ------
        TypeError, ValueError
            If `other` is nothing of these, or `at` is not such a number.

        Examples
        --------
        >>> import swiftopt as so
        >>> plateau = so.ReduceOnPlateau()
        >>> lr = (0.1 * plateau).then(so.linear(0.1, total=100), at=1000)
        >>> lr(0), lr(1050)
        (0.1, 0.05)
        """
        return Controlled("then", (self, _operand("other", other)), (number("at", at, 0),))

    def warmup(
        self,
        steps: float | None = None,
        *,
        fraction: float | None = None,
        total: float | None = None,
        start: float = 0.0,
        shape: str = "linear",
    ) -> Controlled:
        """Return this value behind a rise from `start` to its value at step 0.

        Arguments and errors are those of `Schedule.warmup`. The rise ends where the value is
        now: a reduction before its end lowers its top.

        Examples
        --------
        >>> import swiftopt as so
        >>> lr = (0.1 * so.ReduceOnPlateau()).warmup(500)
        >>> lr(0), lr(250), lr(500)
        (0.0, 0.05, 0.1)
        """
        rise = constant(1.0).warmup(steps, fraction=fraction, total=total, start=start, shape=shape)
        checked = rise._arguments
        return Controlled("warmup", (self,), (checked["steps"], checked["start"], checked["shape"]))

    def clamp(self, low: float | None = None, high: float | None = None) -> Controlled:
        """Return the value, but never less than `low` or more than `high`.

        Raises
        ------
        TypeError, ValueError
            If neither is given, one is not a finite number, or `low` is greater than `high`.

        Examples
        --------
        >>> import swiftopt as so
        >>> lr = (0.1 * so.ReduceOnPlateau(patience=0)).clamp(low=0.02)
        >>> lr.controls[0].observe(1.0), lr.controls[0].observe(1.0)
        (False, True)
        >>> lr(0)
        0.02
        """
        if low is None and high is None:
            raise TypeError("clamp() needs low, high or both")
        limits = (
            -math.inf if low is None else number("low", low),
            math.inf if high is None else number("high", high),
        )
        if limits[0] > limits[1]:
            raise ValueError(f"low is {low!r}; it must be at most high, {high!r}")
        return Controlled("clamp", (self,), limits)

    def __add__(self, other: Operand) -> Controlled:
        return Controlled("+", (self, other)) if _is_operand(other) else NotImplemented

    def __radd__(self, other: Operand) -> Controlled:
        return Controlled("+", (other, self)) if _is_operand(other) else NotImplemented

    def __mul__(self, other: Operand) -> Controlled:
        return Controlled("*", (self, other)) if _is_operand(other) else NotImplemented

    def __rmul__(self, other: Operand) -> Controlled:
        return Controlled("*", (other, self)) if _is_operand(other) else NotImplemented

    def _follow(self, first: Varying, at: float) -> Controlled:
        return Controlled("then", (first, self), (number("at", at, 0),))

    def to_json(self) -> NoReturn:
        """Raise TypeError: what a metric drives isn't a function of the step alone."""
        raise TypeError(
            "a value that follows a metric is no pure schedule and can't be JSON; it is saved "
            "with its optimizer, or by the state of its `controls`"
        )


class Controlled(Controllable):
    """An expression of schedules, numbers and state machines (`ReduceOnPlateau`).

    Made by ``*``, ``+``, `then`, `warmup` and `clamp`, and usable for any hyper-parameter of any
    optimizer, like a schedule. Unlike a schedule it isn't a function of the step alone:
    ``value(n)`` uses the state machines as they are now. So it takes one step at a time and
    can't be JSON. It is an immutable expression around machines that change; several
    expressions and optimizers may share one machine.

    Attributes
    ----------
    controls : tuple
        The state machines in it, in order of appearance, each once.

    Examples
    --------
    >>> import swiftopt as so
    >>> plateau = so.ReduceOnPlateau(factor=0.5, patience=0)
    >>> lr = so.warmup(0.1, warmup=500).then(0.1 * plateau, at=500)
    >>> lr
    warmup(0.1, warmup=500).then(0.1 * ReduceOnPlateau(factor=0.5, patience=0), at=500)
    >>> lr(250), lr(500)
    (0.05, 0.1)
    >>> plateau.observe(1.0), plateau.observe(1.0)
    (False, True)
    >>> lr(250), lr(500)
    (0.05, 0.05)
    """

    __slots__ = ("_controls", "_depth", "_evaluate", "_numbers", "_operands", "_operation")

    _controls: tuple[Any, ...]
    _depth: int
    _evaluate: Callable[[float], float]
    _numbers: tuple[Any, ...]
    _operands: tuple[Operand, ...]
    _operation: str

    def __init__(
        self, operation: str, operands: tuple[Operand, ...], numbers: tuple[Any, ...] = ()
    ) -> None:
        depth = 1 + max(getattr(operand, "_depth", 0) for operand in operands)
        if depth > _MAX_DEPTH:
            raise ValueError(f"the expression has more than {_MAX_DEPTH} levels")
        operands = tuple(_operand("an operand", operand) for operand in operands)
        for name, value in (
            ("_operation", operation),
            ("_operands", operands),
            ("_numbers", numbers),
            ("_depth", depth),
            ("_controls", controls_of(operands)),
            ("_evaluate", _evaluator(operation, operands, numbers)),
        ):
            object.__setattr__(self, name, value)

    def __call__(self, step: float | np.integer[Any] | np.floating[Any]) -> float:
        """Return the value for the update after `step` completed ones, as things are now.

        Raises
        ------
        TypeError
            If `step` is not one number.
        ValueError
            If it is negative, inf or nan.
        """
        if type(step) is not int:
            if not is_number(step):
                raise TypeError(
                    f"step is {step!r}; a value that follows a metric has no other steps than "
                    "the present one: it must be one number"
                )
            step = float(step)
        if not 0 <= step < math.inf:
            raise ValueError(f"step is {step}; it must be finite and >= 0")
        return self._evaluate(step)

    @property
    def controls(self) -> tuple[Any, ...]:
        """The state machines in it, in order of appearance, each once."""
        return self._controls

    __setattr__ = __delattr__ = refuse_change

    def __reduce__(self) -> tuple[Any, ...]:
        return (Controlled, (self._operation, self._operands, self._numbers))

    def __repr__(self) -> str:
        first = _in_parentheses(self._operands[0])
        if self._operation == "then":
            return f"{first}.then({self._operands[1]!r}, at={self._numbers[0]!r})"
        if self._operation == "clamp":
            limits = zip(("low", "high"), self._numbers, strict=True)
            given = ", ".join(
                f"{name}={limit!r}" for name, limit in limits if abs(limit) != math.inf
            )
            return f"{first}.clamp({given})"
        if self._operation == "warmup":
            steps, start, shape = self._numbers
            start_text = f", start={start!r}" if start else ""
            shape_text = f", shape={shape!r}" if shape != "linear" else ""
            return f"{first}.warmup({steps!r}{start_text}{shape_text})"
        return f"{first} {self._operation} {_in_parentheses(self._operands[1])}"


def _evaluator(
    operation: str, operands: tuple[Operand, ...], numbers: tuple[Any, ...]
) -> Callable[[float], float]:
    first = _function(operands[0])
    if operation == "clamp":
        low, high = numbers
        return lambda step: min(max(first(step), low), high)
    if operation == "warmup":
        steps, start, shape = numbers
        rise = lru_cache(1)(lambda peak: constant(peak).warmup(steps, start=start, shape=shape))
        return lambda step: rise(first(0))(step) if step < steps else first(step - steps)
    second = _function(operands[1])
    if operation == "then":
        (at,) = numbers
        return lambda step: first(step) if step < at else second(step - at)
    if operation == "+":
        return lambda step: first(step) + second(step)
    return lambda step: first(step) * second(step)


def _function(operand: Operand) -> Callable[[float], float]:
    if isinstance(operand, Varying):
        return operand
    return lambda step: operand


def _is_operand(value: object) -> bool:
    return isinstance(value, Varying) or is_number(value)


def _operand(name: str, value: Any) -> Operand:
    if isinstance(value, Varying):
        return value
    if not is_number(value):
        raise TypeError(
            f"{name} is {value!r}; it must be a schedule, a controlled value or a number"
        )
    return number(name, value)


def _in_parentheses(operand: Operand) -> str:
    # Schedules and expressions have their operator outermost where that is + or *.
    text = repr(operand)
    operation = getattr(operand, "_operation", None) or getattr(operand, "_name", None)
    return f"({text})" if operation in ("+", "*", "add", "multiply") else text
