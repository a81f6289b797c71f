"""From the records of a study to all numbers of its report."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite
from typing import Any

from swiftopt.study._cells import Cell, cell
from swiftopt.study._claims import MEASURES, TIMED, Claim
from swiftopt.study._comparisons import Comparison, compare, per_sample
from swiftopt.study._costs import Costs
from swiftopt.study._plan import Plan
from swiftopt.study._protocol import Protocol
from swiftopt.study._statistics import (
    COVERAGE,
    RESAMPLES,
    Estimate,
    bootstrap,
    geometric_mean_of_ratios,
    mean_of_differences,
    median,
    performance_profile,
)
from swiftopt.study._store import Store
from swiftopt.study._table import BASE, DRAWN, GIVEN_UP, NAIVE, TECHNIQUES, TUNED, TUNED_SHORT
from swiftopt.study._timing import timed_machine
from swiftopt.study._verdicts import judge, overall, sentence
from swiftopt.study.workloads import Workload

#: The number of the form of the report's JSON.
FORM = 1
#: Workloads whose steps are mostly products of matrices.
COMPUTE_BOUND = ("mlp", "cnn", "transformer", "lstm")

Json = dict[str, Any]


def analyse(protocol: Protocol, store: Store) -> Json:
    """Return all numbers of the report, in JSON's kinds."""
    plan = Plan(protocol, store)
    workloads: list[Workload] = []
    for main in plan.workloads:
        workloads += [main, protocol.variant(main)] if protocol.held_out else [main]
    planned = [
        (workload, technique)
        for workload in workloads
        for technique in protocol.rows(_main(workload, plan))
        if workload.variant_of is None or technique.held_out
    ]
    cells = {
        (workload.name, technique.name): cell(plan, workload, technique)
        for workload, technique in planned
    }
    found = [one for one in cells.values() if one is not None]
    return {
        "form": FORM,
        "protocol": _protocol(protocol),
        "machine": timed_machine(store),
        "workloads": [_workload(plan, workload) for workload in workloads],
        "cells": [_cell(one) for one in found],
        "comparisons": [row for one in found for row in _comparisons(one, cells)],
        "techniques": [_technique(name, workloads, cells) for name in protocol.techniques],
        "totals": _totals(workloads, cells),
        "profile": _profile(workloads, cells),
        "counts": _counts(plan, store, cells),
    }


#: By workload and technique, as far as planned; None: its trials aren't all there.
Cells = dict[tuple[str, str], Cell | None]


def _main(workload: Workload, plan: Plan) -> Workload:
    name = workload.variant_of or workload.name
    return next(main for main in plan.workloads if main.name == name)


def _protocol(protocol: Protocol) -> Json:
    return {
        "tuning_trials": protocol.tuning_trials,
        "seeds": protocol.seeds,
        "held_out": protocol.held_out,
        "budget": protocol.budget,
        "timing_rounds": protocol.timing_rounds,
        "resamples": RESAMPLES,
        "coverage": COVERAGE,
    }


def _counts(plan: Plan, store: Store, cells: Cells) -> Json:
    trials = plan.trials()
    done = [t for t in trials if t.is_settled and store.get("trial", t.key)]
    return {
        "trials": len(done),
        "planned_trials": len(trials),
        "cells": sum(one is not None for one in cells.values()),
        "timed_cells": sum(one is not None and bool(one.rounds) for one in cells.values()),
        "planned_cells": len(cells),
        # From the usual rates: a trial's own clock may have seen the machine stopped.
        "trial_seconds": round(Costs(store).seconds(done)),
    }


def _workload(plan: Plan, workload: Workload) -> Json:
    return {
        "name": workload.name,
        "title": workload.title,
        "variant_of": workload.variant_of,
        "metric": workload.metric,
        "target": plan.target(workload),
        "batch_size": workload.batch_size,
        "budget": workload.budget,
        "every": workload.every,
    }


def _cell(found: Cell) -> Json:
    seconds = bootstrap(median, found.rounds) if found.rounds else None
    return {
        "workload": found.workload,
        "technique": found.technique,
        "config": found.config,
        "batch_size": found.batch,
        "limit": found.limit,
        "steps": found.steps,
        "run_steps": found.run_steps,
        "test_accuracy": [round(value, 3) for value in found.accuracy],
        "gap": [round(value, 5) for value in found.gaps],
        "hits": found.hits,
        "is_missed": found.is_missed,
        "samples_to_target": _with_misses(found, lambda samples: bootstrap(median, samples)),
        "seconds_per_step": list(seconds) if seconds else None,
        "wait_share": _wait_share(found),
        "time_to_target": _time_to_target(found),
        "load": found.load,
        "curve": found.curve,
    }


def _wait_share(found: Cell) -> float | None:
    if not found.rounds:
        return None
    return round(sum(found.waits) / sum(found.rounds), 4)


def _time_to_target(found: Cell) -> list[float | None] | None:
    """Return the median time to the target and its interval, in seconds."""
    if not found.rounds:
        return None
    return _with_misses(
        found,
        lambda samples: bootstrap(
            lambda a, b: median(a) * median(b), samples, list(per_sample(found))
        ),
    )


def _with_misses(found: Cell, estimate: Callable[[list[float]], Estimate]) -> list[float | None]:
    """Return an estimate; its upper end is None where a resample may well miss the target."""
    value, low, _ = estimate(found.samples())
    high = estimate(found.samples(missed=inf)).high
    return [value, low, high if isfinite(high) else None]


def _comparisons(found: Cell, cells: Cells) -> list[Json]:
    """Return a cell against its partner, both baselines, and whom promises name."""
    technique = TECHNIQUES[found.technique]
    claimed = (claim.against for claim in technique.claims)
    others = [technique.partner, NAIVE, TUNED, TUNED_SHORT, *claimed]
    rows = []
    for name in dict.fromkeys(others):
        other = cells.get((found.workload, name)) if name else None
        if other is None or name == found.technique:
            continue
        measured = {measure: compare(measure, found, other) for measure in MEASURES}
        rows.append(
            {
                "workload": found.workload,
                "technique": found.technique,
                "against": name,
                **{measure: _json(value) for measure, value in measured.items()},
            }
        )
    return rows


def _json(comparison: Comparison | None) -> Json | None:
    if comparison is None:
        return None
    value, low, high = (float(f"{number:.5g}") for number in comparison.estimate)
    end = high if isfinite(high) else None
    return {"value": value, "low": low, "high": end, "bound": comparison.bound}


def _technique(name: str, workloads: list[Workload], cells: Cells) -> Json:
    technique = TECHNIQUES[name]
    judged = [
        (claim, judge(claim, _of_claim(name, claim, workloads, cells)))
        for claim in technique.claims
    ]
    return {
        "name": name,
        "title": technique.title,
        "partner": technique.partner,
        "changes": dict(technique.changes),
        "is_tuned": technique.tuned,
        "is_held_out": technique.held_out,
        "note": technique.note,
        "claims": [
            {
                "measure": claim.measure,
                "text": claim.text,
                "low": claim.low,
                "high": claim.high if claim.high < 1e9 else None,
                "against": claim.against or technique.partner,
                **kept._asdict(),
            }
            for claim, kept in judged
        ],
        "verdict": overall([kept.verdict for _, kept in judged]),
        "sentence": " ".join(sentence(claim, kept) for claim, kept in judged),
    }


def _of_claim(
    name: str, claim: Claim, workloads: list[Workload], cells: Cells
) -> list[Comparison | None]:
    """Return the comparisons that a promise is judged by; none before all of them are there."""
    against = claim.against or TECHNIQUES[name].partner
    assert against is not None
    comparisons = []
    for workload in workloads:
        ours, theirs = (workload.name, name), (workload.name, against)
        if ours not in cells or theirs not in cells:
            continue  # has no place for it
        found, other = cells[ours], cells[theirs]
        if found is None or other is None:
            return []
        if claim.measure in TIMED and not (found.rounds and other.rounds):
            return []
        comparisons.append(compare(claim.measure, found, other))
    return comparisons


#: How many times faster the study was made to see: 60 % and 30 % less time, and 1.5 times.
_GOALS = {NAIVE: 2.5, TUNED_SHORT: 1 / 0.7, BASE: 1.5}


def _totals(workloads: list[Workload], cells: Cells) -> list[Json]:
    """Return the geometric means over workloads that the study was made for."""
    groups = {
        "main": [w for w in workloads if w.variant_of is None],
        "held out": [w for w in workloads if w.variant_of is not None],
        "all": workloads,
    }
    rows = [
        _total(label, group, "all_short", against, cells)
        for label, group in groups.items()
        for against in (NAIVE, TUNED_SHORT)
    ]
    bound = [w for w in workloads if (w.variant_of or w.name) in COMPUTE_BOUND]
    rows.append(_total("compute-bound", bound, "bfloat16", BASE, cells, epoch=True))
    return [row for row in rows if row is not None]


def _total(
    label: str,
    workloads: list[Workload],
    name: str,
    against: str,
    cells: Cells,
    *,
    epoch: bool = False,
) -> Json | None:
    """Return one geometric mean: of times to the target, or of times per sample.

    No workload is left out for a miss: on either side it counts as the number of samples at
    which plain SGD is given up, at that side's own speed.
    """
    pairs: list[tuple[Cell, Cell]] = []
    samples: list[list[float]] = []
    for workload in workloads:
        found, other = cells.get((workload.name, name)), cells.get((workload.name, against))
        if not (found and other and found.rounds and other.rounds):
            continue
        pairs.append((found, other))
        given_up = float(GIVEN_UP * workload.budget * workload.batch_size)
        for side in (other, found):
            samples += [[1.0] if epoch else side.samples(missed=given_up), list(per_sample(side))]
    if not pairs:
        return None
    accuracies = [side.accuracy for pair in pairs for side in pair]
    return {
        "workloads": label,
        "count": len(pairs),
        "of": len(workloads),
        "measure": "epoch" if epoch else "time",
        "technique": name,
        "against": against,
        "goal": round(_GOALS[against], 2),
        "value": list(bootstrap(geometric_mean_of_ratios, *samples)),
        "accuracy": list(bootstrap(mean_of_differences, *accuracies)),
        "reached": sum(not found.is_missed for found, _ in pairs),
        "other_reached": sum(not other.is_missed for _, other in pairs),
    }


def _profile(workloads: list[Workload], cells: Cells) -> Json:
    """Return performance profiles of the times to the target, misses as misses."""
    times: dict[str, dict[str, float | None]] = {}
    for name in DRAWN:
        for workload in workloads:
            found = cells.get((workload.name, name))
            if found is not None and found.rounds:
                time = _time_to_target(found)
                is_hit = time is not None and not found.is_missed
                times.setdefault(name, {})[workload.name] = time[0] if is_hit and time else None
    problems = [w.name for w in workloads if any(w.name in row for row in times.values())]
    return {name: list(map(list, c)) for name, c in performance_profile(times, problems).items()}
