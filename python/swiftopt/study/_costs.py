"""How long trials take, from those that were run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from swiftopt.study._config import Config, digest
from swiftopt.study._store import Store
from swiftopt.study._trials import Trial


class Costs:
    """Seconds per sample of each kind of trial, from the records of a store.

    Trials of the same workload and kind count first, then those of the workload, then its
    own figure.
    """

    def __init__(self, store: Store) -> None:
        exact: dict[str, list[float]] = defaultdict(list)
        roughly: dict[str, list[float]] = defaultdict(list)
        for record in store.all("trial"):
            result = record["result"]
            if result["diverged"] is None and result["stopped"] is None:
                rate = result["wall_seconds"] / record["samples"]
                config = Config.from_json(record["config"])
                exact[_kind(record["workload"], config)].append(rate)
                roughly[record["workload"]].append(rate)
        self._exact = {kind: median(rates) for kind, rates in exact.items()}
        self._roughly = {name: median(rates) for name, rates in roughly.items()}

    def seconds(self, trials: Iterable[Trial]) -> float:
        """Return the wall-clock time of trials, one after the other."""
        return sum(self.of(trial) for trial in trials)

    def of(self, trial: Trial) -> float:
        """Return the wall-clock time of one trial."""
        workload = trial.workload
        rate = self._exact.get(_kind(workload.name, trial.config))
        if rate is None:
            rate = self._roughly.get(workload.name)
        if rate is None:
            rate = workload.seconds / (workload.budget * workload.batch_size)
        return rate * trial.samples


def _kind(workload: str, config: Config) -> str:
    return digest([workload, config.for_timing().to_json()])
