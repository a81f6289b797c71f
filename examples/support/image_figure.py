"""The figure of the Fashion-MNIST network: how it learnt, and what it still gets wrong."""

import matplotlib

matplotlib.use("Agg")  # writes files; needs no display
import matplotlib.pyplot as plt
import numpy as np

from support.figure import BLUE, ORANGE, moving_average, use_log_scale

MISTAKES = 10


def draw(path, history, data, *, dtype):
    """Writes loss, accuracy and the surest mistakes as a PNG.

    `history` has `losses` and `learning_rates` (one per step), `epoch_ends` (steps),
    `accuracies` (one per epoch end) and the final `logits` of the test images.
    """
    with plt.rc_context({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}):
        figure = plt.figure(figsize=(13, 8), layout="constrained")
        figure.suptitle(
            f"Fashion-MNIST: a residual network of separable convolutions in {dtype}",
            fontsize=15, fontweight="bold",
        )  # fmt: skip
        curves, images = figure.subfigures(2, 1, height_ratios=(3, 2))
        loss, accuracy = curves.subplots(1, 2)
        _draw_loss(loss, history)
        _draw_accuracy(accuracy, history)
        _draw_mistakes(images, history.logits, data)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
        plt.close(figure)


def _draw_loss(axes, history):
    width = max(len(history.losses) // 60, 2)
    axes.set_title(f"Training loss (mean of {width} steps) and learning rate")
    axes.set_ylabel("cross-entropy with label smoothing (nats)")
    axes.plot(moving_average(history.losses, width), color=BLUE, linewidth=2.2, label="loss")
    use_log_scale(axes)
    rate = axes.twinx()
    rate.plot(history.learning_rates, color=ORANGE, linewidth=1.6, label="learning rate")
    rate.set_ylim(bottom=0)
    rate.set_ylabel("learning rate")
    axes.figure.legend(
        handles=[*axes.lines, *rate.lines], frameon=False, loc="upper right", bbox_to_anchor=(1, 1),
        bbox_transform=axes.transAxes,
    )  # fmt: skip
    axes.set_xlabel("steps")
    axes.grid(alpha=0.25)


def _draw_accuracy(axes, history):
    percent = 100 * np.array(history.accuracies)
    axes.set_title("Accuracy on the test images")
    axes.set_ylabel("accuracy (%)")
    axes.set_xlabel("steps")
    axes.plot(
        history.epoch_ends, percent, marker="o", color=BLUE, linewidth=2.2,
        label=f"after each epoch; at the end {percent[-1]:.2f} %",
    )  # fmt: skip
    axes.legend(frameon=False, loc="lower right")
    axes.grid(alpha=0.25)


def _draw_mistakes(figure, logits, data):
    test_images, test_labels = data.test
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    guesses = logits.argmax(axis=1)
    sureness = np.where(guesses == test_labels, 0, probabilities.max(axis=1))
    figure.suptitle("The surest mistakes", fontweight="bold")
    all_axes = figure.subplots(1, MISTAKES)
    for axes, index in zip(all_axes, np.argsort(-sureness), strict=False):
        axes.imshow(test_images[index, :, :, 0], cmap="gray_r")
        axes.set_title(
            f"{data.classes[guesses[index]]}\n({probabilities[index].max():.0%})", fontsize=10
        )
        axes.set_xlabel(f"is: {data.classes[test_labels[index]]}", fontsize=10)
        axes.set_xticks(())
        axes.set_yticks(())
