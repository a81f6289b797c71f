"""One training: what every trial and every timing runs."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

import swiftopt as so
from swiftopt import nn
from swiftopt._arrays import Array
from swiftopt.study._config import Config
from swiftopt.study._feed import batches, standardised
from swiftopt.study._optimizers import make_optimizer
from swiftopt.study.workloads import Data, Split, Workload


class Training:
    """A network, its optimizer and its batches; `step` trains on one.

    Results depend on the arguments only: not on the number of threads, nor on what else the
    machine does.
    """

    def __init__(self, workload: Workload, data: Data, config: Config, seed: int) -> None:
        self.workload, self.data, self.config = workload, data, config
        self.steps = workload.steps_of(config)
        self.network = workload.network(config).reset_parameters(seed).to(config.dtype)
        self.optimizer = make_optimizer(
            config, self.network, max(self.steps // config.accumulate, 1)
        )
        self.criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        self.batches = batches(data, config, workload.batch_of(config), seed)
        self._reported = nn.CrossEntropyLoss()
        self.wait_seconds = 0.0

    def step(self) -> float:
        """Train on the next batch and return its loss."""
        asked = time.perf_counter()
        inputs, targets = next(self.batches)
        self.wait_seconds += time.perf_counter() - asked
        loss = self.criterion(self.network(inputs), targets)
        self.network.backward(self.criterion.backward())
        self.optimizer.step()
        return loss

    def close(self) -> None:
        """Stop what feeds the batches."""
        self.batches.close()

    def evaluate(self, split: Split) -> dict[str, float]:
        """Return the mean cross entropy (nats) and the accuracy on a `prepared` split."""
        size = self.workload.evaluation_batch
        losses, right, rows = [], 0, 0
        self.network.eval()
        for start in range(0, len(split.inputs) - size + 1, size):
            targets = split.targets[start : start + size]
            logits = self.network(split.inputs[start : start + size])
            losses.append(self._reported(logits, targets))
            right += int((_float32(logits).argmax(-1) == targets).sum())
            rows += targets.size
        self.network.train()
        return {"loss": float(np.mean(losses)), "accuracy": right / rows}


def prepared(split: Split, data: Data) -> Split:
    """Return a split whose inputs are as the network takes them."""
    return Split(standardised(split.inputs, data), np.ascontiguousarray(split.targets))


def _float32(logits: Array) -> Array:
    return logits if logits.dtype == np.float32 else np.asarray(so.cast(logits, "float32"))


def train(workload: Workload, data: Data, config: Config, seed: int) -> dict[str, Any]:
    """Run one trial and return its curves and final figures, in JSON's kinds.

    Returns
    -------
    dict
        `steps` and `every` (batches), `curve` (a list of [step, mean training loss since the
        last one, validation loss, validation accuracy]), `train_loss`, `validation`, `test` at
        the end (of early stopping: of the best weights), `diverged` (the step whose loss was
        not finite, or None), `stopped` (the step of early stopping, or None) and
        `wall_seconds`, of which nothing is concluded.
    """
    beginning = time.perf_counter()
    run = Training(workload, data, config, seed)
    every = workload.every_of(config)
    stopping = so.EarlyStopping(
        max(config.patience, 1),
        mode="max" if workload.larger_is_better else "min",
        params=run.network.state_dict() if config.patience else None,
    )
    validation = prepared(data.validation, data)
    curve: list[list[float]] = []
    losses: list[float] = []
    diverged = stopped = None
    for step in range(1, run.steps + 1):
        losses.append(run.step())
        if not math.isfinite(losses[-1]):
            diverged = step
            break
        if step % every and step != run.steps:
            continue
        found = run.evaluate(validation)
        if not math.isfinite(found["loss"]):
            diverged = step
            break
        curve.append([step, float(np.mean(losses)), found["loss"], found["accuracy"]])
        losses.clear()
        if config.patience and stopping.observe(found[workload.metric]):
            stopped = step
            break
    result: dict[str, Any] = {
        "steps": run.steps,
        "every": every,
        "curve": [[row[0], *(round(value, 6) for value in row[1:])] for row in curve],
        "diverged": diverged,
        "stopped": stopped,
        "train_loss": None,
        "validation": None,
        "test": None,
    }
    if diverged is None:
        if config.patience:
            stopping.restore()
        seen = Split(*(array[: len(validation.inputs)] for array in data.train))
        result["train_loss"] = round(run.evaluate(prepared(seen, data))["loss"], 6)
        result["validation"] = _rounded(run.evaluate(validation))
        result["test"] = _rounded(run.evaluate(prepared(data.test, data)))
    run.close()
    result["wall_seconds"] = round(time.perf_counter() - beginning, 3)
    return result


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in values.items()}
