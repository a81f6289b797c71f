"""The tables of what was run: problems, techniques, and what the tuning chose."""

from __future__ import annotations

from swiftopt.study._config import Config
from swiftopt.study._search import HORIZON, LEARNING_RATES, Space, points
from swiftopt.study._tables import Json, Table, main_workloads


def workloads(results: Json) -> Table:
    """Return the table of the problems, held-out variants after their workloads."""
    rows = [
        [
            w["name"],
            w["title"],
            w["metric"],
            _target(w),
            str(w["batch_size"]),
            str(w["budget"]),
            str(w["every"]),
            "yes" if w["variant_of"] is None else f"no, as {w['variant_of']}",
        ]
        for w in results["workloads"]
    ]
    return Table(
        "Workloads",
        "The steps are those of a whole run at that batch size; with another one, a run has the "
        "same number of samples. It is evaluated on the validation split each time that so many "
        "steps are done, and steps to the target are known no finer than that. Data, networks and "
        "numbers of samples are in `python/swiftopt/study/workloads`, one file for each.",
        ["workload", "problem", "metric", "target", "batch", "steps", "evaluated every", "tuned"],
        rows,
    )


def _target(workload: Json) -> str:
    target = workload["target"]
    if target is None:
        return "-"
    if workload["metric"] == "accuracy":
        return f"at least {100 * target:.2f} %"
    return f"at most {target:.4f} nats"


def techniques(results: Json) -> Table:
    """Return the table of what each technique changes."""
    titles = {t["name"]: t["title"] for t in results["techniques"]}
    rows = [
        [
            t["title"],
            titles.get(t["partner"], "-"),
            ", ".join(f"{name} = {value}" for name, value in t["changes"].items()) or "-",
            "yes" if t["is_tuned"] else "no",
            "yes" if t["is_held_out"] else "no",
            t["note"],
        ]
        for t in results["techniques"]
    ]
    return Table(
        "Techniques",
        "What each one changes of its partner's configuration (the fields are those of "
        "`swiftopt.study.Config`), whether it has tuning trials of its own, and whether it was run "
        "on the held-out variants too.",
        ["technique", "partner", "changes", "tuned", "on variants", "note"],
        rows,
    )


def choices(results: Json) -> Table:
    """Return the table of what the tuning chose, with a mark where the best may lie beyond."""
    names = main_workloads(results)
    cells = {(c["workload"], c["technique"]): c["config"] for c in results["cells"]}
    trials = results["protocol"]["tuning_trials"]
    rows = [
        [
            technique["title"],
            *(
                _choice(Config.from_json(config), trials)
                if (config := cells.get((name, technique["name"]))) is not None
                else ""
                for name in names
            ),
        ]
        for technique in results["techniques"]
        if technique["is_tuned"]
    ]
    return Table(
        "What the tuning chose",
        "Learning rates, and the share of the budget where that was searched too. † is the lowest "
        "or the highest that was tried: the best may lie beyond it.",
        ["technique", *names],
        rows,
    )


def _choice(config: Config, trials: int) -> str:
    tried = [point["lr"] for point in points(LEARNING_RATES[config.optimizer], trials)]
    mark = " †" if config.lr in (min(tried), max(tried)) else ""
    share = "" if config.horizon == 1 else f", {config.horizon:.2g} of the budget"
    return f"{config.lr:g}{mark}{share}"


def spaces(results: Json) -> Table:
    """Return the search spaces, and the points of them that are tried."""
    trials = results["protocol"]["tuning_trials"]

    def row(name: str, dimensions: Space, index: int = 0) -> list[str]:
        found = dimensions[index]
        values = sorted(point[found.field] for point in points(dimensions, trials))
        return [name, f"{found.low:.3g} to {found.high:.3g}", ", ".join(f"{v:g}" for v in values)]

    rates = [row(name, space) for name, space in LEARNING_RATES.items()]
    length = row("share of the budget", (*LEARNING_RATES["SGD"], HORIZON), 1)
    return Table(
        "Search spaces",
        "Learning rates of each optimizer, and the length of runs where that is chosen too, evenly "
        "on logarithmic scales. The first points of a Halton sequence don't reach the ends.",
        ["of", "space", "tried"],
        [*rates, length],
    )
