"""From torch's state_dict to an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from swiftopt._groups import as_flag
from swiftopt._rules import Settings
from swiftopt._slots import SCALE, Slots
from swiftopt._torch.parsing import TorchGroup, parsed
from swiftopt._torch.state import given_steps, parameter_states
from swiftopt._torch.subject import Subject, lock_of


def load(optimizer: Any, state_dict: Any, step: int | None) -> None:
    """See `swiftopt.load_torch_state_dict`."""
    with lock_of(optimizer):
        subject = Subject.of(optimizer)
        groups, state = parsed(subject, state_dict)
        changes, settings = [], []
        for (own, _), torch_group in zip(subject.groups, groups, strict=True):
            change, checked = _new_entries(subject, own, torch_group)
            changes.append(change)
            settings.append(checked)
        steps = given_steps(subject, groups, state, step)
        parameters = parameter_states(subject, groups, settings, state, steps)
        # Everything was checked: from here on nothing is refused.
        for (group, _), change in zip(subject.groups, changes, strict=True):
            group.update(change)
        binding = subject.binding
        if binding.follow([group.settings for group in optimizer.param_groups]):
            optimizer._state = None
        for parameter in parameters:
            binding.scalars[parameter.position] = parameter.scalars
            _write(subject, binding.slots[parameter.position], parameter.slots)
        binding.restart()


def _write(subject: Subject, own: Slots, new: Slots) -> None:
    """Copy the new arrays, and empty those that were for hyper-parameters before."""
    for slot in subject.rule.slots:
        for name in (slot.name, slot.name + SCALE):
            if name in own and name not in new:
                own[name].fill(0)
    for name, array in new.items():
        bits = own[name].view(np.uint16) if own[name].itemsize == 2 else own[name]
        bits[...] = array.view(bits.dtype)


def _new_entries(subject: Subject, own: Any, group: TorchGroup) -> tuple[dict[str, Any], Settings]:
    """Return what changes in a group, and the settings that this makes."""
    try:
        change = _as_own(subject, own, group.entries)
        own._checked({**own, **change})  # with those too whose place a schedule has
        change = {name: _kept(own[name], value) for name, value in change.items()}
        return change, own._checked({**own, **change})
    except (TypeError, ValueError) as error:
        raise type(error)(f"{group.place}: {error}") from None


def _as_own(subject: Subject, own: Mapping[str, Any], entries: dict[str, Any]) -> dict[str, Any]:
    """Return torch's entries of a group by their names here."""
    change = {name: entries[name] for name in entries if name in own}
    if "decoupled_weight_decay" not in entries:
        return change
    if "decoupled_weight_decay" in own:
        return {**change, "decay": None}
    is_decoupled = as_flag("decoupled_weight_decay", entries["decoupled_weight_decay"])
    decay = "decoupled" if is_decoupled else "coupled"
    return {**change, "decay": None if decay == subject.rule.decay else decay}


def _kept(own: Any, new: Any) -> Any:
    """Return the new value, or the own one where that is a schedule."""
    if callable(own):
        return own
    if isinstance(own, tuple | list) and isinstance(new, tuple) and len(own) == len(new):
        return tuple(map(_kept, own, new))
    return new
