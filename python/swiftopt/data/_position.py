"""Where a loader is: two numbers, and what they depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import index
from typing import Any


@dataclass
class Position:
    """The epoch of a loop, and how many of its batches were handed out.

    `is_loaded`: the next loop goes on there. Otherwise one that begins in mid-epoch follows a
    loop that was left early, and is the next epoch.
    """

    epoch: int = 0
    batch: int = 0
    is_loaded: bool = False

    def begin_loop(self) -> None:
        """Go where a new loop begins."""
        if self.batch > 0 and not self.is_loaded:
            self.end_epoch()
        self.is_loaded = False

    def end_epoch(self) -> None:
        """Go to the beginning of the next epoch."""
        self.epoch, self.batch = self.epoch + 1, 0


def checked_position(state: object, expected: Mapping[str, Any]) -> tuple[int, int]:
    """Return epoch and batch of a state.

    Raises TypeError or ValueError if it is none, or if it is one of another loader: it would
    go on with other samples.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"state is a {type(state).__name__}; it must be what Loader.state was")
    names = {"epoch", "batch", *expected}
    if set(state) != names:
        missing, unknown = sorted(names - set(state)), sorted(map(str, set(state) - names))
        raise ValueError(f"state lacks {missing} and has {unknown}; it must be a Loader.state")
    for name, value in expected.items():
        if state[name] != value:
            raise ValueError(
                f"state has {name}={state[name]!r}, this loader has {value!r}; with another one "
                "it would go on with other samples"
            )
    epoch, batch = index(state["epoch"]), index(state["batch"])
    if epoch < 0 or batch < 0:
        raise ValueError(f"state has epoch {epoch} and batch {batch}; they must not be negative")
    return epoch, batch
