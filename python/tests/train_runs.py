"""Runs of swiftopt.train for the tests, also as a program: python train_runs.py FOLDER KILL_AT.

It trains with everything on, from the checkpoint in FOLDER if there is one, and writes the result
there as result.npz and history.json. KILL_AT is "never", or an event ("step", "epoch", "save")
and its number within this process, at which it kills itself, or "slowly" to take its time.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import swiftopt as so
from swiftopt import nn

TIMES = ("seconds", "samples_per_second", "data_wait")


class Batches:
    """A stand-in for so.data.Loader: shuffled batches, with a position that can be restored.

    With `eager` the position moves on to the next epoch with the last batch, else when the
    loop asks for one more.
    """

    def __init__(self, x, y, batch_size, *, eager=False, seed=0):
        self.x, self.y, self.batch_size, self.seed, self.eager = x, y, batch_size, seed, eager
        self.epoch = self.batch = 0

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __iter__(self):
        while self.batch < len(self):
            order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.x))
            at = order[self.batch * self.batch_size :][: self.batch_size]
            self.batch += 1
            is_last = self.batch == len(self)
            if is_last and self.eager:
                self.epoch, self.batch = self.epoch + 1, 0
            yield self.x[at], self.y[at]
            if is_last and self.eager:
                return
        self.epoch, self.batch = self.epoch + 1, 0

    @property
    def state(self):
        return {"epoch": self.epoch, "batch": self.batch}

    def load_state(self, state):
        self.epoch, self.batch = state["epoch"], state["batch"]


class Total:
    """A callback with a state."""

    def __init__(self):
        self.state = {"loss": 0.0, "events": 0}

    def load_state(self, state):
        self.state = dict(state)

    def __call__(self, info):
        if info["event"] == "step":
            self.state["loss"] += info["loss"]
        if info["event"] != "end":
            self.state["events"] += 1


def problem(count=100, seed=0):
    """Points of three classes, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    x = rng.standard_normal((count, 6)).astype(np.float32)
    x[np.arange(count), labels] += 2
    return x, labels


def network(dtype="float32", dropout=0.2):
    return (
        nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3)
        )
        .reset_parameters(0)
        .to(dtype)
    )


def without_times(history):
    return {name: entries for name, entries in history.items() if name not in TIMES}


def fit_everything(folder, *, resume=True, callbacks=(), eager=False, epochs=4, dtype="bfloat16"):
    """Train with all that has a state; return the arrays and numbers that must be the same."""
    folder = Path(folder)
    net = network(dtype)
    plateau = so.ReduceOnPlateau(factor=0.5, patience=0)
    # 7 batches of an epoch don't fill windows of 2.
    optimizer = so.AdamW(
        net.named_parameters(),
        lr=so.warmup(0.02, warmup=3).then(0.02 * plateau, at=3),
        accumulate=2,
        ema_decay=0.9,
        clip_norm=1.0,
    )
    stopping = so.EarlyStopping(patience=50, params=net.named_parameters())
    data = Batches(*problem(), 16, eager=eager)
    total = Total()
    history = so.train.fit(
        net,
        data,
        optimizer=optimizer,
        loss=nn.CrossEntropyLoss(label_smoothing=0.1),
        epochs=epochs,
        validation=Batches(*problem(50, 1), 20, seed=5),
        metrics=["accuracy", so.train.top_k_accuracy(2)],
        early_stopping=stopping,
        plateau=plateau,
        checkpoint=folder / "run.safetensors",
        checkpoint_every=3,
        resume=resume,
        log=[folder / "log.csv", folder / "log.jsonl"],
        callbacks=[total, *callbacks],
    )
    arrays = {name: array.copy() for name, array in net.state_dict().items()}
    for name, slots in optimizer.state.items():
        arrays |= {f"{name}/{slot}": np.array(array) for slot, array in slots.items()}
    arrays |= {f"best/{name}": array for name, array in stopping.state["best_params"].items()}
    numbers = {
        "history": without_times(history),
        "total": total.state,
        "plateau": plateau.state,
        "data": data.state,
        "stopping": {k: v for k, v in stopping.state.items() if k != "best_params"},
        "updates": optimizer.step_count,
    }
    return arrays, numbers


def killer(kill_at):
    """A callback that kills this process at an event, or while a file is saved."""
    event, _, number = kill_at.partition(" ")
    seen = 0

    def kill(info):
        nonlocal seen
        seen += info["event"] == event
        if info["event"] == event and seen == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    if event == "save":  # after the epoch was logged, in the midst of replacing the file
        replace, saves = Path.replace, 0

        def replacing(self, target):
            nonlocal saves
            if Path(target).name == "run.safetensors":
                saves += 1
                if saves == int(number):
                    os.kill(os.getpid(), signal.SIGKILL)
            return replace(self, target)

        Path.replace = replacing
    return kill


def slowly(info):
    """Make a step long enough that somebody else can kill this process in one of 28."""
    if info["event"] == "step":
        time.sleep(0.02)


def as_bits(arrays):
    return {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items()}


if __name__ == "__main__":
    folder, kill_at, eager = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "eager"
    callback = slowly if kill_at == "slowly" else killer(kill_at)
    arrays, numbers = fit_everything(folder, callbacks=[callback], eager=eager)
    bits = {name: content.hex() for name, content in as_bits(arrays).items()}
    (folder / "result.json").write_text(json.dumps({"bits": bits, "numbers": numbers}))
