"""An optimizer as both directions look at it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from swiftopt._binding import Binding
from swiftopt._groups import ParameterGroup
from swiftopt._rules import DECAYS, Rule, Settings
from swiftopt._torch.table import Counterpart, counterpart
from swiftopt.optimizer import Optimizer


class Subject(NamedTuple):
    """An optimizer that torch has too, and its parameters in torch's order."""

    optimizer: Optimizer
    torch_class: Counterpart
    rule: Rule
    binding: Binding
    groups: tuple[tuple[ParameterGroup, tuple[int, ...]], ...]
    """Those that have parameters, with the indices of these."""

    @classmethod
    def of(cls, optimizer: Optimizer) -> Subject:
        """Return an optimizer that can be exported or imported to now.

        Raises
        ------
        ValueError, RuntimeError
            If torch has none of its kind, it was made without parameters, is closed, shows
            averages, or is in the middle of an accumulation.
        """
        torch_class = counterpart(optimizer._rule.name)
        binding = optimizer._bound()
        if binding.window is not None and binding.window.micro_batches > 0:
            raise ValueError(
                f"{binding.window.micro_batches} of {optimizer.accumulate} micro-batches are "
                "accumulated, for which torch has no place; finish the update first"
            )
        if torch_class.name == "Muon":
            for name, form in zip(binding.names, binding.forms, strict=True):
                if len(form.shape) != 2:
                    raise ValueError(
                        f"parameter {name!r} has the shape {form.shape}; "
                        "torch.optim.Muon takes matrices only, which have two axes"
                    )
        members: list[list[int]] = [[] for _ in optimizer.param_groups]
        for index, owner in enumerate(binding.groups):
            members[owner].append(index)
        groups = tuple(
            (group, tuple(indices))
            for group, indices in zip(optimizer.param_groups, members, strict=True)
            if indices
        )
        return cls(optimizer, torch_class, optimizer._rule, binding, groups)

    def decay_of(self, settings: Settings) -> str:
        """Return what a group's weight decay does."""
        return DECAYS[int(settings.values[self.rule.value_names.index("decay")])]

    def slots_of(self, index: int, settings: Settings) -> list[Any]:
        """Return the slots that a parameter has under these settings."""
        slots = self.binding.slots[index]
        return [
            slot
            for slot in self.rule.slots
            if slot.name in slots and settings.uses(slot.required_by)
        ]


def lock_of(optimizer: Any) -> AbstractContextManager[Any]:
    """Return what is held while an optimizer's state is looked at.

    Raises
    ------
    TypeError
        If it is no optimizer.
    """
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is a {type(optimizer).__name__}; it must be an Optimizer")
    return optimizer._lock


def torch_shape(shape: tuple[int, ...], form: str) -> tuple[int, ...]:
    """Return the shape of a slot in torch, where a mean over an axis keeps it."""
    if form == "row":
        return (*shape[:-1], 1)
    return (*shape[:-2], 1, shape[-1]) if form == "column" else shape
