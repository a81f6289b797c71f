"""What the trainings leave behind, and the table that compares them."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Run:
    """What one training leaves behind, for the table and the figure."""

    title: str
    losses: list = field(default_factory=list)
    learning_rates: list = field(default_factory=list)
    gradient_norms: list = field(default_factory=list)
    epoch_ends: list = field(default_factory=list)
    accuracies: list = field(default_factory=list)
    seconds: float = 0.0
    optimizer_seconds: float = 0.0


@dataclass
class Agreement:
    """How far two AdamWs are apart after the same gradients."""

    updates: int
    difference: float
    largest_update: float
    rounding: float


def print_results(runs, agreement, *, clip_norm):
    """Prints one row for each run, the agreement, and what the first run's reports said."""
    print("\n                        test accuracy   seconds   of them in optimizer.step")
    for run in runs:
        microseconds = 1e6 * run.optimizer_seconds / len(run.losses)
        print(
            f"{run.title:24}{run.accuracies[-1]:13.2%} {run.seconds:9.1f} "
            f"{run.optimizer_seconds:9.2f} ({microseconds:.0f} µs each)"
        )
    rates, norms = runs[0].learning_rates, np.array(runs[0].gradient_norms)
    peak = int(np.argmax(rates))
    print(
        f"\nAfter the same {agreement.updates} gradients, the parameters of the two AdamWs "
        f"differ by at most {agreement.difference:.1e} (rounding explains\n"
        f"up to {agreement.rounding:.1e}), which is "
        f"{agreement.difference / agreement.largest_update:.1e} of the largest update.\n"
        f"Learning rate in the reports: {rates[0]:g}, then {rates[peak]:g} at update {peak}, "
        f"then {rates[-1]:.1e}.\n"
        f"Gradient norm: median {np.median(norms):.2f}, largest {norms.max():.2f}, over the limit "
        f"of {clip_norm:g} in {(norms > clip_norm).mean():.0%} of the updates."
    )
