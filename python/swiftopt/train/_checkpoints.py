"""A run's checkpoints: all objects, and where the loop was."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from typing import Any

import numpy as np

from swiftopt._checkpoint import CheckpointError, load, save
from swiftopt._checkpoint._file import target_of
from swiftopt._checkpoint._loading import loaded_states
from swiftopt._checkpoint._rotation import numbered
from swiftopt._checkpoint._saving import check_saving
from swiftopt._checkpoint._schedules import Change
from swiftopt.train._loop import Parts, Position
from swiftopt.train._means import Means

_KEY = "swiftopt.train"


class Checkpoints:
    """Writes and reads the checkpoint of a run; without a path nothing.

    The loop's own entry is ``extra["swiftopt.train"]``.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, keep: int, parts: Parts, position: Position
    ) -> None:
        self._path, self._keep, self._parts, self._position = path, keep, parts, position
        if path is not None:  # now, and not after an epoch of training
            try:
                check_saving(path, self._objects() | {"extra": {_KEY: self._state()}})
            except OSError as error:
                why = f"checkpoint can't be written: {error.strerror}"
                raise OSError(error.errno, why, error.filename) from error

    def save(self, pausing: AbstractContextManager[None]) -> None:
        """Save the run as it is between two steps."""
        if self._path is None:
            return
        with pausing:
            extra = {_KEY: self._state()}
            save(self._path, **self._objects(), extra=extra, keep=self._keep)

    def _objects(self) -> dict[str, Any]:
        """Return what `save` and `load` know themselves."""
        parts = self._parts
        return {
            "params": parts.model.params,
            "optimizer": parts.optimizer,
            "scaler": parts.scaler,
            "early_stopping": parts.early_stopping,
            "loader": parts.data.loader,
        }

    def resume(self) -> bool:
        """Load the run; False if there is no file yet."""
        assert self._path is not None
        if not os.path.lexists(self._path):
            return False
        # Nothing but `extra` first, so that a file that doesn't fit changes nothing.
        with self._naming_the_one_before():
            extra = load(self._path, params={}, strict=False).extra
        state = extra.get(_KEY) if isinstance(extra, dict) else None
        if not isinstance(state, dict):
            raise CheckpointError(f"{os.fspath(self._path)!r} wasn't saved by swiftopt.train.fit")
        self._check(state)
        # All that may refuse its state comes first, and is put back if the rest doesn't fit.
        changes = loaded_states(self._changes(state), os.fspath(self._path))
        with changes, self._naming_the_one_before():
            load(self._path, **self._objects())
        self._load_position(state["position"])
        return True

    @contextmanager
    def _naming_the_one_before(self) -> Iterator[None]:
        """Tell of the checkpoint before, if there is one, where this file is damaged."""
        assert self._path is not None
        try:
            yield
        except CheckpointError as error:
            is_damaged = not (error.missing or error.unexpected or error.mismatched)
            before = numbered(target_of(self._path), 1)
            if is_damaged and before.exists():
                raise CheckpointError(
                    f"{error}; the checkpoint before it is {os.fspath(before)!r}"
                ) from error
            raise

    # ------------------------------------------------------------- the loop's own

    def _state(self) -> dict[str, Any]:
        parts, position = self._parts, self._position
        values = {field.name: getattr(position, field.name) for field in fields(Position)}
        return {
            "position": values | {name: values[name].sums for name in ("means", "norms")},
            "plateau": None if parts.plateau is None else parts.plateau.state,
            "rngs": [rng.bit_generator.state for rng in parts.rngs],
            "callbacks": [callback.state for callback in self._stateful_callbacks()],
        }

    def _check(self, state: dict[str, Any]) -> None:
        for name, what, given in (
            ("rngs", "generators in rng", self._parts.rngs),
            ("callbacks", "callbacks that have a state", self._stateful_callbacks()),
        ):
            if len(state[name]) != len(given):
                raise CheckpointError(
                    f"the checkpoint was saved with {len(state[name])} {what}, this run has "
                    f"{len(given)}"
                )
        if state["plateau"] is None and self._parts.plateau is not None:
            raise CheckpointError("the checkpoint was saved without plateau, this run has one")

    def _changes(self, state: dict[str, Any]) -> list[Change]:
        """Return which states go into which objects."""
        parts = self._parts
        changes = []
        if parts.validation is not None:
            saved = state["position"]["validation_state"]
            changes.append(Change("validation", parts.validation, saved))
        if parts.plateau is not None:
            changes.append(Change("plateau", parts.plateau, state["plateau"]))
        for index, (rng, saved) in enumerate(zip(parts.rngs, state["rngs"], strict=True)):
            changes.append(Change(f"generator {index} of rng", _RngState(rng), saved))
        callbacks = self._stateful_callbacks()
        for callback, saved in zip(callbacks, state["callbacks"], strict=True):
            what = f"the callback {type(callback).__name__}"
            changes.append(Change(what, _CallbackState(callback), saved))
        return changes

    def _load_position(self, saved: dict[str, Any]) -> None:
        for name, value in saved.items():
            if name in ("means", "norms"):
                means = Means()
                means.sums = value
                value = means
            setattr(self._position, name, value)

    def _stateful_callbacks(self) -> list[Any]:
        return [
            callback
            for callback in self._parts.callbacks
            if hasattr(callback, "state") and callable(getattr(callback, "load_state", None))
        ]


class _RngState:
    """A generator, as something with a state that can be loaded."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._bits = rng.bit_generator

    @property
    def state(self) -> Any:
        return self._bits.state

    def load_state(self, state: Any) -> None:
        self._bits.state = state


class _CallbackState:
    """A callback whose state may be the very object that it goes on changing."""

    def __init__(self, callback: Any) -> None:
        self._callback = callback

    @property
    def state(self) -> Any:
        return copy.deepcopy(self._callback.state)

    def load_state(self, state: Any) -> None:
        self._callback.load_state(state)
