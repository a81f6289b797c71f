"""A study whose trials come from a formula: all kinds of results, in a moment."""

import math
import random

from swiftopt.study import FULL
from swiftopt.study._analysis import analyse
from swiftopt.study._plan import Plan
from swiftopt.study._run import _set_targets, _timing_groups
from swiftopt.study._search import LEARNING_RATES
from swiftopt.study._store import Store
from swiftopt.study._timing import timing_key

_MACHINE = {"processor": "made up", "cores": 2, "threads": 2, "level": "none", "swiftopt": "0"}


class Memory(Store):
    """A store without a file."""

    def add(self, kind, key, **values):
        record = {"kind": kind, "key": key, **values}
        self._records[kind, key] = record
        return record


def simulated(folder, protocol=FULL):
    """The numbers of a study's report, with misses, divergence and overlapping intervals."""
    store = Memory(folder)
    while True:
        _set_targets(Plan(protocol, store))
        ready = Plan(protocol, store).ready()
        if not ready:
            break
        for trial in ready:
            store.add(
                "trial", trial.key, workload=trial.workload.name, config=trial.config.to_json(),
                seed=trial.seed, samples=trial.samples,
                result=_result(trial.workload, trial.config, trial.seed),
            )  # fmt: skip
    for workload, configs in _timing_groups(Plan(protocol, store)):
        for config in configs:
            store.add(
                "timing", timing_key(workload, config, _MACHINE), workload=workload.name,
                config=config.for_timing().to_json(), machine=_MACHINE,
                times=_times(workload, config, protocol.timing_rounds),
            )  # fmt: skip
    return analyse(protocol, store)


def _result(workload, config, seed):
    """A loss that falls from 2.3 exponentially, soonest at a rate in the middle of the space."""
    draw = random.Random(f"{workload.name} {config.to_json()} {seed}")
    (space,) = LEARNING_RATES[config.optimizer]
    middle = math.sqrt(space.low * space.high) / (10 if config.momentum else 1)
    distance = abs(math.log10(config.lr / middle))
    falls = 5.0 * draw.uniform(0.8, 1.2) * 10 ** (-0.7 * distance)
    falls *= 1.6 if config.optimizer != "SGD" or config.momentum else 1.0
    steps, every = workload.steps_of(config), workload.every_of(config)
    at_end = 0.06 if config.schedule != "constant" else 0.1
    diverges = config.lr > 0.6 * space.high and config.optimizer == "SGD"
    curve = []
    for step in [*range(every, steps, every), steps]:
        done = step / steps
        loss = 0.4 + 1.9 * math.exp(-falls * done * config.horizon**0.4) + at_end * (1 - done)
        loss *= draw.uniform(0.98, 1.02)
        curve.append([step, loss, loss + 0.05, max(1 - loss / 2.5, 0.05)])
        if diverges and done > 0.3:
            break
    end = {"loss": curve[-1][2], "accuracy": curve[-1][3]}
    return {
        "steps": steps, "every": every, "curve": curve, "diverged": steps if diverges else None,
        "stopped": None, "train_loss": None if diverges else curve[-1][1],
        "validation": None if diverges else end, "test": None if diverges else end,
        "wall_seconds": 1.0,
    }  # fmt: skip


def _times(workload, config, rounds):
    draw = random.Random(f"{workload.name} {config.for_timing().to_json()}")
    usual = 1e-3 * (1 + len(workload.name)) * workload.batch_of(config) / workload.batch_size
    usual *= 0.6 if config.dtype == "bfloat16" else 1.0
    seconds = [usual * draw.uniform(0.95, 1.2) for _ in range(rounds)]
    return {
        "seconds": sorted(seconds)[rounds // 2], "rounds": seconds,
        "waits": [0.1 * value for value in seconds], "load": 0.1,
    }  # fmt: skip
