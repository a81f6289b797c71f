"""The report as JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .cases import Outcome
from .judge import compare, judge, speedups
from .limit import Limit


def _as_json(outcome: Outcome) -> dict[str, Any]:
    contenders: dict[str, Any] = {}
    timings = outcome.timings
    for name in timings.seconds if timings else ():
        assert timings is not None
        contenders[name] = {
            "seconds": asdict(timings.time(name)),
            "steps_per_sample": timings.repeats[name],
            "samples": timings.seconds[name].tolist(),
            "ratio_to_limit": asdict(timings.ratio(name, Limit.name))
            if Limit.name in timings.seconds
            else None,
            "check": asdict(outcome.checks[name]),
            "measures": {
                measure: asdict(timings.measure(name, measure))
                for measure in timings.measures.get(name, ())
            },
        }
    return {
        "case": outcome.case.name,
        "title": outcome.case.title,
        "bytes_per_step": outcome.bytes_per_step,
        "rounds": timings.rounds if timings else 0,
        "others_share": timings.others_share if timings else None,
        "disturbances": timings.disturbances if timings else [],
        "contenders": contenders,
        "where": outcome.where,
        "missing": outcome.missing,
        "bars": [asdict(judge(outcome, bar)) for bar in outcome.case.bars],
        "speedups": {f"{n}, {t} threads": asdict(s) for (n, t), s in speedups(outcome).items()},
        "comparisons": [asdict(c) for c in compare(outcome)],
    }


def as_json(facts: dict[str, str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return everything that was measured, samples included, as JSON values."""
    return {"machine": facts, "cases": [_as_json(o) for o in outcomes]}
