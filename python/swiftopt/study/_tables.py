"""The tables of the report, for Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from swiftopt.study._table import NAIVE, TUNED, TUNED_SHORT

Json = dict[str, Any]


class Table(NamedTuple):
    """A heading, a sentence about it, and rows of text."""

    title: str
    about: str
    header: list[str]
    rows: list[list[str]]


def main_workloads(results: Json) -> list[str]:
    """Return the names of the workloads that choices were made on."""
    return [w["name"] for w in results["workloads"] if w["variant_of"] is None]


def variants(results: Json) -> dict[str, str]:
    """Return the held-out variant of each workload, by name."""
    return {w["variant_of"]: w["name"] for w in results["workloads"] if w["variant_of"]}


def number(measure: str, comparison: Json | None) -> str:
    """Return a comparison in words: ``>1.40× (1.20-∞)``."""
    if comparison is None:
        return "-"
    value, low, high = (comparison[name] for name in ("value", "low", "high"))
    bound = comparison["bound"]
    if measure == "accuracy":
        return f"{_points(value)} ({_points(low)} to {_points(high)})"
    if measure == "gap":
        return f"{100 * value:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    return f"{bound}{_times(value)}× ({_times(low)}-{_times(high)})"


def _times(value: float | None) -> str:
    if value is None:
        return "∞"
    return "0" if value == 0 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _points(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # never -0.00


#: Measures that are of speed, beside which a change of accuracy must stand.
_SPEEDS = ("time", "steps", "epoch", "run")


class _Comparisons:
    """The comparisons of a study, by workload, technique and whom it is compared with."""

    def __init__(self, results: Json) -> None:
        self._rows = {
            (row["workload"], row["technique"], row["against"]): row
            for row in results["comparisons"]
        }
        self._variants = variants(results)

    def text(self, workload: str, technique: str, against: str | None, measure: str) -> str:
        """Return what was measured on a workload, and after a slash on its variant.

        Beside a speed stands the change of accuracy.
        """
        texts = []
        for name in (workload, self._variants.get(workload)):
            row = self._rows.get((name, technique, against)) if name and against else None
            if row is not None:
                words = number(measure, row[measure])
                accuracy = row["accuracy"]
                if measure in _SPEEDS and accuracy is not None:
                    words += f", {_points(accuracy['value'])} pp"
                texts.append(words)
        return " / ".join(texts)


def verdicts(results: Json) -> Table:
    """Return the final table: promised, measured, judged."""
    found, names = _Comparisons(results), main_workloads(results)
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    rows = [
        [
            technique["title"],
            claim["text"],
            titles.get(claim["against"], "-"),
            _verdict(claim),
            *(
                found.text(name, technique["name"], claim["against"], claim["measure"])
                for name in names
            ),
        ]
        for technique in results["techniques"]
        for claim in technique["claims"]
    ]
    return Table(
        "What is promised, and what it is here",
        f"Each promise in its own measure, with {100 * results['protocol']['coverage']:.0f} % "
        "intervals; after a slash the held-out variant. × are times faster (or fewer, or shorter), "
        "signed numbers percentage points (pp) of test accuracy at the end. “>” and “<” are "
        "bounds: one side missed the target; intervals that end in 0 or ∞ are open, since some "
        "seeds missed it; “-”: it can't be told, mostly since both sides missed. Blank: the "
        "workload has no part for it.",
        ["technique", "promise", "against", "verdict, kept on", *names],
        rows,
    )


def _verdict(claim: Json) -> str:
    if not claim["workloads"]:
        return f"**{claim['verdict']}**"
    words = f"**{claim['verdict']}**, {claim['kept']} of {claim['workloads']}"
    return f"{words}; worse on {claim['worse']}" if claim["worse"] else words


def speedups(results: Json) -> Table:
    """Return the table of all techniques against their partners."""
    partners = {t["name"]: t["partner"] for t in results["techniques"]}
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    table = _against(
        results,
        "Every technique against its partner",
        "Time to the target, times faster, and the test accuracy at the end, in percentage points "
        "more.",
        partners,
    )
    named = {t["title"]: titles.get(t["partner"], "-") for t in results["techniques"]}
    rows = [[row[0], named[row[0]], *row[1:]] for row in table.rows]
    return table._replace(header=["technique", "against", *table.header[1:]], rows=rows)


def against_baselines(results: Json) -> list[Table]:
    """Return tables of everything that was tuned, against each of the baselines."""
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    notes = {
        NAIVE: "Its accuracy is that after three times as many steps.",
        TUNED: "The schedule of both sides ends with the whole run, where they have one. It "
        "reaches its target late by design, so that a constant rate may look faster.",
        TUNED_SHORT: "Who may not choose a shorter run is at a disadvantage here.",
    }
    return [
        _against(
            results,
            f"Against {titles[name]}",
            f"Time to the target, times faster, and the test accuracy at the end. {note}",
            {t["name"]: name for t in results["techniques"] if t["is_tuned"]},
        )
        for name, note in notes.items()
        if name in titles
    ]


def _against(results: Json, title: str, about: str, pairs: dict[str, str | None]) -> Table:
    """Return the times of techniques to the target against those that they are paired with."""
    found, names = _Comparisons(results), main_workloads(results)
    rows = []
    for technique in results["techniques"]:
        against = pairs.get(technique["name"])
        cells = [found.text(w, technique["name"], against, "time") for w in names]
        if any(cells):
            rows.append([technique["title"], *cells])
    return Table(title, about, ["technique", *names], rows)


def totals(results: Json) -> Table:
    """Return the geometric means that the study was made for."""
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    rows = []
    for row in results["totals"]:
        value, low, high = row["value"]
        # Only the other side's misses make a bound; with misses on both sides there is none.
        all_reached = row["reached"] == row["count"]
        is_bound = row["measure"] == "time" and all_reached and row["other_reached"] < row["count"]
        accuracy, worst, best = map(_points, row["accuracy"])
        rows.append(
            [
                titles.get(row["technique"], row["technique"]),
                titles.get(row["against"], row["against"]),
                f"{row['workloads']} ({row['count']} of {row['of']})",
                "time of an epoch" if row["measure"] == "epoch" else "time to the target",
                f"{row['reached']}, {row['other_reached']}",
                f"{'>' if is_bound else ''}{value:.2f}× ({low:.2f}-{high:.2f})",
                f"{'at least ' * is_bound}{_percent_less(value)}",
                f"{row['goal']:.2f}×: {'reached' if value >= row['goal'] else '**missed**'}",
                f"{accuracy} ({worst} to {best})",
            ]
        )
    return Table(
        "Geometric means over workloads",
        "No workload is left out for a miss: on either side it counts as the number of samples at "
        "which plain SGD is given up, three whole runs, at that side's own speed. Where the "
        "baseline alone missed, the mean is thus a lower bound. Intervals are for these workloads: "
        "they say nothing of others. “Wanted” is what the study was made to check. Compute-bound "
        "are mlp, cnn, transformer and lstm: mostly products of matrices.",
        [
            "technique", "against", "workloads", "measure", "reached by either side",
            "times faster", "time", "wanted", "accuracy (pp)",
        ],
        rows,
    )  # fmt: skip


def _percent_less(value: float) -> str:
    share = 100 * (1 - 1 / value)
    return f"{share:.0f} % less" if share >= 0 else f"{-share:.0f} % more"


def raw(results: Json) -> Iterable[Table]:
    """Yield what was measured on each workload, steps and seconds apart."""
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    for workload in results["workloads"]:
        cells = [c for c in results["cells"] if c["workload"] == workload["name"]]
        if cells:
            yield Table(
                workload["title"],
                _target_words(workload),
                ["technique", "batch", "reached", "steps to the target", "ms per step",
                 "waits for data", "time to the target", "test accuracy"],
                [_raw_row(cell, titles) for cell in cells],
            )  # fmt: skip


def _target_words(workload: Json) -> str:
    target = workload["target"]
    if target is None:
        return "No target yet."
    if workload["metric"] == "accuracy":
        return f"Target: {100 * target:.2f} % of the validation images right."
    return f"Target: a cross entropy of {target:.4f} nats on the validation split."


def _raw_row(cell: Json, titles: dict[str, str]) -> list[str]:
    missed = ">" if cell["is_missed"] else ""
    samples, batch = cell["samples_to_target"], cell["batch_size"]
    last = "∞" if samples[2] is None else f"{samples[2] / batch:.0f}"
    steps = f"{missed}{samples[0] / batch:.0f} ({samples[1] / batch:.0f}-{last})"
    seconds, time = cell["seconds_per_step"], cell["time_to_target"]
    accuracy = sorted(cell["test_accuracy"])
    return [
        str(titles.get(cell["technique"], cell["technique"])),
        str(batch),
        f"{cell['hits']} of {len(cell['steps'])}",
        steps,
        f"{1e3 * seconds[0]:.2f} ({1e3 * seconds[1]:.2f}-{1e3 * seconds[2]:.2f})"
        if seconds else "-",
        f"{100 * cell['wait_share']:.0f} %" if cell["wait_share"] is not None else "-",
        f"{missed}{time[0]:.2f} s ({time[1]:.2f}-{_times(time[2])})" if time else "-",
        f"{accuracy[len(accuracy) // 2]:.1f} % ({accuracy[0]:.1f}-{accuracy[-1]:.1f})",
    ]  # fmt: skip


def all_tables(results: Json) -> Sequence[Table]:
    """Return all tables, the final one first."""
    return [
        verdicts(results), totals(results), speedups(results), *against_baselines(results)
    ]  # fmt: skip
