"""State machines: native transitions of numbers that the Python object holds."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from swiftopt import _core
from swiftopt._dtypes import decoded, kind_of
from swiftopt._groups import as_number

# Machines, the number of their numbers, and events, as in swiftopt.h.
REDUCE_ON_PLATEAU, EARLY_STOPPING, LOSS_SCALER = range(3)
_NUMBERS = struct.Struct("=8d")
IMPROVED, NONFINITE, REDUCED, STOP = 1, 2, 4, 8


class StateMachine:
    """Numbers that change by a native transition at each observation.

    Settings and state are the arrays of doubles that swiftopt.h describes. The state changes
    in place and at once, so that an interrupt finds it as it was before or after.
    """

    __slots__ = ("_arguments", "_numbers", "_settings")

    _machine: ClassVar[int]
    # The state's names, in the order of swiftopt.h.
    _names: ClassVar[tuple[str, ...]]
    # Those that aren't counts.
    _reals: ClassVar[tuple[str, ...]]

    def _begin(self, arguments: Mapping[str, Any], *settings: float) -> None:
        self._arguments = dict(arguments)
        self._settings = _pack(settings)
        try:
            self._numbers = _core.control_begin(self._machine, self._settings)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("settings.")) from None

    def _number(self, name: str) -> float:
        return float(_NUMBERS.unpack(self._numbers)[self._names.index(name)])

    def _count(self, name: str) -> int:
        return int(self._number(name))

    def _observe(self, observation: float, numbers: bytearray | None = None) -> int:
        """Move the state, or these numbers of one, and return what happened."""
        if numbers is None:
            numbers = self._numbers
        return _core.control_observe(self._machine, self._settings, numbers, observation)

    @property
    def state(self) -> dict[str, Any]:
        """The state as a new dict of numbers, None where there is none yet."""
        return {name: self._entry(name) for name in self._names}

    def _entry(self, name: str) -> float | None:
        number = self._number(name)
        if name not in self._reals:
            return int(number)
        return None if math.isnan(number) else number

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` gave.

        Raises
        ------
        TypeError, ValueError
            If it isn't a state of such an object; nothing was changed then.
        """
        self._numbers[:] = self._checked(state, self._names)

    def _checked(self, state: Mapping[str, Any], names: tuple[str, ...]) -> bytearray:
        """Return the state's numbers; it must have exactly the entries `names`."""
        if not isinstance(state, Mapping):
            raise TypeError(f"state is a {type(state).__name__}; it must be a dict")
        for name in names:
            if name not in state:
                raise ValueError(f"state: {name!r} is missing")
        for name in state:
            if name not in names:
                raise ValueError(f"state: {name!r} is unknown to a {type(self).__name__}")
        numbers = bytearray(_pack([self._loaded(name, state[name]) for name in self._names]))
        try:
            _core.control_check(self._machine, self._settings, numbers)
        except ValueError as error:
            raise ValueError(f"state: {str(error).removeprefix('state.')}") from None
        return numbers

    def _loaded(self, name: str, value: Any) -> float:
        if value is None and name == "best":
            return math.nan
        number = as_number(f"state[{name!r}]", value)
        if math.isnan(number):
            raise ValueError(f"state[{name!r}] is nan; it must be a number")
        return number

    def __copy__(self) -> None:
        raise TypeError(f"two {type(self).__name__}s can't share one state; use copy.deepcopy")

    def __repr__(self) -> str:
        import inspect  # imports in methods keep `import swiftopt` short

        parameters = inspect.signature(type(self)).parameters
        typed = [
            f"{name}={value!r}"
            for name, value in self._arguments.items()
            if value != parameters[name].default
        ]
        return f"{type(self).__name__}({', '.join(typed)})"


def _pack(numbers: Any) -> bytes:
    return _NUMBERS.pack(*numbers, *(0.0 for _ in range(8 - len(numbers))))


def as_choice(name: str, value: Any, first: str, second: str) -> float:
    """Return 0 for the first of two words and 1 for the second."""
    if not isinstance(value, str) or value not in (first, second):
        raise ValueError(f"{name} is {value!r}; it must be {first!r} or {second!r}")
    return float(value == second)


def as_metric(value: Any, machine: StateMachine) -> float:
    """Return a metric as a float, and warn if it isn't finite."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        array = np.asanyarray(value)
        value = decoded(array) if kind_of(array) == "bfloat16" else value
    metric = as_number("metric", value)
    if not math.isfinite(metric):
        warnings.warn(
            f"{type(machine).__name__}: the metric of observation "
            f"{machine._count('observations')} is {metric}, which counts as no improvement",
            RuntimeWarning,
            stacklevel=3,
        )
    return metric
