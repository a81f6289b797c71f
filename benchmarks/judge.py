"""Verdicts: which bars were reached, and who was faster."""

from __future__ import annotations

from dataclasses import dataclass

from .cases import Bar, Outcome
from .contenders import SwiftOpt, SwiftOptOneThread
from .limit import Limit, LimitOneThread
from .timing import PAIRS, Interval

PASS, MISS = "PASS", "MISS"
NOT_JUDGED, NOT_MEASURED = "NOT JUDGED", "NOT MEASURED"
WIN, LOSS, EVEN = "WIN", "LOSS", "EVEN"


@dataclass(frozen=True)
class Verdict:
    """A bar with what was measured for it and why it counts as it does."""

    case: str
    bar: Bar
    measured: Interval | None
    verdict: str
    reason: str


@dataclass(frozen=True)
class Comparison:
    """swiftopt's time over a peer's: below 1, swiftopt is faster."""

    case: str
    peer: str
    ratio: Interval
    verdict: str


def judge(outcome: Outcome, bar: Bar) -> Verdict:
    """Decide a bar: it is missed only if the whole interval is above it."""
    measured: Interval | None = None
    verdict, reason = PASS, ""
    wanted = [bar.contender, *([bar.against] if bar.against else [])]
    timings = outcome.timings
    absent = [n for n in wanted if timings is None or n not in timings.seconds]
    if timings is None or absent:
        verdict, reason = NOT_MEASURED, f"missing: {', '.join(absent)}"
        return Verdict(outcome.case.name, bar, measured, verdict, reason)
    measured = (
        timings.time(bar.contender)
        if bar.against is None
        else timings.ratio(bar.contender, bar.against)
    )
    wrong = [name for name in wanted if not outcome.checks[name].passed]
    if wrong:
        verdict, reason = MISS, f"wrong results: {', '.join(wrong)}"
    elif timings.rounds < PAIRS:
        verdict = NOT_JUDGED
        reason = f"{timings.rounds} pairs; {PAIRS} are needed"
    elif timings.disturbances:
        verdict, reason = NOT_JUDGED, "; ".join(timings.disturbances)
    elif measured.low > bar.at_most:
        verdict, reason = MISS, "the whole interval is above the bar"
    elif measured.median > bar.at_most:
        reason = "only just: the median is above the bar, its interval is not"
    return Verdict(outcome.case.name, bar, measured, verdict, reason)


def compare(outcome: Outcome) -> list[Comparison]:
    """Compare swiftopt with every peer whose results were right, if nothing disturbed."""
    timings = outcome.timings
    if timings is None or timings.disturbances or SwiftOpt.name not in timings.seconds:
        return []
    comparisons = []
    for peer in outcome.peers:
        if not outcome.checks[peer].passed or not outcome.checks[SwiftOpt.name].passed:
            continue
        ratio = timings.ratio(SwiftOpt.name, peer)
        verdict = WIN if ratio.high < 1 else LOSS if ratio.low > 1 else EVEN
        comparisons.append(Comparison(outcome.case.name, peer, ratio, verdict))
    return comparisons


def speedups(outcome: Outcome) -> dict[str, Interval]:
    """Time on one thread over the time on all, where a case has both."""
    timings = outcome.timings
    if timings is None:
        return {}
    pairs = ((SwiftOpt, SwiftOptOneThread), (Limit, LimitOneThread))
    return {
        threaded.name: timings.ratio(serial.name, threaded.name)
        for threaded, serial in pairs
        if {threaded.name, serial.name} <= timings.seconds.keys()
    }
