"""Trains the network of fashion_mnist_numpy.py in float16 and shows what makes that work.

Weights, activations and gradients are float16. Loss scaling keeps small gradients from
vanishing, float32 master weights keep small updates, accumulation makes one update from
several small batches, and checkpoints let the training go on after a kill. Each part is
taken away in turn, and what that does is printed: look at the shares, for a network as small
as this one reaches about the same accuracy without the parts.

    python examples/mixed_precision_numpy.py

With --checkpoint it is only the training, which saves to the file every 50 batches and goes
on from the file if there is one: kill it and start it again.
"""

import argparse
import functools
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import fashion_mnist_numpy as demo
import numpy as np
import swiftopt
from support import fashion_mnist
from support.half_network import activation_bytes, half, loss_and_gradients, single

BATCH_SIZE = 64
ACCUMULATE = 4  # batches for one update
SAVE_EVERY = 50  # batches: no multiple of ACCUMULATE, so that some saves are half-way
# Another start and another patience than the defaults of 2**16 and 2000 updates, so that a
# short training shows how the scale finds its way from above and from below.
INITIAL_SCALE, GROWTH_INTERVAL = 2.0**24, 100
REQUIRED_ACCURACY = 0.865


@dataclass
class Training:
    """A training that can stop after any batch and go on from a file."""

    params: dict
    optimizer: swiftopt.Optimizer
    scaler: swiftopt.LossScaler
    batch: int = 0  # batches so far
    losses: list = field(default_factory=list)
    skipped: int = 0
    scales: list = field(default_factory=list)  # the first, and each that is another

    @classmethod
    def new(cls, data, options, *, scaler=None, **optimizer_options):
        params = {name: half(p) for name, p in demo.initial_parameters(options.seed).items()}
        updates = options.epochs * batches_per_epoch(data) // ACCUMULATE
        optimizer = swiftopt.AdamW(
            params,
            lr=swiftopt.warmup_cosine(demo.PEAK_LR, warmup_fraction=0.1, total=updates),
            weight_decay=demo.WEIGHT_DECAY,
            clip_norm=demo.CLIP_NORM,
            accumulate=ACCUMULATE,
            **optimizer_options,
        )
        scaler = scaler or swiftopt.LossScaler(INITIAL_SCALE, growth_interval=GROWTH_INTERVAL)
        return cls(params, optimizer, scaler, scales=[scaler.loss_scale])

    def save(self, path):
        swiftopt.save(
            path,
            params=self.params,
            optimizer=self.optimizer,
            scaler=self.scaler,
            extra={"batch": self.batch},
        )

    def load(self, path):
        checkpoint = swiftopt.load(
            path, params=self.params, optimizer=self.optimizer, scaler=self.scaler
        )
        self.batch = checkpoint.extra["batch"]

    def run(self, data, options, checkpoint=None):
        """Trains to the end; with a checkpoint's path it saves now and then."""
        order = demo.batches(data.train_images, BATCH_SIZE, options.epochs, options.seed)
        for chosen in islice(order, self.batch, None):
            loss, grads = loss_and_gradients(
                self.params, data.train_images[chosen], data.train_labels[chosen],
                self.scaler.loss_scale,
            )  # fmt: skip
            report = self.optimizer.step(grads, scaler=self.scaler)
            self.batch += 1
            self.losses.append(loss)
            self.skipped += report.status == "skipped"
            if report.loss_scale != self.scales[-1]:
                self.scales.append(report.loss_scale)
            if checkpoint and self.batch % SAVE_EVERY == 0:
                self.save(checkpoint)
        return self

    def accuracy(self, data):
        weights = {name: single(param) for name, param in self.params.items()}
        return demo.accuracy(weights, single(data.test_images), data.test_labels)


def batches_per_epoch(data):
    return len(data.train_images) // BATCH_SIZE


# ------------------------------------------------------------- one part after the other


def show(title, text):
    print(f"\n{title}\n    {text}", flush=True)


def vanished_share(training, data):
    """Of one batch's gradient elements that are not 0, those that are 0 without a scale."""
    images, labels = data.train_images[:BATCH_SIZE], data.train_labels[:BATCH_SIZE]
    scale = training.scaler.loss_scale
    _, scaled = loss_and_gradients(training.params, images, labels, scale)
    _, plain = loss_and_gradients(training.params, images, labels, 1.0)
    kept = sum(np.count_nonzero(g) for g in scaled.values())
    lost = sum(np.count_nonzero((scaled[name] != 0) & (plain[name] == 0)) for name in scaled)
    return lost / kept


def show_loss_scaling(full, data, options):
    unscaled = Training.new(data, options, scaler=swiftopt.LossScaler(1.0, dynamic=False))
    unscaled.run(data, options)
    path = ", ".join(f"2^{round(np.log2(scale))}" for scale in full.scales[:16])
    show(
        "Loss scaling",
        f"The scale: {path}{', ...' if len(full.scales) > 16 else ''}.\n    {full.skipped} updates "
        f"were skipped because a gradient had overflowed, and changed nothing.\n    Without a "
        f"scale, {vanished_share(full, data):.1%} of the gradient's elements vanish at the end of "
        f"training,\n    and the accuracy is {unscaled.accuracy(data):.2%}.",
    )


def unmoved_share(training, data):
    """The share of float16 weights that one more update leaves as they are."""
    before = {name: param.copy() for name, param in training.params.items()}
    for start in range(0, ACCUMULATE * BATCH_SIZE, BATCH_SIZE):
        chosen = slice(start, start + BATCH_SIZE)
        scale = training.scaler.loss_scale
        _, grads = loss_and_gradients(
            training.params, data.train_images[chosen], data.train_labels[chosen], scale
        )
        training.optimizer.step(grads, scaler=training.scaler)
    unmoved = sum(np.count_nonzero(before[n] == p) for n, p in training.params.items())
    return unmoved / sum(param.size for param in training.params.values())


def show_master_weights(data, options):
    shares, accuracies = {}, {}
    for choice in ("master", "nearest", "stochastic"):
        training = Training.new(data, options, low_precision=choice).run(data, options)
        accuracies[choice] = training.accuracy(data)
        training.optimizer.lr = 1e-5  # as late in a decay
        shares[choice] = unmoved_share(training, data)
    show(
        "Master weights",
        f"An update at a learning rate of 1e-5 leaves {shares['nearest']:.1%} of the float16 "
        f"weights as they are:\n    it is less than half of their last digit. The float32 master "
        f"copies keep it for later.\n    Accuracy with masters {accuracies['master']:.2%}, "
        f"without {accuracies['nearest']:.2%}, with stochastic rounding instead "
        f"{accuracies['stochastic']:.2%}.",
    )


def first_mean_gradient(data, options, batch_size):
    """The statuses of the steps of one update on the first images, and its mean gradient."""
    params = {name: half(p) for name, p in demo.initial_parameters(options.seed).items()}
    count, scale = ACCUMULATE * BATCH_SIZE, 1024.0
    optimizer = swiftopt.AdamW(params, betas=(0.0, 0.999), accumulate=count // batch_size)
    statuses = []
    for start in range(0, count, batch_size):
        chosen = slice(start, start + batch_size)
        _, grads = loss_and_gradients(
            params, data.train_images[chosen], data.train_labels[chosen], scale
        )
        statuses.append(optimizer.step(grads, loss_scale=scale).status)
    # Without momentum the first moment is the gradient itself.
    moments = [slots["exp_avg"].ravel() for slots in optimizer.state.values()]
    return statuses, np.concatenate(moments), activation_bytes(params, batch_size)


def show_accumulation(data, options):
    """One update from ACCUMULATE batches, and one from all their images at once."""
    count = ACCUMULATE * BATCH_SIZE
    statuses, mean, few_bytes = first_mean_gradient(data, options, BATCH_SIZE)
    _, expected, many_bytes = first_mean_gradient(data, options, count)
    difference = np.abs(mean - expected).max() / np.abs(expected).max()
    show(
        "Accumulation",
        f"{ACCUMULATE} batches of {BATCH_SIZE} images: {', '.join(statuses)}.\n    The mean "
        f"gradient differs from that of one batch of {count} by {difference:.1e} of its largest "
        f"element\n    (float16 rounds by {2.0**-11:.1e}), while the activations take "
        f"{few_bytes / 1e6:.2f} MB instead of {many_bytes / 1e6:.2f}.",
    )
    return difference


# ----------------------------------------------------------------------- the kill


def command(options, path):
    arguments = [f"--epochs={options.epochs}", f"--seed={options.seed}", f"--checkpoint={path}"]
    return [sys.executable, __file__, *arguments, *(["--quick"] if options.quick else [])]


def show_resume(full, seconds, options):
    """Kills a training in a process of its own, starts it again, and compares the bits.

    `seconds` is what the training takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.safetensors"
        process = subprocess.Popen(command(options, path), stdout=subprocess.DEVNULL)
        while not path.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(random.uniform(0, seconds / 2))
        process.kill()
        was_killed = process.wait() == -signal.SIGKILL
        at = swiftopt.load(path).extra["batch"]
        subprocess.run(command(options, path), stdout=subprocess.DEVNULL, check=True)
        resumed = swiftopt.load(path).params
    is_same = all(
        param.tobytes() == np.asarray(resumed[name]).tobytes()
        for name, param in full.params.items()
    )
    show(
        "Resume after a kill",
        f"A second training {'was killed' if was_killed else 'ended before it was killed'} and "
        f"went on from its checkpoint after batch {at} "
        f"({at % ACCUMULATE} of {ACCUMULATE}\n    batches into an update). Its final weights are "
        f"{'the same bits as' if is_same else 'NOT THE SAME AS'} those of the training above.",
    )
    return is_same


# ------------------------------------------------------------------------ the example


def parsed_options():
    def whole_number(text, minimum=0):
        value = int(text)
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} must be at least {minimum}")
        return value

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=functools.partial(whole_number, minimum=1), default=2)
    parser.add_argument("--seed", type=whole_number, default=0)
    parser.add_argument("--quick", action="store_true", help="6 epochs on 3000 images")
    parser.add_argument("--checkpoint", type=Path, help="only train, with this file")
    return parser.parse_args()


def main():
    options = parsed_options()
    try:
        data = fashion_mnist.load()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if options.quick:
        data = data.subset(train=3000, test=1000)
        options.epochs = 6
    data = data._replace(train_images=half(data.train_images), test_images=half(data.test_images))

    if options.checkpoint:
        training = Training.new(data, options)
        if options.checkpoint.exists():
            training.load(options.checkpoint)
            print(f"{options.checkpoint}: going on after batch {training.batch}")
        training.run(data, options, options.checkpoint).save(options.checkpoint)
        print(f"test accuracy {training.accuracy(data):.2%}")
        return

    begin = time.perf_counter()
    full = Training.new(data, options).run(data, options)
    seconds = time.perf_counter() - begin
    accuracy = full.accuracy(data)
    print(
        f"float16 weights, activations and gradients, {options.epochs} epochs of "
        f"{batches_per_epoch(data)} batches:\ntest accuracy {accuracy:.2%} in {seconds:.1f} s"
    )
    is_same = show_resume(full, seconds, options)
    difference = show_accumulation(data, options)
    show_loss_scaling(full, data, options)
    show_master_weights(data, options)

    if not is_same:
        sys.exit("FAILED: the training that was killed must end with the same bits")
    if difference > 2**-8:
        sys.exit("FAILED: the accumulated gradient must be that of the large batch, up to rounding")
    if not options.quick and accuracy < REQUIRED_ACCURACY:
        sys.exit(f"FAILED: the test accuracy must be at least {REQUIRED_ACCURACY:.1%}")


if __name__ == "__main__":
    main()
