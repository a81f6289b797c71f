"""What is read off the curve of a trial."""

from __future__ import annotations

from typing import Any

from swiftopt.study.workloads import Workload

#: Columns of a curve's rows.
STEP, TRAIN_LOSS, LOSS, ACCURACY = range(4)


def column(metric: str) -> int:
    """Return the column of a metric on the validation split."""
    return {"loss": LOSS, "accuracy": ACCURACY}[metric]


def best_value(workload: Workload, result: dict[str, Any]) -> float | None:
    """Return the best value on the validation split; None if training diverged at once."""
    values: list[float] = [row[column(workload.metric)] for row in result["curve"]]
    if not values:
        return None
    return max(values) if workload.larger_is_better else min(values)


def final_value(workload: Workload, result: dict[str, Any]) -> float | None:
    """Return the validation metric at the end; None if training diverged."""
    validation = result["validation"]
    return None if validation is None else float(validation[workload.metric])


def steps_to(workload: Workload, result: dict[str, Any], target: float) -> int | None:
    """Return the first evaluated step at which the target was reached; None: a miss.

    A run that reached it and diverged later counts as reached, as in AlgoPerf.
    """
    for row in result["curve"]:
        if workload.reaches(row[column(workload.metric)], target):
            return int(row[STEP])
    return None
