"""Values that are written as Python writes them, evaluated without running Python.

``warmup_cosine(0.1, warmup=100, total=1000)``, ``Conv2d(1, 16, 3, padding=1)``: calls of known
functions with numbers, texts, lists and other such calls as arguments, arithmetic of numbers and
schedules, and the schedules' methods. Nothing else is accepted.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from swiftopt._cli._errors import suggestion
from swiftopt._schedule import Schedule
from swiftopt._varying import Varying

_LONGEST = 20_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
_METHODS = ("then", "warmup", "repeat", "clamp")


class ExpressionError(ValueError):
    """A text that is no such expression, or arguments that a function refuses."""


def evaluate(
    text: str, functions: Mapping[str, Callable[..., Any]], values: Mapping[str, float]
) -> Any:
    """Return the value of an expression.

    Parameters
    ----------
    text : str
    functions, values : dict
        What names in it mean.

    Raises
    ------
    ExpressionError
        With what is wrong, and a name that resembles an unknown one.

    Examples
    --------
    >>> import swiftopt as so
    >>> evaluate("linear(0.1, total=2 * steps)", {"linear": so.linear}, {"steps": 50})
    linear(0.1, total=100)
    """
    if len(text) > _LONGEST:
        raise ExpressionError(f"is longer than {_LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _Evaluator(functions, values).value(tree.body)
    except SyntaxError as error:
        raise ExpressionError(f"{_shown(text)}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise ExpressionError(f"{_shown(text)} is too large, or nested too deeply") from error
    except ExpressionError:
        raise
    except ValueError as error:  # null characters
        raise ExpressionError(f"{_shown(text)}: {error}") from error


class _Evaluator:
    def __init__(
        self, functions: Mapping[str, Callable[..., Any]], values: Mapping[str, float]
    ) -> None:
        self._functions, self._values = functions, values

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as value):
                return value
            case ast.Name(id=name):
                return self._named(name)
            case ast.List(elts=elements):
                return [self.value(element) for element in elements]
            case ast.Tuple(elts=elements):
                return tuple(self.value(element) for element in elements)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _computed("-", operator.neg, self._number(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                operands = self._operand(left), self._operand(right)
                return _computed("arithmetic", _OPERATORS[type(op)], *operands)
            case ast.Call(func=function, args=args, keywords=keywords):
                return self._call(function, args, keywords)
        raise ExpressionError(f"{_shown(ast.unparse(node))} can't be used here")

    def _named(self, name: str) -> float:
        if name in self._values:
            return self._values[name]
        if name in self._functions:
            raise ExpressionError(f"{name} needs its arguments: {name}(...)")
        raise self._unknown(name)

    def _unknown(self, name: str) -> ExpressionError:
        known = [*self._functions, *self._values]
        hint = suggestion(name, known) or f"; there are {', '.join(known)}"
        return ExpressionError(f"there is no {name!r}{hint}")

    def _number(self, node: ast.expr) -> Any:
        value = self.value(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"{_shown(ast.unparse(node))} is not a number")
        return value

    def _operand(self, node: ast.expr) -> Any:
        value = self.value(node)
        return value if isinstance(value, Varying) else self._number(node)

    def _call(self, function: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]) -> Any:
        called: Callable[..., Any]
        match function:
            case ast.Name(id=name):
                if name not in self._functions:
                    raise self._unknown(name)
                called = self._functions[name]
            case ast.Attribute(value=receiver, attr=name):
                schedule = self.value(receiver)
                if not isinstance(schedule, Schedule):
                    raise ExpressionError(f"{_shown(ast.unparse(receiver))} is not a schedule")
                if name not in _METHODS:
                    hint = suggestion(name, _METHODS) or f"; there are {', '.join(_METHODS)}"
                    raise ExpressionError(f"schedules have no method {name!r}{hint}")
                called = getattr(schedule, name)
            case _:
                raise ExpressionError(f"{_shown(ast.unparse(function))} can't be called")
        named = {keyword.arg: self.value(keyword.value) for keyword in keywords if keyword.arg}
        if len(named) < len(keywords):
            raise ExpressionError(f"{name}: ** can't be used here")
        return _computed(name, called, *map(self.value, args), **named)


def _computed(name: str, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Call a function, and say of which one a refusal is."""
    try:
        return function(*args, **named)
    except (TypeError, ValueError, ArithmeticError, MemoryError) as error:
        words = str(error).replace(f"{name}.__init__()", f"{name}()") or type(error).__name__
        if not words.startswith(name):
            words = f"{name}: {words}"
        raise ExpressionError(words) from error


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "...")
