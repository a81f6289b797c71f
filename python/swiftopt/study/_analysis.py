"""From the records of a study to all numbers of its report."""

from __future__ import annotations

from typing import Any

from swiftopt.study._cells import Cell, cell
from swiftopt.study._claims import MEASURES, TIMED, Claim
from swiftopt.study._comparisons import Comparison, compare, per_sample
from swiftopt.study._plan import Plan
from swiftopt.study._protocol import Protocol
from swiftopt.study._statistics import (
    COVERAGE,
    RESAMPLES,
    bootstrap,
    geometric_mean_of_ratios,
    median,
    performance_profile,
)
from swiftopt.study._store import Store
from swiftopt.study._table import BASE, DRAWN, NAIVE, TECHNIQUES, TUNED, TUNED_SHORT
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
    cells = {
        (workload.name, technique.name): found
        for workload in workloads
        for technique in protocol.rows(_main(workload, plan))
        if workload.variant_of is None or technique.held_out
        if (found := cell(plan, workload, technique)) is not None
    }
    return {
        "form": FORM,
        "protocol": _protocol(protocol),
        "machines": _machines(store),
        "workloads": [_workload(plan, workload) for workload in workloads],
        "cells": [_cell(found) for found in cells.values()],
        "comparisons": [row for found in cells.values() for row in _comparisons(found, cells)],
        "techniques": [_technique(name, workloads, cells) for name in protocol.techniques],
        "totals": _totals(workloads, cells),
        "profile": _profile(workloads, cells),
        "counts": {
            "trials": len(store.all("trial")),
            "trial_seconds": sum(r["result"]["wall_seconds"] for r in store.all("trial")),
        },
    }


Cells = dict[tuple[str, str], Cell]


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


def _machines(store: Store) -> list[Json]:
    found: list[Json] = []
    for record in store.all("timing"):
        if record["machine"] not in found:
            found.append(record["machine"])
    return found


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
    samples = bootstrap(median, found.censored_samples())
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
        "samples_to_target": list(samples),
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


def _time_to_target(found: Cell) -> list[float] | None:
    """Return the median time to the target and its interval, in seconds."""
    if not found.rounds:
        return None
    steps = [samples / found.batch for samples in found.censored_samples()]
    return list(bootstrap(lambda a, b: median(a) * median(b), steps, found.rounds))


def _comparisons(found: Cell, cells: Cells) -> list[Json]:
    """Return a cell against its partner, both baselines, and whom promises name."""
    technique = TECHNIQUES[found.technique]
    others = [technique.partner, NAIVE, TUNED, *(claim.against for claim in technique.claims)]
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
    return {"value": value, "low": low, "high": high, "bound": comparison.bound}


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
    """Return the comparisons that a promise is judged by: where both sides were run."""
    against = claim.against or TECHNIQUES[name].partner
    assert against is not None
    pairs = [
        (cells.get((workload.name, name)), cells.get((workload.name, against)))
        for workload in workloads
    ]
    return [
        compare(claim.measure, found, other)
        for found, other in pairs
        if found is not None and other is not None
        if claim.measure not in TIMED or (found.rounds and other.rounds)
    ]


def _totals(workloads: list[Workload], cells: Cells) -> list[Json]:
    """Return the geometric means over workloads that the study was made for."""
    groups = {
        "main": [w.name for w in workloads if w.variant_of is None],
        "held out": [w.name for w in workloads if w.variant_of is not None],
        "all": [w.name for w in workloads],
    }
    rows = []
    for label, names in groups.items():
        for against in (NAIVE, TUNED_SHORT):
            rows.append(_total(label, names, "all_short", against, cells))
    bound = [w.name for w in workloads if (w.variant_of or w.name) in COMPUTE_BOUND]
    rows.append(_total("compute-bound", bound, "bfloat16", BASE, cells, epoch=True))
    return [row for row in rows if row is not None]


def _total(
    label: str, names: list[str], name: str, against: str, cells: Cells, *, epoch: bool = False
) -> Json | None:
    """Return one geometric mean: of times to the target, or of times per sample."""
    samples: list[list[float]] = []
    bounds: list[str] = []
    for workload in names:
        found, other = cells.get((workload, name)), cells.get((workload, against))
        if found is None or other is None:
            continue
        comparison = compare("epoch" if epoch else "time", found, other)
        if comparison is None:
            continue
        bounds.append(comparison.bound)
        for side in (other, found):
            samples += [[1.0] if epoch else side.censored_samples(), list(per_sample(side))]
    if not samples:
        return None
    return {
        "workloads": label,
        "count": len(bounds),
        "of": len(names),
        "measure": "epoch" if epoch else "time",
        "technique": name,
        "against": against,
        "value": list(bootstrap(geometric_mean_of_ratios, *samples)),
        "lower_bounds": bounds.count(">"),
        "upper_bounds": bounds.count("<"),
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
