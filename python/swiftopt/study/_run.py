"""Running a study: every trial once, whenever it was interrupted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from swiftopt.study._config import Config
from swiftopt.study._costs import Costs
from swiftopt.study._errors import StudyError
from swiftopt.study._plan import Plan, target_key
from swiftopt.study._pool import finished
from swiftopt.study._progress import Listener, Progress
from swiftopt.study._protocol import FULL, QUICK, Protocol
from swiftopt.study._store import Store
from swiftopt.study._timing import machine, measure, timing_key
from swiftopt.study._trials import Trial
from swiftopt.study.workloads import Workload

PHASES = ("trials", "timings")


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Parameters
    ----------
    trials_done, trials_left : int
    timings_left : int
    seconds_left : float
        That the rest will take.
    """

    trials_done: int
    trials_left: int
    timings_left: int
    seconds_left: float

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing is left."""
        return not (self.trials_left or self.timings_left)


def run(
    folder: str | os.PathLike[str],
    quick: bool = False,
    *,
    budget_hours: float | None = None,
    progress: Listener | None = None,
    jobs: int = 1,
    phases: tuple[str, ...] = PHASES,
    protocol: Protocol | None = None,
) -> Outcome:
    """Run what is missing of a study.

    May be stopped at any time, by Ctrl-C or a kill, and called again: what is finished is in
    the folder and isn't run again.

    Parameters
    ----------
    folder : path
        Where results are, or will be.
    quick : bool, default False
        A small study of some minutes, in a folder of its own.
    budget_hours : float, optional
        Begin nothing new after this time; the next call goes on.
    progress : callable, optional
        Called with a `Progress` after each trial.
    jobs : int, default 1
        Trials that run at the same time, in processes of their own, sharing out the threads.
        Their results are the same bits for any number. Timings always run alone.
    phases : tuple of {"trials", "timings"}
        Timings want a quiet machine; trials don't mind.
    protocol : Protocol, optional
        A size of your own.

    Raises
    ------
    StudyError
        If another run uses the folder, or data are missing or aren't those that the folder's
        results come from.
    """
    protocol = protocol or (QUICK if quick else FULL)
    store = Store(folder)
    deadline = None if budget_hours is None else time.monotonic() + 3600 * budget_hours
    with store.locked():
        if "trials" in phases:
            _run_trials(protocol, store, deadline, progress, jobs)
        if "timings" in phases:
            _run_timings(protocol, store, deadline, progress)
    return outcome(folder, protocol)


def outcome(folder: str | os.PathLike[str], protocol: Protocol) -> Outcome:
    """Return what is done and what is left in a folder."""
    store = Store(folder)
    plan = Plan(protocol, store)
    trials = plan.trials()
    left = [t for t in trials if not (t.is_settled and store.get("trial", t.key))]
    groups = list(_timing_groups(plan))
    missing = sum(len(configs) for _, configs in groups)
    return Outcome(
        len(trials) - len(left),
        len(left),
        missing,
        Costs(store).seconds(left) + _timing_seconds(protocol, missing),
    )


def _timing_seconds(protocol: Protocol, count: int) -> float:
    # Building a network and its first steps take about as long as a short measurement.
    return count * protocol.timing_rounds * (protocol.timing_seconds + 0.1)


# ------------------------------------------------------------------------ trials


def _run_trials(
    protocol: Protocol, store: Store, deadline: float | None, progress: Listener | None, jobs: int
) -> None:
    while True:
        plan = Plan(protocol, store)
        _set_targets(plan)
        ready = Plan(protocol, store).ready()
        if not ready:
            return
        trials = plan.trials()
        unfinished = {id(t): t for t in trials if not store.get("trial", t.key)}
        left = Costs(store).seconds(unfinished.values()) / jobs
        timings = _timing_seconds(protocol, sum(len(c) for _, c in _timing_groups(plan)))
        done = len(trials) - len(unfinished)
        costs = Costs(store)
        for trial, result, fingerprint in finished(ready, jobs, deadline):
            _keep(store, trial, result, fingerprint)
            done += 1
            left = max(left - costs.of(trial) / jobs, 0.0)
            if progress is not None:
                progress(Progress(done, len(trials), left + timings, _words(trial)))
        if deadline is not None and time.monotonic() >= deadline:
            return


def _keep(store: Store, trial: Trial, result: dict[str, object], fingerprint: str) -> None:
    name = trial.workload.name
    known = store.get("data", name)
    if known is None:
        store.add("data", name, fingerprint=fingerprint)
    elif known["fingerprint"] != fingerprint:
        raise StudyError(
            f"the data of {name} aren't those that the results in {store.folder} come from; "
            "use another folder"
        )
    store.add(
        "trial",
        trial.key,
        workload=name,
        config=trial.config.to_json(),
        seed=trial.seed,
        samples=trial.samples,
        result=result,
    )


def _set_targets(plan: Plan) -> None:
    """Write down each target as soon as it follows from the results; it then stays."""
    for main in plan.workloads:
        variants = [plan.protocol.variant(main)] if plan.protocol.held_out else []
        for workload in (main, *variants):
            if plan.target(workload) is None:
                computed = plan.computed_target(workload)
                if computed is not None:
                    plan.store.add(
                        "target",
                        target_key(workload, plan.protocol),
                        workload=workload.name,
                        metric=workload.metric,
                        value=computed,
                    )


def _words(trial: Trial) -> str:
    return f"{trial.workload.name}: {trial.technique} ({trial.phase}, seed {trial.seed})"


# ----------------------------------------------------------------------- timings


def _timing_groups(plan: Plan) -> Iterator[tuple[Workload, list[Config]]]:
    """Yield the configurations of each workload whose time isn't known, each kind once."""
    by_workload: dict[str, tuple[Workload, dict[str, Config]]] = {}
    for trial in plan.all_reported():
        key = timing_key(trial.workload, trial.config)
        if plan.store.get("timing", key) is None:
            _, configs = by_workload.setdefault(trial.workload.name, (trial.workload, {}))
            configs.setdefault(key, trial.config)
    for workload, configs in by_workload.values():
        yield workload, list(configs.values())


def _run_timings(
    protocol: Protocol, store: Store, deadline: float | None, progress: Listener | None
) -> None:
    plan = Plan(protocol, store)
    groups = list(_timing_groups(plan))
    total = sum(len(configs) for _, configs in groups)
    done = 0
    load = os.getloadavg()[0]  # now, before the measurements make one of their own
    for workload, configs in groups:
        if deadline is not None and time.monotonic() >= deadline:
            return
        data = workload.load()
        found = measure(
            workload, data, configs, protocol.timing_rounds, protocol.timing_seconds, load
        )
        for config, times in zip(configs, found, strict=True):
            store.add(
                "timing",
                timing_key(workload, config),
                workload=workload.name,
                config=config.for_timing().to_json(),
                machine=machine(),
                times=times,
            )
        done += len(configs)
        if progress is not None:
            left = _timing_seconds(protocol, total - done)
            progress(Progress(done, total, left, f"{workload.name}: times of {len(configs)}"))
