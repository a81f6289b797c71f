"""The native optimizers as the library describes them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt.schedules import Schedule

# Every group's numbers begin with these, in this order; then come the rule's own.
COMMON_NAMES = ("lr", "weight_decay", "clip_value", "clip_tensor_norm", "maximize")


class Settings:
    """The hyper-parameters of one group, in the order of the rule's `value_names`.

    `values` are numbers, those at step 0 where there is a schedule; `schedules` are pairs
    of position and schedule.
    """

    __slots__ = ("schedules", "values")

    def __init__(self, entries: list[float | Schedule]) -> None:
        self.schedules = [
            (position, entry)
            for position, entry in enumerate(entries)
            if isinstance(entry, Schedule)
        ]
        self.values = [entry(0) if isinstance(entry, Schedule) else entry for entry in entries]

    def at(self, step: int) -> list[float]:
        """Return the numbers for the update after `step` completed ones."""
        if not self.schedules:
            return self.values
        values = self.values.copy()
        for position, schedule in self.schedules:
            values[position] = schedule(step)
        return values

    def first(self, hyperparameter: int) -> float:
        """Return the value at step 0 of a hyper-parameter of the rule."""
        return self.values[len(COMMON_NAMES) + hyperparameter]

    def uses(self, hyperparameter: int) -> bool:
        """Whether a hyper-parameter is or may become other than 0; -1 stands for "always"."""
        position = len(COMMON_NAMES) + hyperparameter
        return (
            hyperparameter < 0
            or self.values[position] != 0
            or any(position == scheduled for scheduled, _ in self.schedules)
        )


class Rule:
    """One native optimizer: its hyper-parameters, slots and scalars."""

    def __init__(self, name: str) -> None:
        description = next(d for d in _core.optimizer_descriptions() if d["name"] == name)
        self.name = name
        self.hyperparameter_names = tuple(entry[0] for entry in description["hyperparameters"])
        self.flags = frozenset(entry[0] for entry in description["hyperparameters"] if entry[5]) | {
            "maximize"
        }
        self.value_names = COMMON_NAMES + self.hyperparameter_names
        self.slot_names = tuple(entry[0] for entry in description["slots"])
        self._slots = description["slots"]
        self.scalar_names = tuple(entry[0] for entry in description["scalars"])
        self.scalar_values = tuple(entry[1] for entry in description["scalars"])
        # A plan without tensors has nothing to do but to check hyper-parameters.
        self._checker = _core.Plan(name, (), [], [], np.zeros((0, len(self.scalar_names))), [], 1)

    def check(self, values: list[float]) -> None:
        """Raise ValueError if a hyper-parameter is out of its bounds."""
        try:
            self._checker.set_group(0, values)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("groups[0].")) from None

    def new_slots(
        self, array: Array, settings: Settings, existing: Mapping[str, Array] | None = None
    ) -> dict[str, Array]:
        """Return new arrays for the slots that a group asks for and `existing` lacks."""
        slots: dict[str, Array] = {}
        for name, required_by, initial_value in self._slots:
            if not settings.uses(required_by) or (existing is not None and name in existing):
                continue
            start = 0.0 if initial_value < 0 else settings.first(initial_value)
            slots[name] = np.full(array.shape, start, array.dtype)
        return slots

    def __reduce__(self) -> tuple[type[Rule], tuple[str]]:
        return (Rule, (self.name,))
