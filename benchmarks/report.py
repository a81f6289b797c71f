"""The report: a table per case, the bars, wins and losses alike; and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .cases import THREADS, Outcome
from .judge import EVEN, LOSS, WIN, Comparison, Verdict, compare, judge, speedups
from .limit import Limit
from .timing import Interval, Timings

_HEADINGS = ("contender", "time a step", "x limit [95 %]", "GB/s", "check", "swiftopt")


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def _ratio(interval: Interval) -> str:
    return f"{interval.median:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _advantage(comparison: Comparison) -> str:
    ratio = comparison.ratio.median
    if comparison.verdict == EVEN:
        return f"even ({ratio:.2f} of its time)"
    if comparison.verdict == WIN:
        return f"{1 / ratio:.2f}x FASTER"
    return f"{ratio:.2f}x SLOWER"


def _check(outcome: Outcome, name: str) -> str:
    result = outcome.checks[name]
    if result.passed:
        return f"right ({result.share_of_tolerance:.2f} of tolerance)"
    return f"WRONG RESULT (error {result.largest_error:.2g})"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True))
        for row in rows
    )


def _rows(outcome: Outcome, timings: Timings) -> list[list[str]]:
    against = {c.peer: _advantage(c) for c in compare(outcome)}
    rows = [list(_HEADINGS)]
    for name in timings.seconds:
        time = timings.time(name).median
        has_limit = Limit.name in timings.seconds
        rows.append(
            [
                name,
                _time(time),
                _ratio(timings.ratio(name, Limit.name)) if has_limit else "no limit",
                f"{outcome.bytes_per_step / time / 1e9:.1f}",
                _check(outcome, name),
                against.get(name, "-"),
            ]
        )
    return rows


def _bar(verdict: Verdict) -> str:
    bar, measured = verdict.bar, verdict.measured
    if bar.against is None:
        wish = f"{bar.contender} within {_time(bar.at_most)}"
        shown = measured and (
            f"{_time(measured.median)} [{_time(measured.low)}, {_time(measured.high)}]"
        )
    else:
        wish = f"{bar.contender} within {bar.at_most:g}x of {bar.against}"
        shown = measured and _ratio(measured)
    text = f"  {verdict.verdict:<12}  {verdict.case}: {wish}: {shown or 'nothing'}"
    return f"{text} ({verdict.reason})" if verdict.reason else text


def describe_facts(facts: dict[str, str]) -> str:
    """Format the machine's facts."""
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())


def describe_case(outcome: Outcome) -> str:
    """Format the table of one case with its bars."""
    lines = [f"\n{outcome.case.name}: {outcome.case.title}"]
    timings = outcome.timings
    if timings is not None and timings.seconds:
        lines.append(_table(_rows(outcome, timings)))
        lines += [f"  DISTURBED: {reason}" for reason in timings.disturbances]
    lines += [
        f"  {name}: {THREADS} threads are {_ratio(speedup)} times as fast as 1"
        for name, speedup in speedups(outcome).items()
    ]
    lines += [f"  MISSING: {name}: {why}" for name, why in outcome.missing.items()]
    lines += [_bar(judge(outcome, bar)) for bar in outcome.case.bars]
    return "\n".join(lines)


def describe_all(outcomes: Sequence[Outcome]) -> str:
    """Format the summary: every bar, then every comparison, losses first."""
    lines = ["\nBars"]
    lines += [_bar(judge(o, bar)) for o in outcomes for bar in o.case.bars]
    disturbed = [o.case.name for o in outcomes if o.timings and o.timings.disturbances]
    if disturbed:
        lines.append(f"\nDISTURBED, so neither won nor lost: {', '.join(disturbed)}")
    comparisons = [c for o in outcomes for c in compare(o)]
    for heading, verdict in (
        ("swiftopt LOSES", LOSS),
        ("swiftopt is EVEN", EVEN),
        ("swiftopt WINS", WIN),
    ):
        chosen = [c for c in comparisons if c.verdict == verdict]
        lines.append(f"\n{heading} ({len(chosen)} of {len(comparisons)} comparisons)")
        lines += [f"  {c.case}: {c.peer}: {_advantage(c)}" for c in chosen]
    wrong = [
        f"  {o.case.name}: {name}"
        for o in outcomes
        for name, result in o.checks.items()
        if not result.passed
    ]
    lines += ["\nWRONG RESULTS", *wrong] if wrong else ["\nAll checks were right."]
    return "\n".join(lines)


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
        }
    return {
        "case": outcome.case.name,
        "title": outcome.case.title,
        "bytes_per_step": outcome.bytes_per_step,
        "rounds": timings.rounds if timings else 0,
        "others_share": timings.others_share if timings else None,
        "disturbances": timings.disturbances if timings else [],
        "contenders": contenders,
        "missing": outcome.missing,
        "bars": [asdict(judge(outcome, bar)) for bar in outcome.case.bars],
        "speedups": {name: asdict(s) for name, s in speedups(outcome).items()},
        "comparisons": [asdict(c) for c in compare(outcome)],
    }


def as_json(facts: dict[str, str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return everything that was measured, samples included, as JSON values."""
    return {"machine": facts, "cases": [_as_json(o) for o in outcomes]}
