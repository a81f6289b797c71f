"""The curve of a learning-rate range test, and what to read from it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from swiftopt._arrays import Array


class RangeTest:
    """Losses by learning rate, as `lr_find` measured them.

    Attributes
    ----------
    rates : float64 array
        Learning rates in rising order, evenly spaced in their logarithms.
    losses : float64 array
        The loss of the batches of the update at each rate, before the update.
    smoothed : float64 array
        Their exponential running mean, without bias (Kingma & Ba 2015, algorithm 1).
    """

    def __init__(self, rates: Any, losses: Any, smoothing: float) -> None:
        self.rates: Array = np.array(rates, np.float64)
        self.losses: Array = np.array(losses, np.float64)
        self.smoothed: Array = _running_mean(self.losses, smoothing)

    @property
    def suggestion(self) -> float | None:
        """The rate at which the loss falls most steeply against the rate's logarithm.

        It is the middle of that fifth of the measurements whose least-squares line falls most
        steeply, among those whose middle is below `minimum`. This reads the range test of
        Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, as a
        rate well inside the range in which training gets better. None if the loss never fell.
        """
        half = max(len(self.rates) // 10, 1)
        x = np.log(self.rates)
        slopes = [
            _slope(
                x[middle - half : middle + half + 1], self.losses[middle - half :][: 2 * half + 1]
            )
            for middle in range(half, min(int(self.smoothed.argmin()), len(x) - half))
        ]
        if not slopes or min(slopes) >= 0:
            return None
        return float(self.rates[half + int(np.argmin(slopes))])

    @property
    def minimum(self) -> float:
        """The rate at which the smoothed loss is least; a tenth of it is another usual choice."""
        return float(self.rates[int(self.smoothed.argmin())])

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw losses against rates into a file: .png, .svg, .pdf, ...

        Needs matplotlib (the extra ``swiftopt[train]``).
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "plot needs the package matplotlib; install swiftopt[train]"
            ) from error
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axis = figure.subplots()
        axis.plot(self.rates, self.losses, ".", color="0.75", markersize=4, label="loss")
        axis.plot(self.rates, self.smoothed, label="smoothed", linewidth=1.8)
        marks = [("a tenth of the minimum", self.minimum / 10, ":")]
        if self.suggestion is not None:
            marks.insert(0, ("suggestion", self.suggestion, "--"))
        for label, rate, style in marks:
            axis.axvline(rate, color="C3", linestyle=style, label=f"{label}: {rate:.2g}")
        axis.set_xscale("log")
        axis.set_xlabel("learning rate")
        axis.set_ylabel("loss")
        # What diverged at the end would flatten the rest.
        low, high = float(self.smoothed.min()), float(self.smoothed[0])
        axis.set_ylim(low - 0.1 * abs(high - low), high + 0.3 * max(abs(high - low), 1e-12))
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
        figure.savefig(path, dpi=150)

    def __repr__(self) -> str:
        suggestion = "None" if self.suggestion is None else f"{self.suggestion:.3g}"
        return (
            f"RangeTest({len(self.rates)} rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}, "
            f"suggestion={suggestion}, minimum={self.minimum:.3g})"
        )


def _slope(x: Array, y: Array) -> float:
    """Return the slope of the least-squares line."""
    centred = x - x.mean()
    return float(centred @ (y - y.mean()) / (centred @ centred))


def _running_mean(losses: Array, smoothing: float) -> Array:
    means, mean = np.empty_like(losses), 0.0
    for index, loss in enumerate(losses):
        mean = smoothing * mean + (1 - smoothing) * loss
        means[index] = mean / (1 - smoothing ** (index + 1))
    return means
