"""Cell: what the trials of one technique on one workload gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from swiftopt.study._curves import column, steps_to
from swiftopt.study._plan import Plan
from swiftopt.study._techniques import Technique
from swiftopt.study._timing import timed_machine, timing_key
from swiftopt.study.workloads import Workload


@dataclass(frozen=True)
class Cell:
    """The measurements of one technique on one workload, one value for each seed.

    Parameters
    ----------
    workload, technique : str
    batch : int
        Samples of a step.
    config : dict
    limit : int
        Steps after which a trial that hasn't reached the target counts as a miss.
    steps : list of int or None
        To the target; None: a miss.
    run_steps : list of int
        That were run: fewer than `limit` after early stopping.
    accuracy : list of float
        On the test split at the end, in percent; 0 for a training that diverged.
    gaps : list of float
        Validation loss minus training loss at the end, where training didn't diverge.
    rounds, waits : list of float
        Seconds per step, and of them for the next batch, as measured apart; empty: not yet.
    curve : list
        Rows (step, training loss, validation metric) of the first seed.
    load : float or None
        Processes that were ready to run when the times were measured.
    """

    workload: str
    technique: str
    batch: int
    config: dict[str, Any]
    limit: int
    steps: list[int | None]
    run_steps: list[int]
    accuracy: list[float]
    gaps: list[float]
    rounds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    curve: list[list[float]] = field(default_factory=list)
    load: float | None = None

    @property
    def hits(self) -> int:
        """Return how many trials reached the target."""
        return sum(step is not None for step in self.steps)

    @property
    def is_missed(self) -> bool:
        """Tell whether the median trial missed the target."""
        return 2 * self.hits < len(self.steps) + (len(self.steps) % 2)

    def samples(self, missed: float | None = None) -> list[float]:
        """Return samples to the target; for misses `missed`, or those of the whole run."""
        whole = float(self.limit * self.batch) if missed is None else missed
        return [whole if step is None else float(step * self.batch) for step in self.steps]


def cell(plan: Plan, workload: Workload, technique: Technique) -> Cell | None:
    """Return a cell from a plan's results, or None if it isn't complete."""
    target = plan.target(workload)
    trials = plan.reported(workload, technique)
    records = [plan.store.get("trial", t.key) if t.is_settled else None for t in trials]
    if target is None or any(record is None for record in records):
        return None
    config = trials[0].config
    results = [record["result"] for record in records if record is not None]
    timing = plan.store.get("timing", timing_key(workload, config, timed_machine(plan.store)))
    times = timing["times"] if timing else {}
    which = column(workload.metric)
    return Cell(
        workload=workload.name,
        technique=technique.name,
        batch=workload.batch_of(config),
        config=config.to_json(),
        limit=workload.steps_of(config),
        steps=[steps_to(workload, result, target) for result in results],
        run_steps=[_run_steps(result) for result in results],
        accuracy=[_percent(result["test"]) for result in results],
        gaps=[
            result["validation"]["loss"] - result["train_loss"]
            for result in results
            if result["validation"]
        ],
        rounds=times.get("rounds", []),
        waits=times.get("waits", []),
        curve=[[row[0], row[1], row[which]] for row in results[0]["curve"]],
        load=times.get("load"),
    )


def _percent(test: dict[str, float] | None) -> float:
    return 0.0 if test is None else 100 * test["accuracy"]


def _run_steps(result: dict[str, Any]) -> int:
    return int(result["stopped"] or result["steps"])
