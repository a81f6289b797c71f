"""Batches of which Python code reads some fields."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from queue import SimpleQueue
from typing import Any

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt.data._decoded import Decoded
from swiftopt.data._native_feed import FAILED, NOTHING, Report
from swiftopt.data._plans import Plans
from swiftopt.data._ring import Ring

_PATIENCE = 0.1  # seconds


class ReadFeed:
    """A pass over the batches of an epoch, from one on, in a Python thread.

    The thread has the sources read a batch's samples into memory from where native code fills
    the batch, as it does from any other.
    """

    def __init__(
        self,
        plans: Plans,
        plan: _core.DataPlan,
        indices_of: Callable[[int], Array],
        ring: Ring,
        epoch: int,
        first_batch: int,
        files: list[object],
    ) -> None:
        self._files = files
        self._readers = [
            (field.source, rows)
            for field, rows in zip(plans.fields, plans.staging, strict=True)
            if rows is not None
        ]
        self._plans, self._plan, self._indices_of = plans, plan, indices_of
        self._ring, self._epoch, self._first = ring, epoch, first_batch
        self._stop = threading.Event()
        self._free: SimpleQueue[int] = SimpleQueue()
        self._ready: SimpleQueue[tuple[int, Report] | BaseException | None] = SimpleQueue()
        for slot in range(len(ring.slots)):
            self._free.put(slot)
        self._held: int | None = None
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="swiftopt.data", daemon=True)
        self._thread.start()

    def next(self) -> tuple[int, Report, float] | None:
        """Return slot, report and 0.0 of the next batch; None after the last one."""
        if self._process != os.getpid():
            raise RuntimeError(
                "this process is a fork of the one that has the loader's thread: begin a new loop"
            )
        found = self._ready.get()
        if isinstance(found, BaseException):
            raise found
        if self._held is not None:
            self._free.put(self._held)
        self._held = None
        if found is None:
            return None
        self._held = found[0] if found[0] >= 0 else None
        return (*found, 0.0)

    def close(self) -> None:
        """Stop the thread. A source that doesn't return is left alone; nothing waits for it."""
        self._stop.set()
        self._free.put(-1)
        if self._process == os.getpid() and self._thread is not threading.current_thread():
            self._thread.join(_PATIENCE)

    @property
    def is_over(self) -> bool:
        """Return whether the thread is: not if a source hasn't returned."""
        return self._process != os.getpid() or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for batch in range(self._first, self._plan.batch_count):
                slot = self._free.get()
                if self._stop.is_set():
                    return
                report = self._fill(batch, slot)
                if report is None:
                    return
                fails = report[-1] is not None and not self._plans.skip_errors
                is_empty = report[0] == 0
                self._ready.put((FAILED if fails else NOTHING if is_empty else slot, report))
                if fails:
                    return
                if is_empty:
                    self._free.put(slot)
            self._ready.put(None)
        except CancelledError:
            pass  # by close
        except BaseException as error:
            self._ready.put(error)
        finally:
            self._files = []

    def _fill(self, batch: int, slot: int) -> Report | None:
        """Fill a batch; None if the loop was stopped."""
        indices = self._indices_of(batch)
        outputs = self._ring.slots[slot]
        is_bad = np.zeros(len(indices), np.bool_)
        for source, rows in self._readers:
            is_bad[self._read(source, indices, rows[: len(indices)])] = True
            if self._stop.is_set():
                return None
        if not is_bad.any():
            return self._plan.fill(self._epoch, batch, outputs)
        kept = indices[~is_bad]
        lost = len(indices) - len(kept)
        text = f"{lost} samples couldn't be decoded, such as {indices[is_bad][0]}"
        if not len(kept):
            return (0, 0, 0, 0, lost, (), text)
        for _, rows in self._readers:
            rows[: len(kept)] = rows[: len(indices)][~is_bad]
        report = self._plans.plan_of(kept, self._ring.rooms).fill(self._epoch, 0, outputs)
        return (*report[:4], report[4] + lost, report[5], text)

    def _read(self, source: Any, indices: Array, rows: Array) -> Any:
        if isinstance(source, Decoded):
            return source.read(indices, rows, skip_errors=self._plans.skip_errors, stop=self._stop)
        source.read(indices, rows)
        return []
