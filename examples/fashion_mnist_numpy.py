"""Trains a multi-layer perceptron on Fashion-MNIST in plain NumPy with swiftopt's AdamW.

The network, its gradients and the loop are what any NumPy user writes. swiftopt is one
constructor (in `swiftopt_adamw`) and one call (`optimizer.step(grads)` in `train`). Then
the same training runs with plain SGD at its best constant learning rate and with an AdamW
in NumPy, and a table and a figure compare the three.

    python examples/fashion_mnist_numpy.py --output build/fashion_mnist.png
"""

import argparse
import functools
import sys
import time
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import swiftopt
from support import fashion_mnist, figure
from support.numpy_adamw import NumPyAdamW
from support.results import Agreement, Run, print_results
from tqdm import tqdm

LAYER_SIZES = (784, 512, 256, 10)
PEAK_LR = 2e-3
WARMUP_FRACTION = 0.1
WEIGHT_DECAY = 0.1
CLIP_NORM = 1.0
REQUIRED_ACCURACY = 0.885

# ------------------------------------------------------------------ the network


def initial_parameters(seed):
    """Weights after He et al. 2015 (for layers with a ReLU), biases zero; float32."""
    rng = np.random.default_rng(seed)
    params = {}
    for layer, (inputs, outputs) in enumerate(pairwise(LAYER_SIZES)):
        weights = rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)
        params[f"w{layer}"] = weights.astype(np.float32)
        params[f"b{layer}"] = np.zeros(outputs, np.float32)
    return params


def forward(params, images):
    """The input and what each layer makes of it; the last are the logits."""
    activations = [images]
    last = len(LAYER_SIZES) - 2
    for layer in range(last + 1):
        x = activations[-1] @ params[f"w{layer}"] + params[f"b{layer}"]
        activations.append(np.maximum(x, 0) if layer < last else x)
    return activations


def loss_and_gradients(params, images, labels):
    """The mean cross-entropy of a batch, and its gradient for every parameter."""
    *activations, logits = forward(params, images)
    rows = np.arange(len(labels))
    logits -= logits.max(axis=1, keepdims=True)  # keeps exp from overflowing
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -log_probabilities[rows, labels].mean()

    delta = np.exp(log_probabilities)
    delta[rows, labels] -= 1
    delta /= len(labels)
    grads = {}
    for layer in reversed(range(len(activations))):
        grads[f"w{layer}"] = activations[layer].T @ delta
        grads[f"b{layer}"] = delta.sum(axis=0)
        if layer > 0:
            delta = (delta @ params[f"w{layer}"].T) * (activations[layer] > 0)
    return float(loss), grads


def accuracy(params, images, labels):
    return float((forward(params, images)[-1].argmax(axis=1) == labels).mean())


# ----------------------------------------------------------------- the training


def batches(images, batch_size, epochs, seed):
    """The indices of each batch of each epoch, shuffled; the odd rest of an epoch is left out."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for start in range(0, len(images) - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def train(title, params, optimizer, data, options):
    """Trains `params` in place and tests them after every epoch."""
    run = Run(title)
    updates_per_epoch = len(data.train_images) // options.batch_size
    all_batches = batches(data.train_images, options.batch_size, options.epochs, options.seed)
    total = updates_per_epoch * options.epochs
    # disable=None: no bar where the output is not a terminal.
    progress = tqdm(all_batches, desc=title, total=total, unit="updates", leave=False, disable=None)
    beginning = time.perf_counter()
    for update, batch in enumerate(progress, start=1):
        loss, grads = loss_and_gradients(params, data.train_images[batch], data.train_labels[batch])

        before_step = time.perf_counter()
        report = optimizer.step(grads)
        run.optimizer_seconds += time.perf_counter() - before_step

        run.losses.append(loss)
        run.learning_rates.append(report.lr)
        run.gradient_norms.append(report.grad_norm)
        if update % updates_per_epoch == 0:
            run.epoch_ends.append(update)
            run.accuracies.append(accuracy(params, data.test_images, data.test_labels))
            progress.set_postfix(
                loss=f"{loss:.3f}", accuracy=f"{run.accuracies[-1]:.1%}", lr=f"{report.lr:.1e}"
            )
    run.seconds = time.perf_counter() - beginning
    print(f"    {title:24}{run.accuracies[-1]:7.2%} {run.seconds:7.1f} s", flush=True)
    return run


def warmup_updates(total):
    return max(round(WARMUP_FRACTION * total), 1)


def swiftopt_adamw(params, total):
    schedule = swiftopt.warmup_cosine(PEAK_LR, warmup=warmup_updates(total), total=total)
    return swiftopt.AdamW(params, lr=schedule, weight_decay=WEIGHT_DECAY, clip_norm=CLIP_NORM)


def numpy_adamw(params, total):
    return NumPyAdamW(
        params,
        peak_lr=PEAK_LR,
        warmup=warmup_updates(total),
        total=total,
        weight_decay=WEIGHT_DECAY,
        clip_norm=CLIP_NORM,
    )


# -------------------------------------------------------------- the comparisons


def best_sgd_learning_rate(data, options):
    """The candidate that does best in a short training on a validation split."""
    short = argparse.Namespace(**{**vars(options), "epochs": min(options.epochs, 3)})
    split = data.validation_split(len(data.train_images) // 6)
    candidates = (0.1, 0.3) if options.quick else (0.03, 0.1, 0.2, 0.3, 0.5)
    print(
        f"\nFor plain SGD, candidates trained for {short.epochs} epochs on "
        f"{len(split.train_images)} of the training images and judged on the other "
        f"{len(split.test_images)}:"
    )
    accuracies = {}
    for lr in candidates:
        params = initial_parameters(options.seed)
        # Too large a learning rate diverges, which is a result and not an error.
        with np.errstate(over="ignore", invalid="ignore"):
            run = train(f"SGD at {lr:g}", params, swiftopt.SGD(params, lr=lr), split, short)
        accuracies[lr] = run.accuracies[-1]
    return max(accuracies, key=accuracies.get)


def agreement_with_numpy(data, options, total):
    """Gives the same gradients, one after the other, to swiftopt and to NumPy.

    They are recorded along swiftopt's path, so the two never pull each other apart, and all
    that remains is rounding: with the unit roundoff u = 2**-24, each update rounds a parameter
    four times (decay factor, its product and the difference in NumPy, the difference in
    swiftopt), and a moment's error of a few u per update, carried on for 1 / (1 - beta)
    updates and divided by the root of a second moment that may lie an order of magnitude
    below the gradient, comes to less than 1000 u of the learning rate.
    """
    updates = 10 if options.quick else 100
    params, rival = initial_parameters(options.seed), initial_parameters(options.seed)
    optimizer, rival_optimizer = swiftopt_adamw(params, total), numpy_adamw(rival, total)
    start = {name: param.copy() for name, param in params.items()}
    all_batches = batches(data.train_images, options.batch_size, options.epochs, options.seed)
    for batch in islice(all_batches, updates):
        _, grads = loss_and_gradients(params, data.train_images[batch], data.train_labels[batch])
        optimizer.step(grads)
        rival_optimizer.step(grads)

    def largest(one, other):
        return max(float(abs(one[name] - other[name]).max()) for name in one)

    largest_parameter = max(float(abs(param).max()) for param in params.values())
    rounding = updates * 2**-24 * (4 * largest_parameter + 1000 * PEAK_LR)
    return Agreement(updates, largest(params, rival), largest(params, start), rounding)


# ---------------------------------------------------------------------- the demo


def parsed_options():
    def whole_number(text, minimum=0):
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} must be at least {minimum}")
        return value

    positive = functools.partial(whole_number, minimum=1)

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=positive, default=12)
    parser.add_argument("--batch-size", type=positive, default=256)
    parser.add_argument("--seed", type=whole_number, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("build/fashion_mnist.png"), help="the figure (PNG)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="2 epochs on 3000 images; no accuracy is required"
    )
    return parser.parse_args()


def main():
    options = parsed_options()
    try:
        data = fashion_mnist.load()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if options.quick:
        data = data.subset(train=3000, test=1000)
        options.epochs = min(options.epochs, 2)
    if options.batch_size > len(data.train_images) // 2:
        sys.exit(
            f"--batch-size must be at most half of the {len(data.train_images)} training images"
        )
    total = options.epochs * (len(data.train_images) // options.batch_size)

    params = initial_parameters(options.seed)
    print(
        f"{len(data.train_images)} training and {len(data.test_images)} test images, "
        f"{options.epochs} epochs, {total} updates;\n"
        f"perceptron {'-'.join(map(str, LAYER_SIZES))}, "
        f"{sum(param.size for param in params.values())} parameters in float32:"
    )
    addresses_before = {name: param.ctypes.data for name, param in params.items()}
    adamw = train("AdamW, swiftopt", params, swiftopt_adamw(params, total), data, options)
    addresses_after = {name: param.ctypes.data for name, param in params.items()}

    lr = best_sgd_learning_rate(data, options)

    print("\nThe training above again, with others:")
    params = initial_parameters(options.seed)
    sgd = train(f"SGD at {lr:g}, swiftopt", params, swiftopt.SGD(params, lr=lr), data, options)
    params = initial_parameters(options.seed)
    rival = train("AdamW, NumPy", params, numpy_adamw(params, total), data, options)

    agreement = agreement_with_numpy(data, options, total)
    print_results((adamw, sgd, rival), agreement, clip_norm=CLIP_NORM)
    for moment, addresses in (("before", addresses_before), ("after", addresses_after)):
        listed = ", ".join(f"{name} {address:x}" for name, address in addresses.items())
        print(f"Parameters in memory {moment:>6}: {listed}")
    figure.draw(options.output, adamw, sgd, rival, clip_norm=CLIP_NORM)
    print(f"Figure: {options.output}")

    if addresses_before != addresses_after:
        sys.exit("FAILED: a parameter has moved; the updates must be in place")
    if agreement.difference > agreement.rounding:
        sys.exit("FAILED: the two AdamWs differ by more than rounding explains")
    if not options.quick and adamw.accuracies[-1] < REQUIRED_ACCURACY:
        sys.exit(f"FAILED: the test accuracy must be at least {REQUIRED_ACCURACY:.1%}")


if __name__ == "__main__":
    main()
