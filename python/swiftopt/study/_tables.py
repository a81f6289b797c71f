"""The tables of the report, for Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from swiftopt.study._table import NAIVE, TUNED

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
    """Return a comparison in words: ``>1.4× (1.2-1.6)``."""
    if comparison is None:
        return "-"
    value, low, high = (comparison[name] for name in ("value", "low", "high"))
    bound = comparison["bound"]
    if measure == "accuracy":
        return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
    if measure == "gap":
        return f"{100 * value:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    return f"{bound}{_times(value)}× ({_times(low)}-{_times(high)})"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


class _Comparisons:
    """The comparisons of a study, by workload, technique and whom it is compared with."""

    def __init__(self, results: Json) -> None:
        self._rows = {
            (row["workload"], row["technique"], row["against"]): row
            for row in results["comparisons"]
        }
        self._variants = variants(results)

    def text(self, workload: str, technique: str, against: str | None, measure: str) -> str:
        """Return what was measured on a workload, and after a slash on its variant."""
        texts = [
            number(measure, row[measure])
            for name in (workload, self._variants.get(workload))
            if name and against and (row := self._rows.get((name, technique, against)))
        ]
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
            f"**{claim['verdict']}**, {claim['kept']} of {claim['workloads']}",
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
        "signed numbers percentage points of accuracy. “>” and “<” are bounds: one side missed the "
        "target; “-”: it can't be told, mostly since both did. Blank: the workload has no part "
        "for it.",
        ["technique", "promise", "against", "verdict, kept on", *names],
        rows,
    )


def speedups(results: Json) -> Table:
    """Return the table of all techniques against their partners."""
    found, names = _Comparisons(results), main_workloads(results)
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    rows = []
    for technique in results["techniques"]:
        name, partner = technique["name"], technique["partner"]
        cells = [
            _both(found.text(w, name, partner, "time"), found.text(w, name, partner, "accuracy"))
            for w in names
        ]
        if any(cells):
            rows.append([technique["title"], titles.get(partner, partner), *cells])
    return Table(
        "Every technique against its partner",
        "Time to the target, times faster; below it the test accuracy at the end, in percentage "
        "points more.",
        ["technique", "against", *names],
        rows,
    )


def _both(time: str, accuracy: str) -> str:
    return "; ".join(text for text in (time, accuracy and f"{accuracy} points") if text)


def against_baselines(results: Json) -> Table:
    """Return the table of optimizers, and of all together, against both baselines."""
    found, names = _Comparisons(results), main_workloads(results)
    rows = [
        [
            technique["title"],
            *(
                f"{found.text(w, technique['name'], NAIVE, 'time') or '-'}; "
                f"{found.text(w, technique['name'], TUNED, 'time') or '-'}"
                for w in names
            ),
        ]
        for technique in results["techniques"]
        if technique["is_tuned"]
    ]
    return Table(
        "Against both baselines",
        "Time to the target, times faster than plain SGD as first written; than tuned SGD.",
        ["technique", *names],
        rows,
    )


def totals(results: Json) -> Table:
    """Return the geometric means that the study was made for."""
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    rows = []
    for row in results["totals"]:
        value, low, high = row["value"]
        bound = ">" if row["lower_bounds"] and not row["upper_bounds"] else ""
        less = 100 * (1 - 1 / value)
        rows.append(
            [
                titles.get(row["technique"], row["technique"]),
                titles.get(row["against"], row["against"]),
                f"{row['workloads']} ({row['count']} of {row['of']})",
                "time of an epoch" if row["measure"] == "epoch" else "time to the target",
                f"{bound}{value:.2f}× ({low:.2f}-{high:.2f}), {less:.0f} % less",
            ]
        )
    return Table(
        "Geometric means over workloads",
        "Workloads on which both sides missed the target are left out; where plain SGD missed it, "
        "the time until it was given up counts, and the mean is a lower bound.",
        ["technique", "against", "workloads", "measure", "times faster"],
        rows,
    )


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
    steps = f"{missed}{samples[0] / batch:.0f} ({samples[1] / batch:.0f}-{samples[2] / batch:.0f})"
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
        f"{missed}{time[0]:.2f} s ({time[1]:.2f}-{time[2]:.2f})" if time else "-",
        f"{accuracy[len(accuracy) // 2]:.1f} % ({accuracy[0]:.1f}-{accuracy[-1]:.1f})",
    ]  # fmt: skip


def all_tables(results: Json) -> Sequence[Table]:
    """Return all tables, the final one first."""
    return [verdicts(results), totals(results), speedups(results), against_baselines(results)]
