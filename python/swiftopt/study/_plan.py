"""Plan: which trials a study consists of, as far as its results so far decide them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import inf
from statistics import median_low

from swiftopt.study._config import Config, digest
from swiftopt.study._curves import best_value, final_value, steps_to
from swiftopt.study._protocol import Protocol
from swiftopt.study._search import points
from swiftopt.study._store import Record, Store
from swiftopt.study._table import SETTERS, TECHNIQUES
from swiftopt.study._techniques import Technique
from swiftopt.study._trials import Trial
from swiftopt.study.workloads import Workload

#: The seed that choices are made with; reported trials have 1, 2, ...
TUNING_SEED = 0
#: A run whose length is chosen just reaches the target, and with another seed may just miss it:
#: so many of the best are tried again with these seeds.
FINALISTS, FINAL_SEEDS = 3, (1001, 1002)


class Plan:
    """All trials of a protocol, given what is in a store.

    The same store gives the same plan, so nothing but results is ever saved. Make a new one
    after results were added.
    """

    def __init__(self, protocol: Protocol, store: Store) -> None:
        self.protocol, self.store = protocol, store
        self.workloads = protocol.main_workloads()
        self.chosen = cache(self._chosen)  # looked up for each technique that builds on it

    # ------------------------------------------------------------------ trials

    def trials(self) -> list[Trial]:
        """Return all trials, done or not, each once, in an order in which they can be run."""
        found: dict[tuple[object, ...], Trial] = {}
        for workload in self.workloads:
            for trial in self._of(workload):
                where = (
                    (trial.key,) if trial.is_settled else (trial.phase, trial.technique, trial.key)
                )
                found.setdefault(where, trial)
        return list(found.values())

    def ready(self) -> list[Trial]:
        """Return the trials that can be run now."""
        return [trial for trial in self.trials() if trial.is_settled and not self._result(trial)]

    def _of(self, workload: Workload) -> Iterator[Trial]:
        rows = self.protocol.rows(workload)
        for name in SETTERS:
            yield from self._tuning(workload, TECHNIQUES[name], "target")
        yield from self.target_trials(workload)
        for technique in rows:
            if technique.tuned:
                yield from self._tuning(workload, technique, "tuning")
                if technique.searches_horizon:
                    yield from self._final(workload, technique)
        for technique in rows:
            yield from self.reported(workload, technique)
        if self.protocol.held_out:
            yield from self.target_trials(self.protocol.variant(workload))
            yield from self._held_out(workload)

    def _held_out(self, workload: Workload) -> Iterator[Trial]:
        variant = self.protocol.variant(workload)
        for technique in self.protocol.rows(workload):
            if technique.held_out:
                yield from self.reported(variant, technique)

    def all_reported(self) -> Iterator[Trial]:
        """Yield the trials of all cells of the tables, also those that are of a target too."""
        for workload in self.workloads:
            for technique in self.protocol.rows(workload):
                yield from self.reported(workload, technique)
            if self.protocol.held_out:
                yield from self._held_out(workload)

    def _tuning(self, workload: Workload, technique: Technique, phase: str) -> Iterator[Trial]:
        template = self.template(workload, technique)
        for point in points(technique.space(template), self.protocol.tuning_trials):
            config = template.replace(**point)
            yield Trial(workload, technique.name, phase, config, TUNING_SEED)

    def _candidates(self, workload: Workload, technique: Technique) -> list[Trial]:
        """Return the trials that a technique's configuration is chosen from.

        Where the length is chosen, the partner's, whose length is the whole one, are among them.
        """
        trials = list(self._tuning(workload, technique, "tuning"))
        if technique.searches_horizon and technique.partner:
            trials += self._tuning(workload, TECHNIQUES[technique.partner], "tuning")
        return trials

    def _final(self, workload: Workload, technique: Technique) -> list[Trial]:
        """Return the trials of the best tuning trials' configurations with further seeds."""
        ranked = self._ranked(workload, technique)
        settled = ranked is not None
        configs = (ranked or [self.template(workload, technique)] * FINALISTS)[:FINALISTS]
        return [
            Trial(workload, technique.name, f"tuning, final {place}", config, seed, settled)
            for place, config in enumerate(configs, start=1)
            for seed in FINAL_SEEDS
        ]

    def target_trials(self, workload: Workload) -> list[Trial]:
        """Return the trials of tuned SGD that the target of a workload follows from."""
        main = self._main(workload)
        trials = []
        for name in SETTERS:
            config = self._setter(main, name)
            settled = config is not None
            config = config or self.template(main, TECHNIQUES[name])
            trials += [
                Trial(workload, name, "target", config, seed, settled)
                for seed in range(1, self.protocol.seeds + 1)
            ]
        return trials

    def reported(self, workload: Workload, technique: Technique) -> list[Trial]:
        """Return the trials of one cell of the tables."""
        main = self._main(workload)
        config = self.chosen(main.name, technique.name)
        settled = config is not None
        phase = "held out" if workload.variant_of else "reported"
        config = config or self.template(main, technique)
        return [
            Trial(workload, technique.name, phase, config, seed, settled)
            for seed in range(1, self.protocol.seeds + 1)
        ]

    # ----------------------------------------------------------------- choices

    def template(self, workload: Workload, technique: Technique) -> Config:
        """Return a technique's configuration before any tuning."""
        partner = (
            self.template(workload, TECHNIQUES[technique.partner])
            if technique.partner
            else Config()
        )
        return technique.changed(partner, workload)

    def _chosen(self, workload_name: str, name: str) -> Config | None:
        """Return the configuration of a technique on a main workload; None: not known yet.

        Of the tuning trials, the one that reached the target in the fewest samples; if none
        did, the one that ended best. Where the length is chosen too, the partner's trials of
        the whole length take part, and the best ones are tried again with further seeds, and
        the median decides.
        """
        workload = next(w for w in self.workloads if w.name == workload_name)
        technique = TECHNIQUES[name]
        if not technique.tuned:
            if technique.partner is None:
                return technique.changed(Config(), workload)
            partner = self.chosen(workload_name, technique.partner)
            return None if partner is None else technique.changed(partner, workload)
        ranked = self._ranked(workload, technique)
        if ranked is None or not technique.searches_horizon:
            return ranked[0] if ranked else None
        finals = self._results(self._final(workload, technique))
        if finals is None:
            return None
        first = self._results(self._candidates(workload, technique)) or []
        ranks: dict[Config, list[tuple[float, float]]] = {}
        for trial, record in finals:
            ranks.setdefault(trial.config, []).append(self._rank(trial, record))
        for trial, record in first:
            if trial.config in ranks:
                ranks[trial.config].append(self._rank(trial, record))
        return min(ranks, key=lambda config: median_low(ranks[config]))

    def _ranked(self, workload: Workload, technique: Technique) -> list[Config] | None:
        """Return the configurations of the tuning trials, the best first; None: not known yet."""
        results = self._results(self._candidates(workload, technique))
        if results is None or self.target(workload) is None:
            return None
        results.sort(key=lambda pair: self._rank(*pair))
        return [trial.config for trial, _ in results]

    def _rank(self, trial: Trial, record: Record) -> tuple[float, float]:
        """Return numbers that are smaller for better trials."""
        workload, target = trial.workload, self.target(trial.workload)
        assert target is not None
        steps = steps_to(workload, record["result"], target)
        samples = inf if steps is None else steps * workload.batch_of(trial.config)
        return samples, _cost(workload, final_value(workload, record["result"]))

    def _setter(self, workload: Workload, name: str) -> Config | None:
        """Return the configuration of a tuned SGD that ended best: it helps to set the target."""
        results = self._results(list(self._tuning(workload, TECHNIQUES[name], "target")))
        if results is None:
            return None

        def rank(pair: tuple[Trial, Record]) -> float:
            return _cost(workload, final_value(workload, pair[1]["result"]))

        return min(results, key=rank)[0].config

    # ----------------------------------------------------------------- targets

    def target(self, workload: Workload) -> float | None:
        """Return the target of a workload that was written down; None: not yet."""
        record = self.store.get("target", target_key(workload, self.protocol))
        return None if record is None else float(record["value"])

    def computed_target(self, workload: Workload) -> float | None:
        """Return the target as it follows from the results; None: not yet.

        The best value that every seed of tuned SGD reached on the validation split, with a
        constant rate and with a schedule.
        """
        results = self._results(self.target_trials(workload))
        if results is None:
            return None
        values = [best_value(workload, record["result"]) for _, record in results]
        reached = [value for value in values if value is not None]
        if not reached:
            return None
        return min(reached) if workload.larger_is_better else max(reached)

    # ----------------------------------------------------------------- results

    def _main(self, workload: Workload) -> Workload:
        name = workload.variant_of or workload.name
        return next(found for found in self.workloads if found.name == name)

    def _result(self, trial: Trial) -> Record | None:
        return self.store.get("trial", trial.key)

    def _results(self, trials: list[Trial]) -> list[tuple[Trial, Record]] | None:
        """Return trials and records, or None if one isn't done."""
        if not all(trial.is_settled for trial in trials):
            return None
        pairs = [(trial, self._result(trial)) for trial in trials]
        done = [(trial, record) for trial, record in pairs if record is not None]
        return done if len(done) == len(pairs) else None


def target_key(workload: Workload, protocol: Protocol) -> str:
    """Return the key of a workload's target: a study of another size has another one."""
    return digest([workload.identity(), protocol.tuning_trials, protocol.seeds])


def _cost(workload: Workload, value: float | None) -> float:
    """Return a number that is smaller for better values."""
    if value is None:
        return inf
    return -value if workload.larger_is_better else value
