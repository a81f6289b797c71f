"""Trains a causal transformer on the bytes of the King James Bible, and lets it write.

Four layers of width 128 with four heads, as GPT-2 but small: pre-norm, GELU, learnt positions,
a context of 128 bytes. bfloat16, AdamW with warm-up, cosine and a limit on the gradient norm.

    sudo apt-get install bible-kjv-text
    python examples/char_transformer.py --output build/char_transformer.png
"""

import argparse
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import swiftopt
from support import king_james
from support.training import at_least_one
from swiftopt import nn
from tqdm import tqdm

WIDTH, HEADS, DEPTH, CONTEXT = 128, 4, 4, 128
BYTES = 256
PEAK_LR = 3e-3
WARMUP_FRACTION = 0.05
WEIGHT_DECAY = 0.1
CLIP_NORM = 1.0
HELD_OUT = 0.05
EVALUATIONS = 12
STEPS = 4000
REQUIRED_BITS = 2.3


def transformer(seed):
    """A network that maps bytes (batch, time) to logits of the next ones (batch, time, 256)."""
    blocks = []
    for _ in range(DEPTH):
        attention = nn.MultiHeadAttention(WIDTH, HEADS, causal=True)
        blocks += [
            nn.Residual(nn.Sequential(nn.LayerNorm(WIDTH), attention)),
            nn.Residual(
                nn.Sequential(
                    nn.LayerNorm(WIDTH),
                    nn.Linear(WIDTH, 4 * WIDTH),
                    nn.GELU(),
                    nn.Linear(4 * WIDTH, WIDTH),
                )
            ),
        ]
    net = nn.Sequential(
        nn.Embedding(BYTES, WIDTH),
        nn.PositionalEmbedding(CONTEXT, WIDTH),
        *blocks,
        nn.LayerNorm(WIDTH),
        nn.Linear(WIDTH, BYTES),
    )
    return net.reset_parameters(seed)


def excerpts(text, count, rng):
    """Random excerpts (count, CONTEXT) and, for each byte, the one that follows it."""
    starts = rng.integers(0, len(text) - CONTEXT, count)
    chosen = text[starts[:, None] + np.arange(CONTEXT + 1)]
    return chosen[:, :-1].copy(), chosen[:, 1:].copy()


def bits_per_character(net, text, criterion, batch_size):
    """The mean loss on excerpts that are the same each time, in bits."""
    rng = np.random.default_rng(0)
    net.eval()
    losses = []
    for _ in range(-(-320 // batch_size)):
        inputs, targets = excerpts(text, batch_size, rng)
        losses.append(criterion(net(inputs), targets))
    net.train()
    return float(np.mean(losses)) / math.log(2)


@dataclass
class History:
    """What the figure shows; losses in bits per character."""

    losses: list = field(default_factory=list)
    tested_at: list = field(default_factory=list)
    tested: list = field(default_factory=list)


def train(net, text, options):
    """Trains the network on all but the end of the text, on which it is tested."""
    rng = np.random.default_rng(options.seed)
    held_out = text[-max(int(HELD_OUT * len(text)), CONTEXT + 1) :]
    text = text[: -len(held_out)]
    total = options.steps
    schedule = swiftopt.warmup_cosine(
        PEAK_LR, warmup=max(round(WARMUP_FRACTION * total), 1), total=total
    )
    optimizer = swiftopt.AdamW(
        net.named_parameters(), lr=schedule, weight_decay=WEIGHT_DECAY, clip_norm=CLIP_NORM
    )
    optimizer.bind(net.gradients())  # the same arrays in every step
    criterion = nn.CrossEntropyLoss()
    history = History()
    # disable=None: no bar where the output is not a terminal.
    progress = tqdm(range(1, total + 1), unit="steps", leave=False, disable=None)
    for step in progress:
        inputs, targets = excerpts(text, options.batch_size, rng)
        loss = criterion(net(inputs), targets)
        net.backward(criterion.backward())
        optimizer.step()

        history.losses.append(loss / math.log(2))
        if step % max(total // EVALUATIONS, 1) == 0 or step == total:
            tested = bits_per_character(net, held_out, criterion, options.batch_size)
            history.tested_at.append(step)
            history.tested.append(tested)
            progress.write(f"step {step:5}: {tested:.3f} bits per character of the text held out")
            progress.set_postfix(bits=f"{tested:.3f}")
    return history


def written(net, beginning, count, temperature, seed):
    """Lets the network go on from `beginning`, byte by byte."""
    rng = np.random.default_rng(seed)
    net.eval()
    so_far = bytearray(beginning)
    window = np.zeros((1, CONTEXT), np.uint8)
    for _ in range(count):
        seen = so_far[-CONTEXT:]
        window[0, : len(seen)] = np.frombuffer(bytes(seen), np.uint8)
        # What stands after the last byte is not seen: the network is causal.
        logits = np.array(swiftopt.cast(net(window), "float32"))[0, len(seen) - 1] / temperature
        probabilities = np.exp(logits - logits.max(), dtype=np.float64)
        so_far.append(int(rng.choice(BYTES, p=probabilities / probabilities.sum())))
    net.train()
    return so_far.decode("utf-8", errors="replace")


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=at_least_one, default=STEPS)
    parser.add_argument("--batch-size", type=at_least_one, default=16)
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--characters", type=at_least_one, default=600, help="that it writes")
    parser.add_argument("--beginning", default="In the beginning ", help="what it goes on from")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", type=Path, default=Path("build/char_transformer.png"), help="the figure (PNG)"
    )
    return parser.parse_args()


def main():
    options = parsed_options()
    try:
        text = np.frombuffer(king_james.load(), np.uint8)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    if len(text) < 100 * CONTEXT:
        sys.exit(f"the text has {len(text)} bytes; it must have at least {100 * CONTEXT}")

    net = transformer(options.seed).to(options.dtype)
    net.summary((options.batch_size, CONTEXT))
    beginning = time.perf_counter()
    history = train(net, text, options)
    seconds = time.perf_counter() - beginning
    print(
        f"{options.steps} steps of {options.batch_size} x {CONTEXT} bytes in {options.dtype} took "
        f"{seconds:.0f} s, tests included ({1e3 * seconds / options.steps:.1f} ms a step): "
        f"{history.tested[-1]:.3f} bits per character."
    )
    opening = options.beginning.encode() or b"\n"
    sample = written(net, opening, options.characters, options.temperature, options.seed)
    print(f"\n{sample}\n")
    from support.text_figure import draw  # matplotlib takes a second to import

    draw(options.output, history, sample)
    print(f"Figure: {options.output}")
    if options.steps >= STEPS and history.tested[-1] > REQUIRED_BITS:
        sys.exit(f"FAILED: it must be at most {REQUIRED_BITS} bits per character")


if __name__ == "__main__":
    main()
