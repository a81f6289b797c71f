"""The figure of the transformer: how it learnt, and what it writes."""

import textwrap

import matplotlib

matplotlib.use("Agg")  # writes files; needs no display
import matplotlib.pyplot as plt

from support.figure import BLUE, ORANGE, moving_average

LINES = 24


def draw(path, history, sample):
    """Writes the loss over the steps, and the sample beside it, as a PNG.

    `history` has `losses` (one per step), `tested_at` (steps) and `tested`, in bits.
    """
    with plt.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (loss, text) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
        figure.suptitle(
            "A transformer learns the bytes of the King James Bible", fontsize=15, fontweight="bold"
        )
        width = max(len(history.losses) // 60, 2)
        loss.set_title("How many bits it would take to write a character")
        loss.set_ylabel("bits per character")
        loss.set_xlabel("steps")
        loss.plot(
            moving_average(history.losses, width), color=BLUE, linewidth=2.2,
            label=f"training (mean of {width} steps)",
        )  # fmt: skip
        loss.plot(
            history.tested_at, history.tested, marker="o", color=ORANGE, linewidth=1.6,
            label=f"text held out; at the end {history.tested[-1]:.3f}",
        )  # fmt: skip
        loss.set_ylim(bottom=0)
        loss.legend(frameon=False)
        loss.grid(alpha=0.25)

        text.set_title("What it then writes")
        text.set_axis_off()
        paragraphs = sample.replace("$", r"\$").splitlines() or [""]
        lines = [line for p in paragraphs for line in textwrap.wrap(p, 62) or [""]]
        text.text(
            0, 1, "\n".join(lines[:LINES]), va="top", family="monospace", fontsize=9.5,
            transform=text.transAxes,
        )  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
        plt.close(figure)
