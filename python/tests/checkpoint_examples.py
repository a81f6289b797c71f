"""What the checkpoints in data/ hold. `python -m tests.checkpoint_examples` writes them.

Files of a version of the format stay as they are for good; a new version gets new ones.
"""

from pathlib import Path

import numpy as np

import swiftopt as so
from swiftopt._dtypes import zeros

DATA = Path(__file__).parent / "data"


def grads(step):
    generator = np.random.default_rng(step)
    return {
        "layer": {"w": generator.standard_normal((3, 4)), "b": generator.standard_normal(300)},
        "h": generator.standard_normal(5).astype(np.float32),
    }


class Training:
    """Several dtypes, schedules, state machines, half a window."""

    def __init__(self):
        self.params = {
            "layer": {"w": np.ones((3, 4), np.float32), "b": np.arange(300.0)},
            "h": zeros((5,), "bfloat16"),
        }
        self.plateau = so.ReduceOnPlateau(patience=1)
        self.optimizer = so.AdamW(
            self.params,
            lr=so.warmup(0.1, warmup=3) * self.plateau,
            weight_decay=so.linear(0.1, total=50),
            ema_decay=0.9,
            accumulate=2,
            clip_norm=100.0,
            seed=2**63 + 5,
            overrides={"layer.b": {"state_dtype": "block8", "betas": (0.8, 0.9)}},
        )
        self.scaler = so.LossScaler(4.0, growth_interval=2)
        self.stopping = so.EarlyStopping(params={"w": self.params["layer"]["w"]})

    def steps(self, begin, end):
        for step in range(begin, end):
            self.optimizer.step(grads(step), scaler=self.scaler)
            self.plateau.observe(1.0)
            self.stopping.observe(float(-step))
        return self

    def objects(self):
        return {
            "params": self.params,
            "optimizer": self.optimizer,
            "schedule": so.cosine(0.5, total=10),
            "scaler": self.scaler,
            "early_stopping": self.stopping,
        }


EXTRA = {
    "epoch": 3,
    "nothing": None,
    "numbers": (True, 2**100, -1.5, float("inf"), float("-inf"), np.float32(0.25)),
    "$odd": {1: "a", None: [], False: {}},
    "array": np.arange(6, dtype=np.int16).reshape(2, 3),
}


def lazy():
    """An optimizer without params, after three steps of one key and one of another."""
    optimizer = so.SGD(lr=0.5, momentum=0.9)
    w, b = np.ones(3), np.zeros(2, np.float32)
    for step in range(3):
        optimizer.update("w", w, np.full(3, step + 1.0))
    optimizer.update("b", b, np.ones(2, np.float32))
    return optimizer, {"w": w, "b": b}


def main():
    training = Training().steps(0, 7)
    so.save(DATA / "version1.safetensors", **training.objects(), extra=EXTRA)
    optimizer, params = lazy()
    so.save(DATA / "version1_lazy.safetensors", params=params, optimizer=optimizer)


if __name__ == "__main__":
    main()
