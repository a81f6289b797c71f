"""Draw docs/schedules/*.svg: ``python docs/plots/schedules.py``.

Each picture carries a digest of the values in it, which python/tests/test_schedule_docs.py
recomputes.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

import swiftopt as so

FOLDER = Path(__file__).resolve().parents[1] / "schedules"
STEPS = np.arange(0, 1001, 5)

#: Pictures, of panels, of curves: a label and a schedule. Panels of constructors have their
#: names as titles.
PICTURES: dict[str, dict[str, list[tuple[str, so.Schedule]]]] = {
    "factors": {
        "constant": [("", so.constant(0.6))],
        "step_decay": [("step_size=250, gamma=0.5", so.step_decay(1, step_size=250, gamma=0.5))],
        "multi_step": [
            ("gamma=0.5", so.multi_step(1, milestones=[300, 600, 800], gamma=0.5)),
            (
                "gamma=[0.5, 0.8, 0.1]",
                so.multi_step(1, milestones=[300, 600, 800], gamma=[0.5, 0.8, 0.1]),
            ),
        ],
        "piecewise_constant": [
            ("", so.piecewise_constant([0.2, 1, 0.5], boundaries=[100, 700])),
        ],
        "exponential": [
            ("gamma=0.998", so.exponential(1, gamma=0.998)),
            ("gamma=0.99", so.exponential(1, gamma=0.99)),
        ],
    },
    "decays": {
        "linear": [("", so.linear(1, total=900))],
        "polynomial": [
            ("power=0.5", so.polynomial(1, total=900, power=0.5)),
            ("power=2", so.polynomial(1, total=900, power=2)),
            ("k_decay=2", so.polynomial(1, total=900, k_decay=2)),
        ],
        "cosine": [
            ("final=0.1", so.cosine(1, 0.1, total=900)),
            ("k_decay=2", so.cosine(1, total=900, k_decay=2)),
        ],
        "geometric": [("final=0.01", so.geometric(1, 0.01, total=900))],
        "tanh": [
            ("lower=-6, upper=3", so.tanh(1, total=900)),
            ("lower=-3, upper=3", so.tanh(1, total=900, lower=-3)),
        ],
        "rex": [("", so.rex(1, total=900))],
    },
    "warmups": {
        "warmup": [("warmup=300", so.warmup(1, warmup=300, start=0.1))],
        "warmup_cosine": [("warmup=100", so.warmup_cosine(1, warmup=100, total=900))],
        "warmup_linear": [("warmup=100", so.warmup_linear(1, warmup=100, total=900))],
        "inverse_sqrt": [
            ("warmup=100", so.inverse_sqrt(1, warmup=100)),
            ("timescale=400", so.inverse_sqrt(1, warmup=100, timescale=400)),
        ],
        "rex(...).warmup(300, start=0.02, shape=...)": [
            (shape, so.rex(1, total=600).warmup(300, start=0.02, shape=shape))
            for shape in ("linear", "cosine", "exponential")
        ],
        "step_decay(...).warmup(100)": [
            ("", so.step_decay(1, step_size=250, gamma=0.5).warmup(100)),
        ],
    },
    "phases": {
        "one_cycle": [
            ('"cosine"', so.one_cycle(1, total=900)),
            ('"linear"', so.one_cycle(1, total=900, shape="linear")),
            ("three_phase=True", so.one_cycle(1, total=900, three_phase=True)),
        ],
        "warmup_stable_decay": [
            (f'"{shape}"', so.warmup_stable_decay(1, total=900, warmup=100, decay=300, shape=shape))
            for shape in ("linear", "cosine", "1-sqrt")
        ],
        "slanted_triangular": [("", so.slanted_triangular(1, total=900))],
    },
    "cycles": {
        "cosine_restarts": [
            ("period_factor=1", so.cosine_restarts(1, period=250)),
            (
                "period_factor=2, decay=0.7",
                so.cosine_restarts(0.9, period=125, period_factor=2, decay=0.7),
            ),
        ],
        "cyclic": [
            ("rise=100, fall=150", so.cyclic(0.1, 1, rise=100, fall=150)),
            ("decay=0.5", so.cyclic(0.1, 1, rise=100, fall=150, decay=0.5)),
            ("gamma=0.998", so.cyclic(0.1, 1, rise=100, fall=150, gamma=0.998)),
        ],
        "rex(...).repeat(200, times=4)": [
            ("", so.rex(1, total=200).repeat(200, times=4)),
        ],
    },
    "joints": {
        "linear(...).then(exponential(...), at=200)": [
            ("", so.linear(1, total=300).then(so.exponential(0.8, gamma=0.995), at=200)),
        ],
        "cosine(...) * step_decay(...)": [
            ("", so.cosine(1, total=900) * so.step_decay(1, step_size=300, gamma=0.6)),
        ],
        "exponential(...).clamp(0.1, 0.8)": [
            ("", so.exponential(1, gamma=0.995).clamp(0.1, 0.8)),
        ],
    },
    "averages": {
        "ema_warmup": [
            ("decay=0.99", so.ema_warmup(0.99)),
            ("decay=0.95, power=0.5", so.ema_warmup(0.95, power=0.5)),
        ],
        "swa": [
            ("start=200", so.swa(200)),
            ("start=200, every=100", so.swa(200, every=100)),
        ],
    },
}


def digest(panels: dict[str, list[tuple[str, so.Schedule]]]) -> str:
    """Return a number of the titles, the labels and every bit of the values."""
    state = hashlib.sha256()
    for title, curves in panels.items():
        for label, schedule in curves:
            state.update(f"{title}\n{label}\n".encode())
            state.update(schedule(STEPS).astype("<f8").tobytes())
    return state.hexdigest()


def draw(name: str, panels: dict[str, list[tuple[str, so.Schedule]]]) -> None:
    """Draw one picture."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 9})
    columns = min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(3.4 * columns, 2.5 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (title, curves) in zip(axes, panels.items(), strict=False):
        _draw_panel(axis, title, curves)
        if name == "cycles":  # whose peaks would be behind the legends
            axis.set_ylim(0, 1.45)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    metadata = {"Date": None, "Creator": None, "Description": f"values {digest(panels)}"}
    figure.savefig(FOLDER / f"{name}.svg", metadata=metadata)


def _draw_panel(axis: Any, title: str, curves: list[tuple[str, so.Schedule]]) -> None:
    styles = ("-", "--", ":")
    for (label, schedule), style in zip(curves, styles, strict=False):
        axis.plot(STEPS, schedule(STEPS), style, label=label, linewidth=1.8)
    axis.set_title(title, fontsize=9)
    axis.set_xlim(0, 1000)
    axis.set_ylim(0, 1.05)
    axis.set_xticks([0, 250, 500, 750, 1000])
    axis.set_yticks([0, 0.5, 1])
    axis.set_xlabel("completed updates n")
    axis.set_ylabel("value")
    axis.grid(alpha=0.3)
    if any(label for label, _ in curves):
        axis.legend(fontsize=7, frameon=True, framealpha=0.85)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, panels in PICTURES.items():
        draw(name, panels)
        print(FOLDER / f"{name}.svg")
