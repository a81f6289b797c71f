"""Draw docs/plots/data-wait.png from docs/plots/data.json: ``python docs/plots/data_wait.py``.

scripts/measured_data.py writes the numbers, which come from the benchmarks. The picture carries a
digest of them, which python/tests/test_data_docs.py recomputes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
NUMBERS = FOLDER / "data.json"
PICTURE = FOLDER / "data-wait.png"
TITLES = {"cnn": "Convolutional network", "mlp": "Perceptron"}
#: What a bar is made of, and its colour: green for what is wanted.
PARTS = (
    ("training", "#2a7f62"),
    ("training, slowed down by the feed", "#9fd3c0"),
    ("waiting for data", "#d1495b"),
)


def digest(waits: dict[str, Any]) -> str:
    """Return a number of everything that the picture shows."""
    return hashlib.sha256(json.dumps(waits, sort_keys=True).encode()).hexdigest()


def parts(rows: list[dict[str, Any]]) -> dict[str, tuple[float, float, float]]:
    """Return the seconds of each part of a bar, by who feeds.

    `rows` have `name`, `epoch_seconds` and `wait_seconds`; those of the row that is `ready`
    are what training takes if nobody needs to make its batches. Medians of parts needn't add up
    to a median of the whole: what is over or missing is put to the second part, which isn't
    below 0.
    """
    least = next(row["epoch_seconds"] for row in rows if row["ready"])
    found = {}
    for row in rows:
        computing = row["epoch_seconds"] - row["wait_seconds"]
        found[row["name"]] = (
            min(least, computing),
            max(computing - least, 0.0),
            row["wait_seconds"],
        )
    return found


def draw(waits: dict[str, list[dict[str, Any]]]) -> None:
    """Draw one panel for each network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.1 + 0.36 * max(map(len, waits.values()))), layout="constrained")
    panels = figure.subplots(1, len(waits), squeeze=False)[0]
    for axes, (network, rows) in zip(panels, waits.items(), strict=True):
        _draw_panel(axes, TITLES[network], parts(rows))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(PARTS), frameon=False)
    metadata = {"Software": None, "Description": f"values {digest(waits)}"}
    figure.savefig(PICTURE, dpi=110, metadata=metadata)


def _draw_panel(axes: Any, title: str, bars: dict[str, tuple[float, float, float]]) -> None:
    names = list(bars)
    left = [0.0] * len(names)
    for index, (label, colour) in enumerate(PARTS):
        widths = [bars[name][index] for name in names]
        axes.barh(names, widths, left=left, color=colour, label=label, height=0.7)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    for place, name in enumerate(names):
        share = bars[name][2] / left[place]
        axes.text(left[place], place, f" {share:.1%} waiting", va="center", fontsize=9)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("seconds an epoch")
    axes.set_xlim(0, 1.32 * max(left))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    if waits := json.loads(NUMBERS.read_text())["waits"]:  # else nothing was measured
        draw(waits)
        print(PICTURE)
