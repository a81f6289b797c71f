"""Parameter groups: dicts of hyper-parameters that notice when they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from swiftopt._options import FIXED
from swiftopt._rules import DECAYS, Rule, Settings
from swiftopt._state_dtypes import state_dtypes
from swiftopt._varying import Varying

# Turns a group's entries into a rule's hyper-parameters by name; raises for entries that
# contradict each other.
Translate = Callable[[Mapping[str, Any]], dict[str, Any]]


class Revision:
    """Counts the changes to an optimizer's settings."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class ParameterGroup(dict[str, Any]):
    """The hyper-parameters of some parameters, by the names of the optimizer's arguments.

    As in torch, ``group["lr"] = 0.01`` holds from the next step on. A value that is not
    allowed raises at once and the old one stays. ``group["params"]`` is the tuple of arrays;
    it can't be replaced here (`Optimizer.rebind` does that).
    """

    __slots__ = ("_revision", "_rule", "_translate", "settings")

    def __init__(
        self,
        rule: Rule,
        translate: Translate,
        revision: Revision,
        params: Sequence[Any],
        entries: Mapping[str, Any],
    ) -> None:
        entries = {name: _frozen(value) for name, value in entries.items()}
        super().__init__(entries)
        self._rule = rule
        self._translate = translate
        self._revision = revision
        self.settings = self._checked(entries)
        self.replace_params(params)

    def replace_params(self, params: Sequence[Any]) -> None:
        """Show other arrays; what the optimizer updates is its own affair."""
        super().__setitem__("params", tuple(params))

    def _checked(self, entries: Mapping[str, Any]) -> Settings:
        values = self._translate(entries)
        rule = self._rule
        numbers = [
            _decay(rule, values["decay"])
            if name == "decay"
            else _number(name, values[name], name in rule.flags)
            for name in rule.value_names
        ]
        settings = Settings(
            numbers,
            has_ema=values["ema_decay"] is not None,
            low_precision=_low_precision(values["low_precision"]),
            state_dtypes=state_dtypes(rule, values["state_dtype"]),
        )
        rule.check(settings.values)
        return settings

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several hyper-parameters at once; on an error none of them changes."""
        changes = {name: _frozen(value) for name, value in dict(*args, **kwargs).items()}
        for name in changes:
            if name not in self or name == "params":
                known = ", ".join(sorted(key for key in self if key != "params"))
                raise KeyError(f"{name!r} can't be set; a group of this optimizer has {known}")
            if name in FIXED and not _is_same(changes[name], self[name]):
                raise ValueError(f"{name} can't change once the state exists; make a new optimizer")
        self.settings = self._checked({**self, **changes})
        super().update(changes)
        self._revision.number += 1

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a parameter group always has the same hyper-parameters")

    __delitem__ = clear = pop = popitem = setdefault = __ior__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        entries = {name: value for name, value in self.items() if name != "params"}
        arguments = (self._rule, self._translate, self._revision, self["params"], entries)
        return (ParameterGroup, arguments)


def _frozen(value: Any) -> Any:
    """Return a value that can't change behind the settings that were made of it."""
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(value, tuple):
        return tuple(map(_frozen, value))
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


# Without one of these there is no limit.
_LIMITS = ("clip_value", "clip_tensor_norm", "adaptive_clip")


def _number(name: str, value: Any, is_flag: bool) -> float | Varying:
    """Return a hyper-parameter as the native code takes it."""
    if is_flag:
        return float(as_flag(name, value))
    if isinstance(value, Varying):
        return value
    if value is None and name in _LIMITS:
        return float("inf")
    if value is None and name == "ema_decay":
        return 0.0
    return as_number(name, value, "a number or a schedule")


def _decay(rule: Rule, value: Any) -> float:
    """Return the number of a kind of weight decay; None stands for the rule's own default."""
    if value is None:
        value = rule.decay
    # "own" is a formula of the rule: no other can take its place, nor it that of another.
    allowed = ("own",) if rule.decay == "own" else DECAYS[:3]
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(
            f"decay is {value!r}; "
            + (
                f"weight decay is part of {rule.name}'s equations, so it must be None"
                if rule.decay == "own"
                else f"it must be one of {', '.join(map(repr, allowed))}, or None"
            )
        )
    return float(DECAYS.index(value))


def _low_precision(value: Any) -> str:
    if not isinstance(value, str) or value not in _LOW_PRECISION:
        raise ValueError(
            f"low_precision is {value!r}; it must be one of {', '.join(map(repr, _LOW_PRECISION))}"
        )
    return value


_LOW_PRECISION = ("master", "stochastic", "kahan", "nearest")


def _is_same(value: Any, other: Any) -> bool:
    return value is other or (type(value) is type(other) and bool(value == other))


def as_flag(name: str, value: Any) -> bool:
    """Return a Python or NumPy bool as a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}; it must be True or False")
    return bool(value)


def as_number(name: str, value: Any, must: str = "a number") -> float:
    """Return a Python or NumPy number as a float; `must` says what is allowed."""
    is_scalar_array = (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf"
    )
    if isinstance(value, bool) or not (isinstance(value, Real) or is_scalar_array):
        raise TypeError(f"{name} is {value!r}; it must be {must}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is {value!r}; it must be a float64 number") from None


def as_positive(name: str, value: Any) -> float:
    """Return a finite number above 0 as a float."""
    number = as_number(name, value)
    if not 0 < number < float("inf"):
        raise ValueError(f"{name} is {value!r}; it must be finite and > 0")
    return number
