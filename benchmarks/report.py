"""The report: a table per case, the bars, wins and losses alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .cases import Outcome
from .judge import EVEN, LOSS, WIN, Comparison, Verdict, compare, judge, speedups
from .limit import Limit
from .timing import Interval, Timings

#: Of a step, those that take longest; the JSON has all.
_PARTS = 24
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
                f"{outcome.bytes_per_step / time / 1e9:.1f}" if outcome.bytes_per_step else "-",
                _check(outcome, name),
                against.get(name, "-"),
            ]
        )
    return rows


def _bar(verdict: Verdict) -> str:
    bar, measured = verdict.bar, verdict.measured
    if bar.measure is not None:
        wish = f"{bar.contender}, {bar.measure}: at most {bar.at_most:g}"
        shown = measured and f"{measured.median:.3g} [{measured.low:.3g}, {measured.high:.3g}]"
    elif not bar.against:
        wish = f"{bar.contender} within {_time(bar.at_most)}"
        shown = measured and (
            f"{_time(measured.median)} [{_time(measured.low)}, {_time(measured.high)}]"
        )
    else:
        rival = verdict.rival or "/".join(bar.against)
        if len(bar.against) > 1 and verdict.rival:
            rival += f" (the fastest of {len(bar.against)})"
        wish = (
            f"{bar.contender} within {bar.at_most:g}x of {rival}"
            if bar.at_most >= 1
            else f"{bar.contender} in {bar.at_most:.3g} of the time of {rival}"
            f" ({1 / bar.at_most:.3g}x as fast)"
        )
        shown = measured and _ratio(measured)
    text = f"  {verdict.verdict:<12}  {verdict.case}: {wish}: {shown or 'nothing'}"
    return f"{text} ({verdict.reason})" if verdict.reason else text


def _measures(timings: Timings) -> list[str]:
    """List what contenders measured besides their times."""
    return [
        f"  {name}, {measure}: {interval.median:.3g} [{interval.low:.3g}, {interval.high:.3g}]"
        for name, found in timings.measures.items()
        for measure in found
        for interval in [timings.measure(name, measure)]
    ]


def _where(outcome: Outcome) -> list[str]:
    """List what a step of each contender spends its time on."""
    lines = []
    for name, parts in outcome.where.items():
        lines.append(f"  where a step of {name} goes ({_time(sum(parts.values()))}):")
        largest = sorted(parts, key=lambda part: -parts[part])[:_PARTS]
        shown = {part: parts[part] for part in parts if part in largest}
        if rest := sum(parts.values()) - sum(shown.values()):
            shown[f"the other {len(parts) - len(shown)}"] = rest
        lines += [f"    {_time(seconds):>8}  {part}" for part, seconds in shown.items()]
    return lines


def _ratios_by_size(outcomes: Sequence[Outcome]) -> list[str]:
    """Tabulate every contender's ratio to the limit over the sizes of AdamW."""
    sizes = {
        o.case.elements: o.timings
        for o in outcomes
        if re.fullmatch(r"adamw-(1e)?\d+", o.case.name)
        and o.timings is not None
        and Limit.name in o.timings.seconds
    }
    names = list(dict.fromkeys(name for t in sizes.values() for name in t.seconds))
    rows = [["elements", *names]]
    for elements, timings in sorted(sizes.items()):
        shown = [
            f"{timings.ratio(n, Limit.name).median:.2f}" if n in timings.seconds else "-"
            for n in names
        ]
        rows.append([f"{elements:,}", *shown])
    return ["\nAdamW float32: time over the limit's", _table(rows)] if sizes else []


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
        lines += _measures(timings)
        lines += [f"  DISTURBED: {reason}" for reason in timings.disturbances]
    lines += [
        f"  {name}: {threads} threads are {_ratio(speedup)} times as fast as 1"
        for (name, threads), speedup in speedups(outcome).items()
    ]
    lines += _where(outcome)
    lines += [f"  MISSING: {name}: {why}" for name, why in outcome.missing.items()]
    lines += [_bar(judge(outcome, bar)) for bar in outcome.case.bars]
    return "\n".join(lines)


def describe_all(outcomes: Sequence[Outcome]) -> str:
    """Format the summary: every bar, then every comparison, losses first."""
    lines = _ratios_by_size(outcomes)
    lines.append("\nBars")
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
