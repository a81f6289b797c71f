"""A set of parameters with its state, bound to a native plan."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array, as_parameter
from swiftopt._rules import Rule, Settings

Slots = dict[str, Array]

# clip_norm, skip_nonfinite, report_norm
Options = tuple[float, bool, bool]


class Binding:
    """Parameters, their state arrays, and the plan that holds the memory of both.

    Parameters
    ----------
    rule : Rule
        What slots and scalars a parameter has.
    names : tuple of str
        One per parameter.
    params : list
        The arrays (or tensors) as the caller gave them.
    groups : list of int
        The group of each parameter.
    settings : list of Settings
        The hyper-parameters of each group: they decide which slots exist.

    Attributes
    ----------
    revision : int
        The optimizer's revision that the plan's settings are from; -1 for a new plan.
    bound : list or None
        The gradients whose memory the plan holds.
    """

    def __init__(
        self,
        rule: Rule,
        names: tuple[str, ...],
        params: list[Any],
        groups: list[int],
        settings: list[Settings],
    ) -> None:
        arrays = _arrays_of(names, params)
        self.rule = rule
        self.names = names
        self.params = params
        self.groups = groups
        self.slots: list[Slots] = [
            rule.new_slots(array, settings[group])
            for array, group in zip(arrays, groups, strict=True)
        ]
        self.scalars = np.tile(np.array(rule.scalar_values), (len(params), 1))
        self._forms = [(array.shape, array.dtype) for array in arrays]
        self._group_count = len(settings)
        self.revision = -1
        self.bound: list[Any] | None = None
        self.plan = self._new_plan(arrays)

    def _new_plan(self, arrays: list[Array]) -> _core.Plan:
        slots = [tuple(slots.get(name) for name in self.rule.slot_names) for slots in self.slots]
        return _core.Plan(
            self.rule.name, self.names, arrays, slots, self.scalars, self.groups, self._group_count
        )

    def rebound(self, params: list[Any]) -> Binding:
        """Return a binding of other arrays of the same shapes and dtypes to this state."""
        arrays = _arrays_of(self.names, params)
        for name, array, (shape, dtype) in zip(self.names, arrays, self._forms, strict=True):
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(
                    f"parameter {name!r} has shape {array.shape} and dtype {array.dtype}; "
                    f"the array that it replaces has shape {shape} and dtype {dtype}"
                )
        other = object.__new__(Binding)
        other.__dict__.update(self.__dict__)
        other.params = params
        other._replace_plan(arrays)
        return other

    def add_missing_slots(self, settings: list[Settings]) -> bool:
        """Give parameters the slots that changed hyper-parameters need; True if any."""
        arrays = _arrays_of(self.names, self.params)
        is_changed = False
        for array, slots, group in zip(arrays, self.slots, self.groups, strict=True):
            for name, slot in self.rule.new_slots(array, settings[group], slots).items():
                slots[name] = slot
                is_changed = True
        if is_changed:
            self._replace_plan(arrays).release()
        return is_changed

    def _replace_plan(self, arrays: list[Array]) -> _core.Plan:
        """Make a new plan and return the old one, which still holds the old arrays."""
        old, plan = self.plan, self._new_plan(arrays)
        plan.step_count = old.step_count
        if self.bound is not None:
            plan.bind(self.bound)
        self.plan, self.revision = plan, -1
        return old

    def bind(self, grads: list[Any] | None) -> None:
        """Hold the gradients' memory until other ones are bound."""
        self.plan.bind(grads)
        self.bound = grads

    def configure(self, revision: int, values: list[list[float]], options: Options) -> None:
        """Hand the settings of the next step to the plan."""
        for index, group_values in enumerate(values):
            self.plan.set_group(index, group_values)
        self.plan.set_options(*options)
        self.revision = revision

    def state(self) -> dict[str, Slots]:
        """Return every parameter's slots and scalars: the arrays themselves, not copies."""
        return {
            name: {
                **{
                    scalar: self.scalars[index, column : column + 1].reshape(())
                    for column, scalar in enumerate(self.rule.scalar_names)
                },
                **self.slots[index],
            }
            for index, name in enumerate(self.names)
        }

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["plan"]
        return {**state, "bound": None, "revision": -1, "step_count": self.plan.step_count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        step_count = state.pop("step_count")
        self.__dict__.update(state)
        self.plan = self._new_plan(_arrays_of(self.names, self.params))
        self.plan.step_count = step_count


def _arrays_of(names: tuple[str, ...], params: list[Any]) -> list[Array]:
    return [
        as_parameter(param, f"parameter {name!r}")
        for name, param in zip(names, params, strict=True)
    ]
