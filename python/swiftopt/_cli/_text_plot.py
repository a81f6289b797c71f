"""Curves in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from swiftopt._arrays import Array

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = "_.-=+*%#"


def sparkline(values: Sequence[float] | Array, width: int = 24, *, is_unicode: bool = True) -> str:
    """Return a curve in one line, between its own least and largest value.

    Examples
    --------
    >>> sparkline([0, 1, 2, 3, 2, 1], width=6)
    '▁▃▆█▆▃'
    """
    blocks = _BLOCKS if is_unicode else _ASCII_BLOCKS
    means = _means(np.asarray(values, np.float64), width)
    rows = _rows(means, *_range(means), len(blocks))
    return "".join(" " if row is None else blocks[row] for row in rows)


def plot(
    x: Sequence[float] | Array,
    y: Sequence[float] | Array,
    *,
    width: int = 78,
    height: int = 14,
    is_unicode: bool = True,
    mark: float | None = None,
) -> str:
    """Return a curve with both axes.

    Parameters
    ----------
    x, y : sequences of numbers
        `x` rises evenly, or evenly in its logarithm. What isn't finite in `y` is left out.
    width, height : int
        In characters, axes included in the width.
    is_unicode : bool
        Whether more than ASCII can be shown.
    mark : float, optional
        An x that gets a vertical line.
    """
    xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
    vertical, corner, across, dot, line = "│└─•┊" if is_unicode else "|+-*:"
    labels = 10
    columns = max(min(width - labels - 2, 200), 8)
    means = _means(ys, columns)
    low, high = _range(means)
    rows = _rows(means, low, high, height)
    grid = [[" "] * len(rows) for _ in range(height)]
    if mark is not None and len(xs) > 1:
        column = int(np.abs(xs - mark).argmin() * len(rows) // len(xs))
        for cells in grid:
            cells[column] = line
    before = None
    for column, row in enumerate(rows):
        if row is None:
            continue
        # From next to the point before, so that a steep curve stays one.
        start = row if before is None else before + int(np.sign(row - before))
        for filled in range(min(start, row), max(start, row) + 1):
            grid[filled][column] = dot
        before = row
    text = []
    for row in reversed(range(height)):
        value = low + (high - low) * row / (height - 1)
        is_named = row in (0, height - 1, height // 2)
        label = f"{value:.3g}" if is_named else ""
        text.append(f"{label:>{labels}} {vertical}{''.join(grid[row])}".rstrip())
    text.append(f"{'':>{labels}} {corner}{across * len(rows)}")
    ends = f"{xs[0]:g}", f"{xs[-1]:g}"
    gap = max(len(rows) - len(ends[0]) - len(ends[1]), 1)
    text.append(f"{'':>{labels}}  {ends[0]}{'':{gap}}{ends[1]}")
    return "\n".join(text)


def _means(values: Array, columns: int) -> Array:
    """Return the means of so many equal parts; of fewer values, the values."""
    if len(values) <= columns:
        return values
    return np.array([part.mean() for part in np.array_split(values, columns)])


def _range(values: Array) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    # A constant, whose means may differ by rounding, is in the middle.
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        reach = abs(low) or 1.0
        return low - reach / 2, high + reach / 2
    return low, high


def _rows(values: Array, low: float, high: float, height: int) -> list[int | None]:
    return [
        round((value - low) / (high - low) * (height - 1)) if math.isfinite(value) else None
        for value in values.tolist()
    ]
