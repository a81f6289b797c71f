"""Trains a residual network of separable convolutions on Fashion-MNIST in bfloat16.

Batch norm, dropout, label smoothing, random shifts and flips, AdamW with warm-up and cosine:
to at least 92.5 % of the test images in a few minutes on two processors.

    python examples/fashion_mnist_cnn.py --output build/fashion_mnist_cnn.png
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import swiftopt
from support.training import accuracy, at_least_one, endless, logits_of
from swiftopt import nn
from tqdm import tqdm

PEAK_LR = 6e-3
WARMUP_FRACTION = 0.15
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
DROPOUT = 0.1
REQUIRED_ACCURACY = 0.925


def separable(channels, outputs, stride=1):
    """A separable convolution and the batch norm after it."""
    convolution = nn.SeparableConv2d(channels, outputs, 3, stride=stride, padding=1, bias=False)
    return convolution, nn.BatchNorm(outputs)


def residual_block(width):
    branch = nn.Sequential(*separable(width, width), nn.ReLU(), *separable(width, width))
    return nn.Residual(branch), nn.ReLU()


def network(seed):
    """A network for images (batch, 28, 28, 1)."""
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False),
        nn.BatchNorm(32),
        nn.ReLU(),
        *separable(32, 64, stride=2),  # 14 x 14
        nn.ReLU(),
        *residual_block(64),
        *separable(64, 128, stride=2),  # 7 x 7
        nn.ReLU(),
        *residual_block(128),
        nn.GlobalAvgPool2d(),
        nn.Dropout(DROPOUT),
        nn.Linear(128, len(swiftopt.data.FashionMNIST.classes)),
    )
    return net.reset_parameters(seed)


@dataclass
class History:
    """What the figure shows."""

    losses: list = field(default_factory=list)
    learning_rates: list = field(default_factory=list)
    epoch_ends: list = field(default_factory=list)
    accuracies: list = field(default_factory=list)
    #: Of the test images, at the last epoch's end.
    logits: np.ndarray | None = None
    #: Of the time, waiting for batches.
    wait_share: float = 0.0


def normalization(data):
    """To mean 0 and deviation 1 over all training pixels, which are in 0 ... 1 by then."""
    images, _ = data.train
    return swiftopt.data.Normalize(images.mean() / 255, images.std() / 255)


def train(net, data, options):
    """Trains the network and tests it after every epoch."""
    normalize, (test_images, test_labels) = normalization(data), data.test
    test_images = swiftopt.data.augment(test_images, [normalize])
    loader = swiftopt.data.Loader(
        data.train, options.batch_size, shuffle=True, drop_last=True, seed=options.seed,
        augment=[
            swiftopt.data.RandomCrop(28, padding=2),
            swiftopt.data.RandomHorizontalFlip(),
            normalize,
        ],
    )  # fmt: skip
    steps_per_epoch = len(loader)
    total = min(options.epochs * steps_per_epoch, options.steps or sys.maxsize)
    schedule = swiftopt.warmup_cosine(
        PEAK_LR, warmup=max(round(WARMUP_FRACTION * total), 1), total=total
    )
    optimizer = swiftopt.AdamW(net.named_parameters(), lr=schedule, weight_decay=WEIGHT_DECAY)
    optimizer.bind(net.gradients())  # the same arrays in every step
    criterion = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)

    history = History()
    # disable=None: no bar where the output is not a terminal.
    progress = tqdm(range(1, total + 1), unit="steps", leave=False, disable=None)
    for step, (images, labels) in zip(progress, endless(loader), strict=False):
        loss = criterion(net(images), labels)
        net.backward(criterion.backward())
        report = optimizer.step()

        history.losses.append(loss)
        history.learning_rates.append(report.lr)
        if step % steps_per_epoch == 0 or step == total:
            history.logits = logits_of(net, test_images)
            history.epoch_ends.append(step)
            history.accuracies.append(accuracy(history.logits, test_labels))
            progress.write(
                f"step {step:5}: loss {np.mean(history.losses[-steps_per_epoch:]):.3f}, "
                f"test accuracy {history.accuracies[-1]:.2%}"
            )
        progress.set_postfix(waiting=f"{loader.stats.wait_share:.1%}", refresh=False)
    history.wait_share = loader.stats.wait_share
    return history


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=at_least_one, default=15)
    parser.add_argument("--steps", type=at_least_one, help="stop after so many, whatever comes out")
    parser.add_argument("--batch-size", type=at_least_one, default=128)
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("build/fashion_mnist_cnn.png"), help="the figure (PNG)"
    )
    return parser.parse_args()


def main():
    options = parsed_options()
    try:
        data = swiftopt.data.fashion_mnist()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))

    net = network(options.seed).to(options.dtype)
    net.summary((options.batch_size, 28, 28, 1))
    beginning = time.perf_counter()
    history = train(net, data, options)
    seconds = time.perf_counter() - beginning

    final = history.accuracies[-1]
    print(
        f"{len(history.losses)} steps of {options.batch_size} images in {options.dtype} took "
        f"{seconds:.0f} s, tests included ({1e3 * seconds / len(history.losses):.1f} ms a step, "
        f"{history.wait_share:.1%} of the time waiting for images): "
        f"{final:.2%} of the test images are right."
    )
    from support.image_figure import draw  # matplotlib takes a second to import

    draw(options.output, history, data, dtype=options.dtype)
    print(f"Figure: {options.output}")
    if options.steps is None and final < REQUIRED_ACCURACY:
        sys.exit(f"FAILED: the test accuracy must be at least {REQUIRED_ACCURACY:.1%}")


if __name__ == "__main__":
    main()
