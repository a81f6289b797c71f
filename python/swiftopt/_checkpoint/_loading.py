"""From a file to objects, after everything was checked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from swiftopt._arrays import Array
from swiftopt._checkpoint._errors import CheckpointError
from swiftopt._checkpoint._matching import PARAMETER, Differences, form_of
from swiftopt._checkpoint._optimizers import check_optimizer, check_same_arrays
from swiftopt._checkpoint._package import safetensors
from swiftopt._checkpoint._parameters import check_writable, named_arrays
from swiftopt._checkpoint._path import check_path
from swiftopt._checkpoint._reader import Reader
from swiftopt._checkpoint._records import recorded_optimizer
from swiftopt._checkpoint._restoring import OptimizerPlan
from swiftopt._checkpoint._result import Checkpoint
from swiftopt._checkpoint._saving import PARTS, check_part
from swiftopt._checkpoint._schedules import Change, check_schedule, readable, restored
from swiftopt._checkpoint._values import decoded
from swiftopt._groups import as_flag

_SECTIONS = ("params", "optimizer", "schedule", *PARTS, "extra")


def load_checkpoint(
    path: str | os.PathLike[str], objects: dict[str, Any], strict: bool
) -> Checkpoint:
    """Restore the objects, by the names of `load`'s arguments; None stands for none."""
    safetensors()
    strict = as_flag("strict", strict)
    check_path(path)
    given = {name: value for name, value in objects.items() if value is not None}
    arrays = named_arrays(given["params"]) if "params" in given else {}
    check_writable(arrays)
    for name in PARTS:
        if name in given:
            check_part(name, given[name])
    if "schedule" in given:
        check_schedule(given["schedule"])
    with ExitStack() as stack:
        if "optimizer" in given:
            optimizer = check_optimizer(given["optimizer"])
            stack.enter_context(optimizer._lock)
            check_same_arrays(optimizer, arrays)
        reader = stack.enter_context(Reader(path))
        with reader.own_errors():
            if not given:
                return _everything(reader)
            loading = _Loading(reader, {**given, "params": arrays} if "params" in given else given)
            if loading.found and strict:
                raise loading.found.error(reader)
            loading.verify()
        return loading.restore()


def _everything(reader: Reader) -> Checkpoint:
    content = reader.content
    values: dict[str, Any] = {
        name: decoded(content[name], reader.fetch_once)
        for name in (*PARTS, "extra")
        if name in content
    }
    if "params" in content:
        values["params"] = {name: reader.fetch_once(tensor) for name, tensor in content["params"]}
    if "optimizer" in content:
        values["optimizer"] = dict(recorded_optimizer(content["optimizer"], reader))
    if "schedule" in content:
        values["schedule"] = readable(content["schedule"])
    return _result(reader, values)


def _result(reader: Reader, values: dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        path=reader.path,
        writer=reader.writer,
        format=reader.content["format"],
        contents=tuple(name for name in _SECTIONS if name in reader.content),
        values=values,
    )


class _Loading:
    """What is to be done, and what doesn't fit."""

    def __init__(self, reader: Reader, given: dict[str, Any]) -> None:
        self._reader = reader
        self.found = Differences()
        self._values: dict[str, Any] = {}
        self._copies: list[tuple[str, Array]] = []
        self._changes: list[Change] = []
        self._plan: OptimizerPlan | None = None
        if "params" in given and self._has("params"):
            self._plan_params(given["params"])
        if "optimizer" in given and self._has("optimizer"):
            record = reader.content["optimizer"]
            self._plan = OptimizerPlan(record, given["optimizer"], reader, self.found)
            self._copies += self._plan.copies
            self._changes += self._plan.changes
        if "schedule" in given and self._has("schedule"):
            self._plan_schedule(given["schedule"])
        elif "schedule" in reader.content:
            self._values["schedule"] = readable(reader.content["schedule"])
        for name in PARTS:
            if name in given and self._has(name):
                state = self._values[name] = decoded(reader.content[name], reader.fetch_once)
                self._changes.append(Change(name, given[name], state))
        if "extra" in reader.content:
            self._values["extra"] = decoded(reader.content["extra"], reader.fetch_once)

    def _has(self, section: str) -> bool:
        if section in self._reader.content:
            return True
        self.found.missing.append(section)
        return False

    def _plan_params(self, arrays: dict[str, Array]) -> None:
        tensors: dict[str, str] = dict(self._reader.content["params"])
        entries = {name: self._reader.entry(tensor) for name, tensor in tensors.items()}
        fitting = self.found.compare(
            PARAMETER,
            {name: (entry.code, entry.shape) for name, entry in entries.items()},
            {name: form_of(array) for name, array in arrays.items()},
        )
        self._copies += [(tensors[name], arrays[name]) for name in fitting]
        self._values["params"] = {name: arrays[name] for name in fitting}

    def _plan_schedule(self, schedule: Any) -> None:
        data = self._reader.content["schedule"]
        saved, changes = restored(data, schedule, "schedule")
        self._changes += changes
        self._values["schedule"] = saved
        if not changes and saved != schedule:
            self.found.mismatched.append(f"schedule (the file has {saved!r}, given {schedule!r})")

    def verify(self) -> None:
        """Check the bytes of every tensor that will be copied."""
        for tensor, _ in self._copies:
            self._reader.verify(tensor)

    def restore(self) -> Checkpoint:
        """Do it."""
        with loaded_states(self._changes, self._reader.path), self._reader.own_errors():
            if self._plan is not None:
                self._plan.check_hyperparameters()
        if self._plan is not None:
            self._plan.set_hyperparameters()
        for tensor, array in self._copies:
            self._reader.copy_to(tensor, array)
        self._reader.check_unchanged()
        if self._plan is not None:
            self._plan.finish()
        return _result(self._reader, {**self._values, **self.found.lists()})


@contextmanager
def loaded_states(changes: Sequence[Change], path: str) -> Iterator[None]:
    """Load the states of all objects, or of none if one refuses or the block raises."""
    begun: list[tuple[Any, Any]] = []
    befores = [change.target.state for change in changes]
    try:
        for change, before in zip(changes, befores, strict=True):
            begun.append((change.target, before))
            try:
                change.target.load_state(change.state)
            except Exception as error:
                message = f"{path!r}: {change.what} refuses its state: {str(error)[:300]}"
                raise CheckpointError(message) from error
        yield
    except BaseException:
        # With the one that raised: a caller's own class may have come half-way.
        for target, before in reversed(begun):
            with suppress(BaseException):
                target.load_state(before)
        raise
