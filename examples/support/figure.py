"""The figure of the Fashion-MNIST example."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # writes files; needs no display
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

# Three colours of Okabe and Ito's palette: distinct to colour-blind readers and in grey.
BLUE, ORANGE, BLACK = "#0072B2", "#E69F00", "#000000"


def moving_average(values, width):
    """The mean of each value and up to `width - 1` values before it."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def use_log_scale(axes):
    """A logarithmic axis labelled 0.1, 0.2, 0.5, 1, ... instead of with powers of ten alone."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def draw(path: Path, adamw, sgd, numpy_adamw, *, clip_norm: float) -> None:
    """Writes loss, accuracy, learning rate and gradient norm over the updates as a PNG.

    Each run has `title`, `losses`, `learning_rates`, `gradient_norms` (one per update),
    `epoch_ends` (updates) and `accuracies` (one per epoch end).
    """
    styles = (
        (sgd, {"color": ORANGE, "linewidth": 2.0}),
        (adamw, {"color": BLUE, "linewidth": 2.6}),
        (numpy_adamw, {"color": BLACK, "linewidth": 1.1, "linestyle": (0, (4, 3))}),
    )
    updates = np.arange(len(adamw.losses))
    width = max(len(updates) // 60, 1)

    with plt.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure, ((loss, accuracy), (rate, norm)) = plt.subplots(
            2, 2, figsize=(13, 8.5), layout="constrained", sharex=True
        )
        figure.suptitle(
            "A NumPy perceptron on Fashion-MNIST: AdamW with warm-up and cosine, and plain SGD",
            fontsize=15, fontweight="bold",
        )  # fmt: skip

        loss.set_title(f"Training loss (mean of {width} updates)")
        loss.set_ylabel("cross-entropy (nats)")
        use_log_scale(loss)
        for run, style in styles:
            loss.plot(moving_average(run.losses, width), label=run.title, **style)
        loss.legend(frameon=False)

        accuracy.set_title("Accuracy on the test images")
        accuracy.set_ylabel("accuracy (%)")
        for run, style in styles:
            percent = 100 * np.array(run.accuracies)
            accuracy.plot(
                run.epoch_ends, percent, marker="o", markersize=4, clip_on=False,
                label=f"{run.title}: {percent[-1]:.1f} %", **style,
            )  # fmt: skip
        accuracy.legend(frameon=False, loc="lower right")

        rate.set_title(f"Learning rate (plain SGD: constant {sgd.learning_rates[0]:g})")
        rate.set_ylabel("learning rate of AdamW")
        rate.plot(
            adamw.learning_rates, color=BLUE, linewidth=2.6, label="as the step's report gave it"
        )
        rate.ticklabel_format(axis="y", style="sci", scilimits=(-3, -3), useMathText=True)
        rate.set_ylim(bottom=0)
        rate.legend(frameon=False)

        norm.set_title("Gradient norm of AdamW before clipping")
        norm.set_ylabel("norm over all gradients")
        use_log_scale(norm)
        norm.plot(
            adamw.gradient_norms, ".", color=BLUE, alpha=0.25, markersize=3, label="each update"
        )
        norm.plot(
            moving_average(adamw.gradient_norms, width), color=BLUE, linewidth=2.2,
            label=f"mean of {width} updates",
        )  # fmt: skip
        norm.axhline(
            clip_norm,
            color=BLACK,
            linewidth=1.2,
            linestyle="--",
            label=f"limit clip_norm={clip_norm:g}",
        )
        norm.legend(frameon=False, markerscale=3, loc="upper right")

        for axes in (loss, accuracy, rate, norm):
            axes.grid(alpha=0.25)
            axes.set_xlim(0, len(updates))
        for axes in (rate, norm):
            axes.set_xlabel("updates")

        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
        plt.close(figure)
