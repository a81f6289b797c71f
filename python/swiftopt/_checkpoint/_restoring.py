"""From an optimizer's record back into an optimizer: first looked at, then done."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._binding import Binding
from swiftopt._checkpoint._errors import CheckpointError, listed, shown
from swiftopt._checkpoint._matching import Differences, Form, form_of
from swiftopt._checkpoint._optimizers import OPTIONS, class_name, member_names
from swiftopt._checkpoint._reader import Reader
from swiftopt._checkpoint._schedules import Change, restored
from swiftopt._checkpoint._values import decoded, no_fetch
from swiftopt._groups import ParameterGroup, as_flag
from swiftopt._options import FIXED
from swiftopt._rules import Settings
from swiftopt._settings import _checked_clip_norm
from swiftopt._state import check_scalar
from swiftopt._stateful import Stateful


class OptimizerPlan:
    """All that is to be done to an optimizer, checked against its record.

    Attributes
    ----------
    changes : list of Change
        The states of the state machines among its hyper-parameters.
    copies : list of (str, array)
        The tensors of the file, and the state's arrays that they go to.
    """

    def __init__(
        self, record: dict[str, Any], optimizer: Stateful, reader: Reader, found: Differences
    ) -> None:
        self._record, self._optimizer, self._reader = record, optimizer, reader
        self._found = found
        self.changes: list[Change] = []
        self.copies: list[tuple[str, Array]] = []
        self._check_fixed()
        self._plan_groups()
        self._plan_options()
        self._saved: dict[str, dict[str, str]] = dict(record["state"])
        self._plan_state()

    # ---------------------------------------------------------- what can't change

    def _check_fixed(self) -> None:
        optimizer, record = self._optimizer, self._record
        here = {
            "class": class_name(optimizer),
            "rule": optimizer._rule.name,
            "seed": optimizer.seed,
            "accumulate": optimizer.accumulate,
        }
        for name, value in here.items():
            saved = decoded(record[name], no_fetch)
            if saved != value:
                raise self._reader.error(
                    f"was saved by an optimizer with {name} {shown(saved)}; this one has "
                    f"{value!r}, which can't change"
                )

    # ------------------------------------------------------------------ groups

    def _plan_groups(self) -> None:
        """Find the saved group of each group's parameters, and its hyper-parameters."""
        saved = self._record["groups"]
        owners = {name: number for number, group in enumerate(saved) for name in group["params"]}
        groups = self._optimizer._groups
        self._updates: list[tuple[ParameterGroup, dict[str, Any]]] = []
        self._settings: list[Settings] = []
        for number, (group, names) in enumerate(
            zip(groups, member_names(self._optimizer), strict=True)
        ):
            found = sorted({owners[name] for name in names if name in owners})
            if self._optimizer._binding is None or (not names and len(saved) == len(groups)):
                found = [number]  # keys don't say which group: without params there is one
            if len(found) > 1:
                self._found.mismatched.append(
                    f"param_groups[{number}] (its parameters were in the groups "
                    f"{listed(list(map(str, found)))})"
                )
            if len(found) != 1:
                self._settings.append(group.settings)
                continue
            self._plan_group(number, group, saved[found[0]])

    def _plan_group(self, number: int, group: ParameterGroup, record: dict[str, Any]) -> None:
        place = f"param_groups[{number}]"
        here = {
            "low_precision": group.settings.low_precision,
            "state_dtypes": group.settings.state_dtypes,
        }
        for name, value in here.items():
            if record[name] != value:
                raise self._reader.error(
                    f"was saved with {name} {shown(record[name])} in {place}; this optimizer has "
                    f"{value!r}, which can't change"
                )
        entries = {}
        for name, data in record["hyperparameters"].items():
            if name not in group or name == "params" or name in FIXED:
                raise self._reader.error(f"has an unknown hyper-parameter {shown(name)} in {place}")
            entries[name], changes = restored(data, group[name], f"{place}[{name!r}]")
            self.changes += changes
        self._settings.append(group._checked({**group, **entries}))
        self._updates.append((group, entries))

    def _plan_options(self) -> None:
        self._options: dict[str, Any] = {}
        for name in OPTIONS:
            data = self._record["options"][name]
            current = getattr(self._optimizer, name)
            value, changes = restored(data, current, name)
            self._options[name] = value
            self.changes += changes
        self._check_options()

    def _check_options(self) -> None:
        for name, value in self._options.items():
            if name == "clip_norm":
                _checked_clip_norm(value)
            else:
                as_flag(name, value)

    # ------------------------------------------------------------------- state

    def _plan_state(self) -> None:
        optimizer, record = self._optimizer, self._record
        self._bindings: dict[Any, Binding] = {}
        self._counts: dict[Any, int] = {}
        self._pending: dict[str, dict[str, Array]] = {}
        self._pending_steps: dict[str, int] = {}
        steps = record["steps"]
        if optimizer._binding is None:
            if not isinstance(steps, list):
                raise CheckpointError(
                    "the optimizer was saved with its params; this one was made without"
                )
            self._plan_lazy({name: _count(name, count) for name, count in steps})
            return
        if isinstance(steps, list):
            raise CheckpointError(
                "the optimizer was saved without params; this one was made with params"
            )
        names = self._known(optimizer._binding.names)
        self._bindings[None] = self._fitted(optimizer._binding, names)
        self._counts[None] = _count("steps", steps)

    def _known(self, names: tuple[str, ...]) -> list[str]:
        """Return the names that the file has too, and note the others."""
        nothing: Form = (None, ())
        return self._found.compare(
            "state of", dict.fromkeys(self._saved, nothing), dict.fromkeys(names, nothing)
        )

    def _plan_lazy(self, steps: dict[str, int]) -> None:
        optimizer = self._optimizer
        for key, old in optimizer._lazy.items():
            name = old.names[0]
            if name not in self._saved:
                # As load_state does: what the key has so far stays.
                self._found.missing.append(f"state of {name!r}")
                continue
            self._bindings[key] = self._fitted(old, [name])
            self._counts[key] = steps[name]
        known = {binding.names[0] for binding in optimizer._lazy.values()}
        for name, slots in self._saved.items():
            if name not in known:
                self._pending[name] = {
                    slot: self._reader.fetch_once(tensor) for slot, tensor in slots.items()
                }
                self._pending_steps[name] = steps[name]

    def _fitted(self, binding: Binding, names: list[str]) -> Binding:
        """Return the binding with the slots that these parameters have in the file."""
        wanted = {name: self._saved[name].keys() for name in names}
        binding = binding.fitting(wanted, self._settings)
        state = binding.state()
        for name in names:
            self._plan_slots(name, state[name])
        return binding

    def _plan_slots(self, name: str, slots: dict[str, Array]) -> None:
        saved = self._saved[name]
        entries = {slot: self._reader.entry(tensor) for slot, tensor in saved.items()}
        fitting = self._found.compare(
            f"state of {name!r}:",
            {slot: (entry.code, entry.shape) for slot, entry in entries.items()},
            {slot: form_of(array) for slot, array in slots.items()},
        )
        if len(fitting) != len(slots) or len(fitting) != len(saved):
            return  # half a state is none
        for slot, tensor in saved.items():
            if slots[slot].ndim == 0:
                check_scalar(f"{slot} of {name!r}", slot, self._reader.fetch(tensor))
            self.copies.append((tensor, slots[slot]))

    # ------------------------------------------------------------------- doing

    def check_hyperparameters(self) -> None:
        """Check again those that follow state machines, whose states were loaded now."""
        for group, entries in self._updates:
            group._checked({**group, **entries})
        self._check_options()

    def set_hyperparameters(self) -> None:
        """Set what was checked already."""
        for group, entries in self._updates:
            group.update(entries)
        for name, value in self._options.items():
            setattr(self._optimizer, name, value)

    def finish(self) -> None:
        """Go on from the state that was copied."""
        optimizer = self._optimizer
        optimizer._resume(self._bindings, self._counts)
        if optimizer._binding is None:
            optimizer._keep_loaded(self._pending, self._pending_steps)


def _count(what: str, value: Any) -> int:
    check_scalar(what, "step", np.float64(value))
    return int(value)
