"""Schedules as Python text and as JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swiftopt._schedule_registry import constructors

if TYPE_CHECKING:
    from swiftopt._schedule import Schedule

_SIGNS = {"add": "+", "multiply": "*"}
#: Joints that are methods of their first argument.
_METHODS = {"then": "then", "repeat": "repeat", "clamp": "clamp", "warmed_up": "warmup"}


def as_text(schedule: Schedule) -> str:
    """Return the call that makes a schedule, without arguments that are the default."""
    name, arguments = schedule._name, schedule._arguments
    if name in _SIGNS:
        left, right = map(_in_parentheses, arguments.values())
        return f"{left} {_SIGNS[name]} {right}"
    if name in _METHODS:
        (_, receiver), *others = arguments.items()
        typed = _arguments_as_typed(name, dict(others))
        return f"{_in_parentheses(receiver)}.{_METHODS[name]}({', '.join(typed)})"
    return f"{name}({', '.join(_arguments_as_typed(name, arguments))})"


def _in_parentheses(schedule: Schedule) -> str:
    return f"({schedule!r})" if schedule._name in _SIGNS else repr(schedule)


def _arguments_as_typed(name: str, arguments: dict[str, Any]) -> list[str]:
    import inspect  # imports in functions keep `import swiftopt` short

    typed = []
    for key, parameter in inspect.signature(constructors[name]).parameters.items():
        value = arguments.get(key)
        if value is None or value == parameter.default:
            continue
        text = repr(list(value) if isinstance(value, tuple) else value)
        has_keyword = (
            parameter.kind is parameter.KEYWORD_ONLY or parameter.default is not parameter.empty
        )
        typed.append(f"{key}={text}" if has_keyword else text)
    return typed


def as_data(schedule: Schedule) -> dict[str, Any]:
    """Return what `to_json` writes."""
    arguments = {
        name: as_data(value) if hasattr(value, "_program") else value
        for name, value in schedule._arguments.items()
    }
    return {"schedule": schedule._name, **arguments}


def from_data(data: Any) -> Schedule:
    """Return the schedule that `as_data` wrote."""
    if not isinstance(data, dict) or "schedule" not in data:
        kind = f"an object with {list(data)}" if isinstance(data, dict) else type(data).__name__
        raise ValueError(f'expected an object with the key "schedule", got {kind}')
    name = data["schedule"]
    if not isinstance(name, str) or name not in constructors:
        raise ValueError(f"there is no schedule {name!r}; there are {', '.join(constructors)}")
    arguments = {
        key: from_data(value) if isinstance(value, dict) else value
        for key, value in data.items()
        if key != "schedule"
    }
    try:
        return constructors[name](**arguments)
    except TypeError as error:
        raise ValueError(f"schedule {name!r}: {error}") from error
