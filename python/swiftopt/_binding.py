"""A set of parameters with its state, bound to a native plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt._dtypes import decoded, write
from swiftopt._forms import Form, Layout, arrays_of, check_form, key_of
from swiftopt._rules import Rule, Settings, Slot
from swiftopt._slots import (
    ACCUMULATOR,
    COMPENSATION,
    EMA,
    MASTER,
    SCALE,
    Slots,
    new_slots,
    restart_mean,
)
from swiftopt._window import Window

# clip_norm, skip_nonfinite, report_norm, report_update_norm
StepOptions = tuple[float, bool, bool, bool]


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
    layout : Layout
        What else decides that.
    published : dict
        The arrays that get copies of parameters, by name.
    predecessor : Binding, optional
        Its parameters that are here too keep their state.

    Attributes
    ----------
    revision : int
        The optimizer's revision that the plan's settings are from; -1 for a new plan.
    bound : list or None
        The gradients whose memory the plan holds.
    received : dict
        The gradients that were handed over one by one for the next step, by index.
    window : Window or None
        The micro-batches accumulated so far.
    """

    def __init__(
        self,
        rule: Rule,
        names: tuple[str, ...],
        params: list[Any],
        groups: list[int],
        settings: list[Settings],
        layout: Layout,
        published: dict[str, Array] | None = None,
        predecessor: Binding | None = None,
    ) -> None:
        arrays = arrays_of(names, params)
        self.rule = rule
        self.names = names
        self.params = params
        self.groups = groups
        self.layout = layout
        self.published = published or {}
        self.forms = [Form.of(name, array) for name, array in zip(names, arrays, strict=True)]
        self.index = {name: position for position, name in enumerate(names)}
        self.scalars = np.tile(np.array(rule.scalar_values), (len(params), 1))
        self.window = Window(len(params)) if layout.accumulates else None
        self.slots: list[Slots] = [{} for _ in params]
        self._look_at(settings)
        if predecessor is not None:
            self._inherit(predecessor)
        self._add_slots(arrays, settings)
        self.revision = -1
        self.bound: list[Any] | None = None
        self.received: dict[int, Any] = {}
        self.plan = self._new_plan(arrays)
        if predecessor is not None:
            self.plan.step_count = predecessor.plan.step_count
        self._publish(arrays)

    def _look_at(self, settings: list[Settings]) -> None:
        self._has_ema = [group.has_ema for group in settings]
        self._is_stochastic = [group.low_precision == "stochastic" for group in settings]

    def _inherit(self, other: Binding) -> None:
        for index, name in enumerate(self.names):
            old = other.index.get(name)
            if old is None:
                continue
            check_form(name, self.forms[index], other.forms[old])
            self.slots[index] = dict(other.slots[old])
            if not other.has_mean(old):  # one that was switched off is of the past
                self.slots[index].pop(EMA, None)
            self.scalars[index] = other.scalars[old]
            if self.window is not None and other.window is not None:
                self.window.inherit(index, other.window, old)
        if self.window is not None and other.window is not None:
            self.window.continue_from(other.window)

    def _add_slots(self, arrays: list[Array], settings: list[Settings]) -> bool:
        """Give parameters the slots that they lack; True if any."""
        is_changed = False
        for index, array in enumerate(arrays):
            group = settings[self.groups[index]]
            new = self.new_slots(array, index, group, self.slots[index], ())
            self.slots[index].update(new)
            is_changed = is_changed or bool(new)
        return is_changed

    def new_slots(
        self, array: Array, index: int, settings: Settings, known: Slots, wanted: Collection[str]
    ) -> Slots:
        """Return new arrays for what a parameter's group asks for, or that is `wanted`."""
        accumulates = self.layout.accumulates
        return new_slots(
            self.rule, array, self.forms[index], settings, known, wanted, accumulates=accumulates
        )

    # ------------------------------------------------------------------- plan

    def _new_plan(self, arrays: list[Array]) -> _core.Plan:
        tensors = [self._tensor(index, array) for index, array in enumerate(arrays)]
        plan = _core.Plan(
            self.rule.name,
            self.names,
            tensors,
            self.scalars,
            len(self._has_ema),
            self.layout.seed,
        )
        if self.window is not None:
            plan.accumulated = self.window.accumulated
        return plan

    def _tensor(self, index: int, array: Array) -> Any:
        name, slots, form, group = (
            self.names[index],
            self.slots[index],
            self.forms[index],
            self.groups[index],
        )
        return (
            array,
            tuple(_native_slot(slots, slot) for slot in self.rule.slots),
            group,
            slots.get(MASTER),
            slots.get(COMPENSATION),
            slots.get(EMA) if self._has_ema[group] else None,
            self.published.get(name),
            slots.get(ACCUMULATOR),
            form.is_low_precision and self._is_stochastic[group],
            (*self.rule.matrix_form(form.shape), form.units),
            key_of(name),
        )

    def _publish(self, arrays: list[Array]) -> None:
        for index, name in enumerate(self.names):
            if name in self.published:
                source = self.slots[index].get(MASTER, arrays[index])
                write(self.published[name], decoded(source))

    def rebound(self, params: list[Any]) -> Binding:
        """Return a binding of other arrays of the same shapes and dtypes to this state."""
        arrays = arrays_of(self.names, params)
        for name, array, form in zip(self.names, arrays, self.forms, strict=True):
            check_form(name, Form.of(name, array), form)
        other = self._twin()
        other.params = params
        # Slots that it adds are its own: a refused step leaves this binding in use.
        other.slots = [dict(slots) for slots in self.slots]
        other._replace_plan(arrays)
        return other

    def publishing(self, published: dict[str, Array]) -> Binding:
        """Return this binding with other published copies."""
        arrays = arrays_of(self.names, self.params)
        other = self._twin()
        other.published = published
        other._replace_plan(arrays)
        other._publish(arrays)
        return other

    def has_mean(self, index: int) -> bool:
        """Whether a parameter has a running mean that is up to date."""
        return EMA in self.slots[index] and self._has_ema[self.groups[index]]

    def follow(self, settings: list[Settings]) -> bool:
        """Do what changed hyper-parameters need; True if there are new slots."""
        arrays = arrays_of(self.names, self.params)
        old_has_ema = self._has_ema
        self._look_at(settings)
        for index, group in enumerate(self.groups):
            if self._has_ema[group] and not old_has_ema[group]:
                restart_mean(self.slots[index], arrays[index])
        is_changed = self._add_slots(arrays, settings)
        if is_changed or self._has_ema != old_has_ema:
            self._replace_plan(arrays).release()
        return is_changed

    def fitting(self, wanted: Mapping[str, Collection[str]], settings: list[Settings]) -> Binding:
        """Return a binding that a state can be loaded into; this one if it can be.

        It has the slots that the settings ask for, and of others those that are `wanted`: the
        state's slots by parameter. A state keeps what was for an option that was switched off
        since, so that it can be switched on again.
        """
        slots = list(self.slots)
        arrays = arrays_of(self.names, self.params)
        for name, names in wanted.items():
            index = self.index[name]
            kept = {slot: array for slot, array in slots[index].items() if slot in names}
            group = settings[self.groups[index]]
            slots[index] = {**kept, **self.new_slots(arrays[index], index, group, kept, names)}
        same_slots = [new.keys() for new in slots] == [old.keys() for old in self.slots]
        # A binding that learned of a mean in its next step only would begin it anew.
        if same_slots and self._has_ema == [group.has_ema for group in settings]:
            return self
        other = self._twin()
        other.slots = slots
        other._look_at(settings)
        other._replace_plan(arrays)
        return other

    def restart(self, step_count: int | None = None) -> None:
        """Go on from the state arrays. Parameters may lag behind the step count."""
        if self.window is not None:
            self.plan.accumulated = self.window.accumulated
        own_count = int(max(self.scalars[:, 0], default=0))
        self.plan.step_count = own_count if step_count is None else step_count
        if self.published:
            self._publish(arrays_of(self.names, self.params))

    def _replace_plan(self, arrays: list[Array]) -> _core.Plan:
        """Make a new plan and return the old one, which still holds the old arrays."""
        old, plan = self.plan, self._new_plan(arrays)
        plan.step_count = old.step_count
        if self.bound is not None:
            plan.bind(self.bound)
        for index, grad in self.received.items():
            plan.receive(index, grad)
        self.plan, self.revision = plan, -1
        return old

    def bind(self, grads: list[Any] | None) -> None:
        """Hold the gradients' memory until other ones are bound."""
        self.plan.bind(grads)
        self.bound = grads

    def configure(self, revision: int, values: list[list[float]], options: StepOptions) -> None:
        """Hand the settings of the next step to the plan."""
        for index, group_values in enumerate(values):
            self.plan.set_group(index, group_values)
        self.plan.set_options(*options)
        self.revision = revision

    # ------------------------------------------------------------------ state

    def state(self) -> dict[str, Slots]:
        """Return every parameter's slots and scalars: the arrays themselves, not copies."""
        return {
            name: {
                **{
                    scalar: self.scalars[index, column : column + 1].reshape(())
                    for column, scalar in enumerate(self.rule.scalar_names)
                },
                **self.slots[index],
                **(self.window.state(index) if self.window is not None else {}),
            }
            for index, name in enumerate(self.names)
        }

    def _twin(self) -> Binding:
        other = object.__new__(Binding)
        other.__dict__.update(self.__dict__)
        return other

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["plan"]
        return {
            **state,
            "bound": None,
            "received": {},
            "revision": -1,
            "step_count": self.plan.step_count,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        step_count = state.pop("step_count")
        self.__dict__.update(state)
        self.plan = self._new_plan(arrays_of(self.names, self.params))
        self.plan.step_count = step_count


def _native_slot(slots: Slots, slot: Slot) -> Any:
    array, scales = slots.get(slot.name), slots.get(slot.name + SCALE)
    return array if scales is None else (array, scales)
