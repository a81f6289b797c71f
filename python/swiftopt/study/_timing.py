"""Seconds per step: measured apart from the trials, quietly and interleaved."""

from __future__ import annotations

import os
import platform
import random
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import swiftopt as so
from swiftopt import _core
from swiftopt.study._config import Config, digest
from swiftopt.study._store import Store
from swiftopt.study._training import Training
from swiftopt.study.workloads import Data, Workload

#: Steps before the clock starts: networks are planned, and caches filled, in the first.
_WARM_STEPS = 3
_LEAST_STEPS = 3
_MOST_WARM_SECONDS = 1.0


def machine() -> dict[str, Any]:
    """Return what times depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": so.get_num_threads(),
        "level": _core.level(),
        "swiftopt": so.__version__,
        "python": platform.python_version(),
    }


def timed_machine(store: Store) -> dict[str, Any]:
    """Return the machine of the newest times, so that any machine may write the report."""
    records = store.all("timing")
    return dict(records[-1]["machine"]) if records else machine()


def timing_key(workload: Workload, config: Config, facts: dict[str, Any] | None = None) -> str:
    """Return the key of a time; that of another machine than this one has another one."""
    facts = facts or machine()
    where = [facts[name] for name in ("processor", "cores", "threads", "level")]
    return digest(["timing", workload.identity(), config.for_timing().to_json(), where])


def measure(
    workload: Workload,
    data: Data,
    configs: Sequence[Config],
    rounds: int,
    seconds: float,
    load: float,
) -> list[dict[str, Any]]:
    """Return the seconds per step of each configuration.

    In each round every configuration is built anew (so that no one has a lucky place in
    memory all along) and stepped for `seconds`, in an order that is shuffled each time, so
    that what else the machine does hits all of them alike. Evaluation isn't timed, waiting
    for data is.

    Returns
    -------
    list of dict
        `seconds` (per step, the median over the rounds), `rounds` (all of them), `waits` (how
        much of each was spent on getting the next batch) and `load`, as it was given.
    """
    order = random.Random(0)
    found: list[list[tuple[float, float]]] = [[] for _ in configs]
    for _ in range(rounds):
        numbers = list(range(len(configs)))
        order.shuffle(numbers)
        for number in numbers:
            found[number].append(_one(workload, data, configs[number], seconds))
    return [_summary(values, load) for values in found]


def _one(workload: Workload, data: Data, config: Config, seconds: float) -> tuple[float, float]:
    """Return seconds per step, and how many of them were spent on getting the next batch."""
    training = Training(workload, data, config.for_timing(), seed=0)
    warm = time.perf_counter()
    for _ in range(_WARM_STEPS * config.accumulate):
        training.step()
        if time.perf_counter() - warm > _MOST_WARM_SECONDS:
            break
    training.wait_seconds = 0.0
    steps, beginning = 0, time.perf_counter()
    # Whole windows of accumulated batches, or steps would differ in kind.
    while True:
        for _ in range(config.accumulate):
            training.step()
        steps += config.accumulate
        elapsed = time.perf_counter() - beginning
        if elapsed >= seconds and steps >= _LEAST_STEPS:
            break
    training.close()
    return elapsed / steps, training.wait_seconds / steps


def _summary(values: list[tuple[float, float]], load: float) -> dict[str, Any]:
    return {
        "seconds": median(seconds for seconds, _ in values),
        "rounds": [_five_digits(seconds) for seconds, _ in values],
        "waits": [_five_digits(waited) for _, waited in values],
        "load": round(load, 2),
    }


def _five_digits(value: float) -> float:
    return float(f"{value:.5g}")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
