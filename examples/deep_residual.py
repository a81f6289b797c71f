"""Trains a plain network of 56 layers and the same with residual connections (He et al. 2015).

Both have batch norm after each convolution, the same optimizer, batches and initial weights.
The plain one hardly gets below guessing: in its first step the gradients of its first layers
are already thousands of times those of its last ones. The figure shows both.

    python examples/deep_residual.py --output build/deep_residual.png
"""

import argparse
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import swiftopt
from support import fashion_mnist
from support.training import accuracy, at_least_one, endless, logits_of
from swiftopt import nn
from tqdm import tqdm

DEPTH = 56  # a stem, 27 pairs and the classifier
WIDTH = 32
STEPS = 600
LR = 1e-3
GUESSING = math.log(len(fashion_mnist.CLASSES))


def network(is_residual, seed):
    """A network for images (batch, 28, 28, 1): all but its ends at 7 x 7 pixels."""
    layers = [
        nn.Conv2d(1, WIDTH, 7, stride=4, padding=3, bias=False),
        nn.BatchNorm(WIDTH),
        nn.ReLU(),
    ]
    for _ in range((DEPTH - 2) // 2):
        pair = [
            nn.SeparableConv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm(WIDTH),
            nn.ReLU(),
            nn.SeparableConv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm(WIDTH),
        ]
        layers += [nn.Residual(nn.Sequential(*pair)) if is_residual else nn.Sequential(*pair)]
        layers += [nn.ReLU()]
    layers += [nn.GlobalAvgPool2d(), nn.Linear(WIDTH, len(fashion_mnist.CLASSES))]
    return nn.Sequential(*layers).reset_parameters(seed)


@dataclass
class Run:
    """What the figure shows of one training."""

    title: str
    losses: list = field(default_factory=list)
    #: Root of the mean square of each convolution's gradient in the first step.
    gradients: list = field(default_factory=list)
    accuracy: float = 0.0


def convolution_gradients(net):
    """The root of the mean square of the gradient of each layer's last convolution."""
    return [
        float(np.sqrt(np.mean(np.square(gradient, dtype=np.float64))))
        for name, gradient in net.gradients().items()
        if "pointwise" in name
    ]


def train(title, net, data, options):
    loader = swiftopt.data.Loader(
        (data.train_images.reshape(-1, 28, 28, 1), data.train_labels),
        options.batch_size, shuffle=True, drop_last=True, seed=options.seed,
    )  # fmt: skip
    optimizer = swiftopt.AdamW(net.named_parameters(), lr=LR)
    optimizer.bind(net.gradients())  # the same arrays in every step
    criterion = nn.CrossEntropyLoss()
    run = Run(title)
    # disable=None: no bar where the output is not a terminal.
    progress = tqdm(range(options.steps), desc=title, unit="steps", leave=False, disable=None)
    for _, (images, labels) in zip(progress, endless(loader), strict=False):
        run.losses.append(criterion(net(images), labels))
        net.backward(criterion.backward())
        run.gradients = run.gradients or convolution_gradients(net)
        optimizer.step()
        progress.set_postfix(loss=f"{run.losses[-1]:.2f}")
    tested = logits_of(net, data.test_images.reshape(-1, 28, 28, 1))
    run.accuracy = accuracy(tested, data.test_labels)
    print(
        f"{title:8}  loss {np.mean(run.losses[-50:]):.3f} (guessing: {GUESSING:.3f}), "
        f"test accuracy {run.accuracy:.1%}; gradient of the first convolution "
        f"{run.gradients[0]:.2g}, of the last {run.gradients[-1]:.2g}"
    )
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=at_least_one, default=STEPS)
    parser.add_argument("--batch-size", type=at_least_one, default=128)
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("build/deep_residual.png"), help="the figure (PNG)"
    )
    options = parser.parse_args()
    try:
        data = fashion_mnist.load()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))

    plain, residual = (
        train(title, network(is_residual, options.seed).to(options.dtype), data, options)
        for title, is_residual in (("plain", False), ("residual", True))
    )
    from support.depth_figure import draw  # matplotlib takes a second to import

    draw(options.output, plain, residual, depth=DEPTH, guessing=GUESSING)
    print(f"Figure: {options.output}")
    if options.steps >= STEPS and residual.accuracy < plain.accuracy + 0.3:
        sys.exit("FAILED: the residual network must be better by at least 30 % of the images")


if __name__ == "__main__":
    main()
