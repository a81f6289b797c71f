"""The pictures of the report, as SVG."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from swiftopt.study._errors import StudyError
from swiftopt.study._table import DRAWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Json = dict[str, Any]

#: Okabe and Ito's palette: distinct to colour-blind readers.
_COLORS = ("#999999", "#E69F00", "#D55E00", "#56B4E9", "#009E73", "#0072B2")
#: Dashes as well, since staircases may lie on one another.
_DASHES = ("-", "--", "-", "--", "-.", "-")


class Picture(NamedTuple):
    """A title, what a reader must know to read it, and how it is drawn."""

    title: str
    about: str
    paint: Callable[[Figure, Json], None]


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
        return {name: _svg(picture.paint, results) for name, picture in PICTURES.items()}


def _svg(paint: Callable[[Figure, Json], None], results: Json) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))  # inches
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
    """Draw bars of the times to the target, misses open, one panel for each workload."""
    workloads = results["workloads"]
    styles = _styles(results)
    rows = math.ceil(len(workloads) / 2)
    figure.set_size_inches(11, max(0.6 + 0.22 * len(styles), 1.2) * rows + 0.4)
    panels = figure.subplots(rows, 2, sharey=True, squeeze=False).ravel()
    for axes, workload in zip(panels, workloads, strict=False):
        _time_panel(axes, workload, results)
    for axes in panels[len(workloads) :]:
        axes.set_visible(False)
    panels[0].set_yticks(range(len(styles)), [title for title, _ in styles.values()])
    panels[0].set_ylim(len(styles) - 0.5, -0.5)
    figure.supxlabel("seconds to the target", fontsize=10)


def _time_panel(axes: Axes, workload: Json, results: Json) -> None:
    cells = {c["technique"]: c for c in results["cells"] if c["workload"] == workload["name"]}
    farthest = 0.0
    for row, (name, (_, color)) in enumerate(_styles(results).items()):
        cell = cells.get(name)
        if cell is None or cell["time_to_target"] is None:
            continue
        value, low, end = cell["time_to_target"]
        high = value if end is None else end  # open intervals have no upper end
        axes.barh(
            row,
            value,
            0.75,
            xerr=[[value - low], [high - value]],
            color="none" if cell["is_missed"] else color,
            edgecolor=color,
            hatch="///" if cell["is_missed"] else None,
            ecolor="#333333",
            error_kw={"linewidth": 1.2, "capsize": 2.5},
        )
        words = f"missed, >{value:.3g} s" if cell["is_missed"] else f"{value:.3g} s"
        if end is None and not cell["is_missed"]:
            words += f", by {cell['hits']} of {len(cell['steps'])} seeds"
        axes.annotate(
            words, (high, row), (6, 0), textcoords="offset points", va="center", fontsize=8
        )
        farthest = max(farthest, high)
    # From zero, or lengths would say nothing; and room for the words.
    axes.set_xlim(0, 1.35 * farthest or 1.0)
    _title(axes, workload)


def _title(axes: Axes, workload: Json) -> None:
    held_out = "held out: " if workload["variant_of"] else ""
    axes.set_title(held_out + workload["title"], fontsize=9, loc="left")


def _curves(figure: Figure, results: Json) -> None:
    """Draw the validation metric over time, one panel for each main workload."""
    workloads = [w for w in results["workloads"] if w["variant_of"] is None]
    rows = math.ceil(len(workloads) / 2)
    figure.set_size_inches(11, max(3.2 * rows, 3.2))
    handles: dict[str, Any] = {}
    for index, workload in enumerate(workloads):
        axes = figure.add_subplot(rows, 2, index + 1)
        _curve_panel(axes, workload, results)
        lines, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, lines, strict=True))
    if handles:
        figure.legend(
            handles.values(), handles.keys(), frameon=False, loc="outside lower center", ncols=3
        )


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
        target = shown(workload["target"])
        axes.axhline(target, color="black", linestyle=":", linewidth=1, label="target")
    _title(axes, workload)
    axes.set_xscale("log")
    _label_plainly(axes.xaxis)
    if is_accuracy:
        axes.set_yscale("log")
        _label_plainly(axes.yaxis)
    axes.set_xlabel("seconds")
    axes.set_ylabel("error (%)" if is_accuracy else "cross entropy (nats)")
    axes.grid(alpha=0.25)


def _label_plainly(axis: Axis, marks: Sequence[float] = (1.0, 2.0, 5.0)) -> None:
    """Label a logarithmic axis with `marks` and ten times as much, instead of powers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=marks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _profile(figure: Figure, results: Json) -> None:
    """Draw the share of workloads that each technique solves within a factor of the fastest."""
    figure.set_size_inches(11, 4)
    axes = figure.add_subplot()
    dashes = dict(zip(DRAWN, _DASHES, strict=True))
    styles = _styles(results)
    corners = [corner for c in results["profile"].values() for corner in c]
    end = 1.2 * max((factor for factor, _ in corners), default=2.0)
    for name, staircase in results["profile"].items():
        title, color = styles[name]
        factors = [1.0, *(factor for factor, _ in staircase), end]
        shares = [0.0, *(share for _, share in staircase)]
        axes.step(
            factors,
            [*shares, shares[-1]],
            where="post",
            color=color,
            linestyle=dashes[name],
            linewidth=2,
            label=title,
        )
    axes.set_xscale("log")
    _label_plainly(axes.xaxis, (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 7.0))
    axes.set_xlabel("time to the target, as a multiple of the fastest one's")
    axes.set_ylabel("share of workloads solved")
    axes.set_xlim(0.99, end)
    axes.set_ylim(-0.03, 1.03)  # those that solve none, or all, lie on no edge
    axes.grid(alpha=0.25)
    if results["profile"]:
        figure.legend(frameon=False, loc="outside right upper")


#: By the name of the file.
PICTURES = {
    "times.svg": Picture(
        "Time to the target",
        "Medians with their intervals. Hatched: the median trial missed the target, and the bar is "
        "the length of its whole run. Intervals without an upper end are open, since some seeds "
        "missed it. Each workload has an axis of its own.",
        _times,
    ),
    "curves.svg": Picture(
        "The validation split over time",
        "Of the first seed: evaluations over steps times seconds per step. Both axes of errors "
        "are logarithmic; of cross entropies, the time alone is.",
        _curves,
    ),
    "profile.svg": Picture(
        "Performance profile",
        "The share of workloads, held-out variants included, on which the median time to the "
        "target is within a factor of the fastest one's (Dolan and Moré [6]). A miss is never "
        "solved. Who is the fastest depends on who is drawn.",
        _profile,
    ),
}
