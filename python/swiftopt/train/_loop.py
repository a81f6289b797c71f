"""The loop itself: steps, epochs, and what happens between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swiftopt._early_stopping import EarlyStopping
from swiftopt._loss_scaler import LossScaler
from swiftopt._plateau import ReduceOnPlateau
from swiftopt.optimizer import Optimizer
from swiftopt.train._arguments import Callback
from swiftopt.train._data import Source, sample_count
from swiftopt.train._guard import Guard
from swiftopt.train._history import History, append
from swiftopt.train._interrupts import Interrupted, Interrupts
from swiftopt.train._logs import Log
from swiftopt.train._means import Means
from swiftopt.train._models import Model
from swiftopt.train._progress import Progress


@dataclass
class Parts:
    """The objects of a run, as `fit` was given them."""

    model: Model
    data: Source
    optimizer: Optimizer
    validation: Source | None
    scaler: LossScaler | None
    early_stopping: EarlyStopping | None
    plateau: ReduceOnPlateau | None
    monitor: str
    callbacks: Sequence[Callback]
    rngs: Sequence[np.random.Generator]


@dataclass
class Position:
    """Where a run is: all of it goes through checkpoints."""

    epoch: int = 0  # completed ones
    step: int = 0  # batches of all epochs
    batch: int = 0  # of this epoch
    is_exhausted: bool = False  # whether the data said that the epoch is over
    data_epoch: Any = None  # the data's own count when this epoch began
    validation_state: Any = None  # of the data for the next validation
    means: Means = field(default_factory=Means)
    norms: Means = field(default_factory=Means)
    samples: int = 0
    skipped: int = 0
    lr: float = math.nan
    seconds: float = 0.0
    waited: float = 0.0
    history: History = field(default_factory=dict)

    def next_step(self) -> str:
        """Say which step comes now."""
        return f"step {self.step + 1} (batch {self.batch + 1} of epoch {self.epoch + 1})"


class Loop:
    """Runs epochs until the last one, or until something says stop."""

    def __init__(
        self,
        parts: Parts,
        position: Position,
        guard: Guard,
        progress: Progress,
        interrupts: Interrupts,
        save: Callable[[], None],
        save_every: int | None,
        logs: Sequence[Log],
    ) -> None:
        self._parts, self._position, self._guard = parts, position, guard
        self._progress, self._interrupts = progress, interrupts
        self._save, self._save_every, self._logs = save, save_every, logs
        self._accumulates = parts.optimizer.accumulate > 1
        self._reason: str | None = None

    def run(self, epochs: int, *, resumed: bool) -> str:
        """Train, and return why it ended: "epochs", "early_stopping" or "callback"."""
        position, stopping = self._position, self._parts.early_stopping
        if resumed and stopping is not None and stopping.should_stop:
            return "early_stopping"
        while position.epoch < epochs and self._reason is None:
            self._train_epoch(resumed)
            resumed = False
            if self._reason is not None:
                break
            try:
                self._finish_epoch()
            except Interrupted:
                self._save()  # now that the trained weights are back in their arrays
                raise KeyboardInterrupt from None
            self._save()
        return self._reason or "epochs"

    def end(self, reason: str) -> None:
        """Tell the callbacks that it is over."""
        position = self._position
        self._call(
            {
                "event": "end",
                "epoch": position.epoch,
                "step": position.step,
                "reason": reason,
                "history": position.history,
            }
        )

    # ------------------------------------------------------------------- steps

    def _train_epoch(self, resumed: bool) -> None:
        position, data = self._position, self._parts.data
        if not resumed or position.batch == 0:
            position.data_epoch = data.epoch
        elif position.is_exhausted or data.epoch != position.data_epoch:
            return  # saved between its last batch and the next epoch's first one
        batches = data.batches(position.epoch, position.batch)
        clock = time.perf_counter()
        for batch in self._waited_for(batches):
            self._step(batch)
            now = time.perf_counter()
            position.seconds += now - clock
            clock = now
            self._after_step()
            if self._reason is not None:
                return
        position.seconds += time.perf_counter() - clock
        position.is_exhausted = True
        data.check(position.batch, position.epoch)

    def _after_step(self) -> None:
        """Save, if it is time, while the data still knows where it is."""
        is_pressed = self._interrupts.was_pressed
        every = self._save_every
        is_due = every is not None and self._position.step % every == 0
        if is_due or is_pressed or self._reason is not None:
            self._save()
        if is_pressed:
            raise KeyboardInterrupt

    def _waited_for(self, batches: Iterator[Any]) -> Iterator[Any]:
        end = object()
        while True:
            clock = time.perf_counter()
            batch = next(batches, end)
            self._position.waited += time.perf_counter() - clock
            if batch is end:
                return
            yield batch

    def _step(self, batch: Any) -> None:
        parts, position = self._parts, self._position
        loss, gradients, values, samples = parts.model.train(batch)
        self._guard.loss(loss, gradients, batch, position.next_step())
        report = parts.optimizer.step(
            gradients, samples=samples if self._accumulates else None, scaler=parts.scaler
        )
        self._guard.report(report, gradients, batch)
        position.step += 1
        position.batch += 1
        position.samples += samples
        position.lr = report.lr
        if report.status == "skipped":
            position.skipped += 1
        if math.isfinite(loss):
            position.means.add({"loss": loss, **values}, samples)
        if report.status == "updated" and report.grad_norm is not None:
            position.norms.add({"grad_norm": report.grad_norm}, 1)
        info = {
            "event": "step",
            "epoch": position.epoch + 1,
            "batch": position.batch,
            "step": position.step,
            "updates": report.step,
            "status": report.status,
            "samples": samples,
            "loss": loss,
            **values,
            "lr": report.lr,
            "grad_norm": report.grad_norm,
        }
        # The clock of this step still runs.
        wait = position.waited / position.seconds if position.seconds > 0 else 0.0
        self._progress.step(info, min(wait, 1.0))
        self._call(info)

    # ------------------------------------------------------------------ epochs

    def _finish_epoch(self) -> None:
        parts, position = self._parts, self._position
        row = self._row()
        with self._averaged_weights():
            if parts.validation is not None:
                row |= self._validate(parts.validation)
            row |= self._ending()
            # Where weights are averaged, the best ones are kept as they are evaluated.
            if self._observe(row):
                self._reason = "early_stopping"
        append(position.history, row)
        position.epoch += 1
        position.batch = position.samples = position.skipped = 0
        position.is_exhausted = False
        position.seconds = position.waited = 0.0
        position.means, position.norms = Means(), Means()
        self._progress.epoch(row)
        self._call({"event": "epoch", **row})
        for log in self._logs:
            log.add(row)

    def _row(self) -> dict[str, Any]:
        position = self._position
        return {
            "epoch": position.epoch + 1,
            "step": position.step,
            "updates": self._parts.optimizer.step_count,
            "loss": math.nan,  # if none was finite
            **position.means.means(),
        }

    def _ending(self) -> dict[str, Any]:
        position, norm = self._position, self._position.norms.means().get("grad_norm")
        return {
            "lr": position.lr,
            "grad_norm": norm,
            "skipped": position.skipped,
            "seconds": position.seconds,
            "samples_per_second": position.samples / max(position.seconds, 1e-9),
            "data_wait": position.waited / max(position.seconds, 1e-9),
        }

    def _validate(self, validation: Source) -> dict[str, float]:
        means, count = Means(), 0
        with self._parts.model.evaluating():
            for batch in validation.batches(self._position.epoch):
                means.add(self._parts.model.evaluate(batch), sample_count(batch))
                count += 1
                if self._interrupts.was_pressed:
                    raise Interrupted
        validation.check(count, self._position.epoch)
        # Only now: an interrupted one is done again from its beginning.
        self._position.validation_state = validation.state
        return {f"val_{name}": value for name, value in means.means().items()}

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Evaluate what the optimizer averages, if it does."""
        with ExitStack() as stack:
            if self._parts.validation is not None or self._parts.early_stopping is not None:
                with suppress(ValueError):  # it has no averages
                    stack.enter_context(self._parts.optimizer.evaluation())
            yield

    def _observe(self, row: dict[str, Any]) -> bool:
        parts = self._parts
        if parts.plateau is None and parts.early_stopping is None:
            return False
        if parts.monitor not in row:
            raise ValueError(
                f"monitor is {parts.monitor!r}; an epoch has {', '.join(map(repr, row))}"
            )
        metric = row[parts.monitor]
        if parts.plateau is not None:
            parts.plateau.observe(metric)
        return parts.early_stopping is not None and parts.early_stopping.observe(metric)

    # --------------------------------------------------------------- callbacks

    def _call(self, info: dict[str, Any]) -> None:
        for callback in self._parts.callbacks:
            answer = callback(dict(info))
            if answer is None:
                continue
            if not isinstance(answer, bool | np.bool_):
                raise TypeError(
                    f"a callback returned {answer!r}; it must return True to stop, else None"
                )
            if answer and self._reason is None:
                self._reason = "callback"
