"""The figure of the two deep networks: their losses, and their gradients before any step."""

import matplotlib

matplotlib.use("Agg")  # writes files; needs no display
import matplotlib.pyplot as plt

from support.figure import BLACK, BLUE, ORANGE, moving_average


def draw(path, plain, residual, *, depth, guessing):
    """Writes both losses and both gradients layer by layer as a PNG.

    Each run has `title`, `losses` (one per step), `gradients` (one per layer) and `accuracy`.
    """
    with plt.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (loss, gradient) = plt.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
        figure.suptitle(
            f"{depth} layers with batch norm on Fashion-MNIST, plain and residual",
            fontsize=15, fontweight="bold",
        )  # fmt: skip
        width = max(len(plain.losses) // 60, 2)
        loss.set_title(f"Training loss (mean of {width} steps)")
        loss.set_ylabel("cross-entropy (nats)")
        loss.set_xlabel("steps")
        gradient.set_title("Gradients of the convolutions in the first step")
        gradient.set_ylabel("root of the mean square")
        gradient.set_xlabel("layer")
        gradient.set_yscale("log")
        for run, color in ((plain, ORANGE), (residual, BLUE)):
            label = f"{run.title}: {run.accuracy:.1%} of the test images right"
            loss.plot(moving_average(run.losses, width), color=color, linewidth=2.2, label=label)
            layers = range(2, 2 + len(run.gradients))
            gradient.plot(layers, run.gradients, color=color, linewidth=2.2, label=run.title)
        loss.axhline(guessing, color=BLACK, linewidth=1.2, linestyle="--", label="guessing")
        loss.set_ylim(bottom=0)
        for axes in (loss, gradient):
            axes.legend(frameon=False)
            axes.grid(alpha=0.25)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
        plt.close(figure)
