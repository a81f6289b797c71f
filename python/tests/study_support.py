"""A problem so small that studies of it take moments, and results that were made up."""

import numpy as np

from swiftopt import nn
from swiftopt.study import Protocol
from swiftopt.study.workloads import Data, Split, Workload

#: The least that a protocol may consist of, on one real workload.
SMALL = Protocol(
    workloads=("logistic",),
    techniques=("sgd_naive", "sgd", "momentum", "sgd_tuned"),
    tuning_trials=2,
    seeds=2,
    held_out=False,
    budget=0.005,
    timing_rounds=2,
    timing_seconds=0.0,
)


def blobs():
    """Two clouds of points, which a line separates."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=300).astype(np.uint8)
    points = rng.standard_normal((300, 4)).astype(np.float32)
    points[:, 0] += 3.0 * labels
    cuts = (slice(0, 100), slice(100, 200), slice(200, 300))
    return Data(*(Split(points[cut], labels[cut]) for cut in cuts))


def workload(name="blobs", **changes):
    """A workload on the clouds; `parts` and all else can be set."""
    settings = {
        "name": name,
        "title": "two clouds",
        "load": blobs,
        "network": lambda config: nn.Sequential(nn.Linear(4, 2)),
        "metric": "accuracy",
        "batch_size": 10,
        "budget": 20,
        "every": 5,
        "evaluation_batch": 50,
    }
    return Workload(**(settings | changes))


def result(values, *, every=1, batch_size=10, stopped=None, accuracy=0.9, gap=0.1):
    """A trial's result whose validation accuracy is `values`; None at the end: it diverged."""
    diverged = len(values) * every if values and values[-1] is None else None
    known = [value for value in values if value is not None]
    curve = [[(i + 1) * every, 1.0, 1 - value, value] for i, value in enumerate(known)]
    final = {"loss": 0.5, "accuracy": known[-1]} if known and diverged is None else None
    return {
        "steps": len(values) * every,
        "every": every,
        "curve": curve,
        "diverged": diverged,
        "stopped": stopped,
        "train_loss": None if final is None else 0.5 - gap,
        "validation": final,
        "test": None if final is None else {"loss": 0.5, "accuracy": accuracy},
        "wall_seconds": 0.5,
    }
