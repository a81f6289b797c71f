"""A convolutional network on Fashion-MNIST, of any odd depth."""

from __future__ import annotations

from swiftopt import nn
from swiftopt.study._config import Config
from swiftopt.study.workloads import _fashion
from swiftopt.study.workloads._workload import Workload


def _convolution(config: Config, inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    """Return a convolution 3 x 3 and the norm after it."""
    kind = nn.SeparableConv2d if config.separable else nn.Conv2d
    layers: list[nn.Module] = [
        kind(inputs, outputs, 3, stride=stride, padding=1, bias=not config.batch_norm)
    ]
    if config.batch_norm:
        layers.append(nn.BatchNorm(outputs))
    return layers


def cnn(held_out: bool = False) -> Workload:
    """Return the workload; held out are another width, and other images.

    Images are halved twice by strides, 28 to 14 to 7. Between, pairs of convolutions
    of the same width, which `residual` adds their input to (He et al. 2015, figure 2).
    Deep networks keep half of the width, so that a run stays short.
    """
    width = 24 if held_out else 32

    def network(config: Config) -> nn.Module:
        depth = config.depth or 5
        first = width if depth < 10 else width // 2
        second = 2 * first
        # Stem, the second stride, and the output's layer count too, as in the paper.
        pairs = (depth - 3) // 2
        layers: list[nn.Module] = [
            nn.Conv2d(1, first, 3, stride=2, padding=1, bias=not config.batch_norm)
        ]
        if config.batch_norm:
            layers.append(nn.BatchNorm(first))
        layers.append(nn.ReLU())
        for stage, (inputs, outputs) in enumerate(((first, first), (first, second))):
            if stage:
                layers += [*_convolution(config, inputs, outputs, stride=2), nn.ReLU()]
            # The deeper half works on the smaller images.
            for _ in range(pairs // 2 if stage == 0 else pairs - pairs // 2):
                pair = nn.Sequential(
                    *_convolution(config, outputs, outputs),
                    nn.ReLU(),
                    *_convolution(config, outputs, outputs),
                )
                layers += [nn.Residual(pair) if config.residual else pair, nn.ReLU()]
        layers.append(nn.GlobalAvgPool2d())
        if config.dropout:
            layers.append(nn.Dropout(config.dropout))
        return nn.Sequential(*layers, nn.Linear(second, 10))

    return Workload(
        name="cnn" + "-held-out" * held_out,
        title=f"convolutions, width {width}, Fashion-MNIST",
        load=lambda: _fashion.images(held_out, train=10000, validation=2000, test=5000),
        network=network,
        metric="accuracy",
        batch_size=128,
        budget=240,
        every=20,
        settings={"images": 10000, "second_half": held_out, "validation": 2000} | {"width": width},
        parts=frozenset(
            {"batch_norm", "dropout", "augmentation", "bfloat16", "loader", "depth", "separable"}
            | {"repeated_samples"}
        ),
        seconds=7,
        variant_of="cnn" if held_out else None,
    )
