"""Trains the network of fashion_mnist_numpy.py with smaller optimizer states and compares.

The same AdamW, schedule, batches and seeds, with the state in float32, in bfloat16 and in
8-bit blocks; what differs is where the two moments are stored between updates.

    python examples/state_dtypes.py --seeds 3
"""

import argparse
import sys

import fashion_mnist_numpy as demo
import numpy as np
import swiftopt
from support import fashion_mnist

STATE_DTYPES = ("float32", "bfloat16", "block8")
LAST_UPDATES = 100


def adamw(params, total, state_dtype):
    schedule = swiftopt.warmup_cosine(demo.PEAK_LR, warmup=demo.warmup_updates(total), total=total)
    return swiftopt.AdamW(
        params,
        lr=schedule,
        weight_decay=demo.WEIGHT_DECAY,
        clip_norm=demo.CLIP_NORM,
        state_dtype=state_dtype,
    )


def state_bytes(optimizer):
    return sum(array.nbytes for slots in optimizer.state.values() for array in slots.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="2 epochs on 3000 images")
    options = parser.parse_args()
    try:
        data = fashion_mnist.load()
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if options.quick:
        data = data.subset(train=3000, test=1000)
        options.epochs = min(options.epochs, 2)
    total = options.epochs * (len(data.train_images) // options.batch_size)

    results = {name: [] for name in STATE_DTYPES}
    sizes = {}
    for seed in range(options.seeds):
        options.seed = seed
        for name in STATE_DTYPES:
            params = demo.initial_parameters(seed)
            optimizer = adamw(params, total, name)
            run = demo.train(f"{name}, seed {seed}", params, optimizer, data, options)
            train_loss = float(np.mean(run.losses[-LAST_UPDATES:]))
            test_loss, _ = demo.loss_and_gradients(params, data.test_images, data.test_labels)
            results[name].append((train_loss, test_loss, 100 * run.accuracies[-1]))
            sizes[name] = state_bytes(optimizer)

    print(f"\nMeans over {options.seeds} seeds (and the least and greatest):")
    print(f"{'state':10}{'MB':>6}   {'training loss':>22}   {'test loss':>22}   test accuracy, %")
    for name, rows in results.items():
        columns = [
            f"{np.mean(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"
            for values, digits in zip(zip(*rows, strict=True), (4, 4, 2), strict=True)
        ]
        print(f"{name:10}{sizes[name] / 1e6:6.1f}   {'   '.join(columns)}")


if __name__ == "__main__":
    main()
