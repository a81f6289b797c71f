"""Logistic regression on Fashion-MNIST: a convex problem."""

from __future__ import annotations

from swiftopt import nn
from swiftopt.study._config import Config
from swiftopt.study.workloads import _fashion
from swiftopt.study.workloads._workload import Workload


def logistic(held_out: bool = False) -> Workload:
    """Return the workload; held out are other training images."""

    def network(config: Config) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))

    return Workload(
        name="logistic" + "-held-out" * held_out,
        title="logistic regression, Fashion-MNIST" + " (other images)" * held_out,
        load=lambda: _fashion.images(held_out, train=25000, validation=5000, test=10000),
        network=network,
        metric="accuracy",
        batch_size=128,
        budget=1600,
        every=40,
        settings={"images": 25000, "second_half": held_out, "validation": 5000},
        parts=frozenset({"loader"}),
        seconds=0.3,
        variant_of="logistic" if held_out else None,
    )
