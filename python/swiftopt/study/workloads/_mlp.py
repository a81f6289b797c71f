"""A multi-layer perceptron on Fashion-MNIST."""

from __future__ import annotations

from itertools import pairwise

from swiftopt import nn
from swiftopt.study._config import Config
from swiftopt.study.workloads import _fashion
from swiftopt.study.workloads._workload import Workload


def mlp(held_out: bool = False) -> Workload:
    """Return the workload; held out are another width and depth, and other images."""
    width, depth = (384, 3) if held_out else (512, 2)

    def network(config: Config) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise((784, *[width] * depth)):
            layers.append(nn.Linear(inputs, outputs, bias=not config.batch_norm))
            if config.batch_norm:
                layers.append(nn.BatchNorm(outputs))
            layers.append(nn.ReLU())
            if config.dropout:
                layers.append(nn.Dropout(config.dropout))
        return nn.Sequential(*layers, nn.Linear(width, 10))

    return Workload(
        name="mlp" + "-held-out" * held_out,
        title=f"perceptron {depth} × {width}, Fashion-MNIST",
        load=lambda: _fashion.images(held_out, train=10000, validation=5000, test=10000),
        network=network,
        metric="accuracy",
        batch_size=128,
        budget=1200,
        every=30,
        settings={"images": 10000, "second_half": held_out, "validation": 5000}
        | {"width": width, "depth": depth},
        parts=frozenset(
            {"batch_norm", "dropout", "augmentation", "bfloat16", "loader"} | {"repeated_samples"}
        ),
        seconds=5,
        variant_of="mlp" if held_out else None,
    )
