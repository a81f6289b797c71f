"""The pictures of the report, as SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from swiftopt.study._errors import StudyError
from swiftopt.study._table import DRAWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = dict[str, Any]

#: Okabe and Ito's palette: distinct to colour-blind readers.
_COLORS = ("#999999", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#0072B2")

#: Title of each picture by its file's name.
TITLES = {
    "times.svg": "Time to the target",
    "curves.svg": "The validation split over time",
    "profile.svg": "Performance profile",
}


def draw(results: Json) -> dict[str, str]:
    """Return the SVG of each picture, by file name.

    Raises
    ------
    StudyError
        If matplotlib isn't installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise StudyError(
            "the pictures need matplotlib: python -m pip install matplotlib"
        ) from error
    settings: Any = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "swiftopt",  # the same results give the same file
    }
    with matplotlib.rc_context(settings):
        return {
            "times.svg": _svg(_times, results),
            "curves.svg": _svg(_curves, results),
            "profile.svg": _svg(_profile, results),
        }


def _svg(paint: Callable[[Figure, Json], None], results: Json) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    FigureCanvasSVG(figure)
    paint(figure, results)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def _styles(results: Json) -> dict[str, tuple[str, str]]:
    """Return title and colour of each technique that is drawn."""
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    return {
        name: (titles[name], color)
        for name, color in zip(DRAWN, _COLORS, strict=True)
        if name in titles
    }


def _times(figure: Figure, results: Json) -> None:
    """Draw bars of the times to the target, misses open."""
    styles = _styles(results)
    workloads = [w["name"] for w in results["workloads"]]
    cells = {(c["workload"], c["technique"]): c for c in results["cells"]}
    figure.set_size_inches(11, 1 + 0.8 * len(workloads))
    axes = figure.add_subplot()
    height = 0.8 / max(len(styles), 1)
    for row, (name, (title, color)) in enumerate(styles.items()):
        label: str | None = title
        for index, workload in enumerate(workloads):
            cell = cells.get((workload, name))
            if cell is None or cell["time_to_target"] is None:
                continue
            value, low, high = cell["time_to_target"]
            axes.barh(
                index + (row - (len(styles) - 1) / 2) * height,
                value,
                height,
                xerr=[[value - low], [high - value]],
                color="none" if cell["is_missed"] else color,
                edgecolor=color,
                hatch="//" if cell["is_missed"] else None,
                ecolor="#333333",
                error_kw={"linewidth": 0.8},
                label=label,
            )
            label = None
    axes.set_xscale("log")
    axes.set_xlabel("seconds to the target (hatched: missed, the length of the whole run)")
    axes.set_yticks(range(len(workloads)), workloads)
    axes.invert_yaxis()
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8, loc="best")


def _curves(figure: Figure, results: Json) -> None:
    """Draw the validation metric over time, one panel for each main workload."""
    workloads = [w for w in results["workloads"] if w["variant_of"] is None]
    rows = math.ceil(len(workloads) / 2)
    figure.set_size_inches(11, max(3.2 * rows, 3.2))
    for index, workload in enumerate(workloads):
        _curve_panel(figure.add_subplot(rows, 2, index + 1), workload, results)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=3)


def _curve_panel(axes: Axes, workload: Json, results: Json) -> None:
    is_accuracy = workload["metric"] == "accuracy"

    def shown(value: float) -> float:
        return 100 * (1 - value) if is_accuracy else value

    for name, (title, color) in _styles(results).items():
        for cell in results["cells"]:
            known = cell["seconds_per_step"] is not None and cell["curve"]
            if known and (cell["workload"], cell["technique"]) == (workload["name"], name):
                seconds = cell["seconds_per_step"][0]
                times = [row[0] * seconds for row in cell["curve"]]
                axes.plot(times, [shown(r[2]) for r in cell["curve"]], color=color, label=title)
    if workload["target"] is not None:
        axes.axhline(shown(workload["target"]), color="black", linestyle=":", linewidth=1)
    axes.set_title(workload["title"], fontsize=10)
    axes.set_xscale("log")
    if is_accuracy:
        axes.set_yscale("log")
    axes.set_xlabel("seconds")
    axes.set_ylabel("error (%)" if is_accuracy else "cross entropy (nats)")
    axes.grid(alpha=0.25)


def _profile(figure: Figure, results: Json) -> None:
    """Draw the share of workloads that each technique solves within a factor of the fastest."""
    figure.set_size_inches(8, 4.5)
    axes = figure.add_subplot()
    styles = _styles(results)
    corners = [corner for c in results["profile"].values() for corner in c]
    end = 1.2 * max((factor for factor, _ in corners), default=2.0)
    for name, staircase in results["profile"].items():
        title, color = styles[name]
        factors = [1.0, *(factor for factor, _ in staircase), end]
        shares = [0.0, *(share for _, share in staircase)]
        axes.step(factors, [*shares, shares[-1]], where="post", color=color, label=title)
    axes.set_xscale("log")
    axes.set_xlabel("time to the target, as a multiple of the fastest one's")
    axes.set_ylabel("share of workloads solved")
    axes.set_ylim(0, 1.02)
    axes.grid(alpha=0.25)
    if results["profile"]:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
