"""A run's checkpoints: all objects, and where the loop was."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any

from swiftopt._checkpoint import CheckpointError, load, save
from swiftopt._checkpoint._package import safetensors
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
            safetensors()
            Path(os.fsdecode(path)).parent.mkdir(parents=True, exist_ok=True)

    def save(self, pausing: AbstractContextManager[None]) -> None:
        """Save the run as it is between two steps."""
        if self._path is None:
            return
        with pausing:
            save(
                self._path,
                params=self._parts.model.params,
                optimizer=self._parts.optimizer,
                scaler=self._parts.scaler,
                early_stopping=self._parts.early_stopping,
                loader=self._parts.data.loader,
                extra={_KEY: self._state()},
                keep=self._keep,
            )

    def resume(self) -> bool:
        """Load the run; False if there is no file yet."""
        assert self._path is not None
        if not os.path.lexists(self._path):
            return False
        # Nothing but `extra` first, so that a file that doesn't fit changes nothing.
        extra = load(self._path, params={}, strict=False).extra
        state = extra.get(_KEY) if isinstance(extra, dict) else None
        if not isinstance(state, dict):
            raise CheckpointError(f"{os.fspath(self._path)!r} wasn't saved by swiftopt.train.fit")
        self._check(state)
        load(
            self._path,
            params=self._parts.model.params,
            optimizer=self._parts.optimizer,
            scaler=self._parts.scaler,
            early_stopping=self._parts.early_stopping,
            loader=self._parts.data.loader,
        )
        self._load_state(state)
        return True

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
                raise ValueError(
                    f"the checkpoint was saved with {len(state[name])} {what}, this run has "
                    f"{len(given)}"
                )
        if state["plateau"] is None and self._parts.plateau is not None:
            raise ValueError("the checkpoint was saved without plateau, this run has one")

    def _load_state(self, state: dict[str, Any]) -> None:
        parts, position = self._parts, self._position
        for name, value in state["position"].items():
            if name in ("means", "norms"):
                means = Means()
                means.sums = value
                value = means
            setattr(position, name, value)
        if parts.validation is not None:
            parts.validation.load_state(position.validation_state)
        if parts.plateau is not None:
            parts.plateau.load_state(state["plateau"])
        for rng, saved in zip(parts.rngs, state["rngs"], strict=True):
            rng.bit_generator.state = saved
        for callback, saved in zip(self._stateful_callbacks(), state["callbacks"], strict=True):
            callback.load_state(saved)

    def _stateful_callbacks(self) -> list[Any]:
        return [
            callback
            for callback in self._parts.callbacks
            if hasattr(callback, "state") and callable(getattr(callback, "load_state", None))
        ]
