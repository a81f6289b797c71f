"""Batches that native threads fill ahead."""

from __future__ import annotations

import os
from typing import Any

from swiftopt import _core
from swiftopt.data._ring import Ring

# Instead of a slot: the batch couldn't be read, or all its samples were left out.
FAILED, NOTHING = -1, -2

Report = tuple[int, int, int, int, int, tuple[int, ...], Any]


class NativeFeed:
    """A pass over the batches of an epoch, from one on. It keeps `files` until it is closed."""

    def __init__(
        self,
        plan: _core.DataPlan,
        ring: Ring,
        epoch: int,
        first_batch: int,
        threads: int,
        files: list[object],
    ) -> None:
        self._files = files
        self._process = os.getpid()
        self._feeder = _core.Feeder(plan, epoch, first_batch, ring.slots, threads)

    def next(self) -> tuple[int, Report, float] | None:
        """Return slot, report and seconds waited of the next batch; None after the last one."""
        return self._feeder.next()

    def close(self) -> None:
        """Stop its threads, and wait for them."""
        if self._process == os.getpid():
            self._feeder.close()
        # In a fork there are no threads, and the one that waited for a batch is none either.
        self._files = []

    @property
    def is_over(self) -> bool:
        """Return True: `close` has waited."""
        return True
