"""Verdicts: which bars were reached, and who was faster."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cases import Bar, Outcome
from .limit import Limit
from .timing import PAIRS, Interval, Timings

PASS, MISS = "PASS", "MISS"
NOT_JUDGED, NOT_MEASURED = "NOT JUDGED", "NOT MEASURED"
WIN, LOSS, EVEN = "WIN", "LOSS", "EVEN"


@dataclass(frozen=True)
class Verdict:
    """A bar with what was measured for it and why it counts as it does."""

    case: str
    bar: Bar
    #: Whom the bar was judged against: the fastest of bar.against that gave right results.
    rival: str | None
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
    name, timings = outcome.case.name, outcome.timings
    rival = _fastest(outcome, bar.against)
    absent = [] if timings and bar.contender in timings.seconds else [bar.contender]
    if bar.against and rival is None:
        absent += bar.against
    if timings is None or absent:
        return Verdict(name, bar, rival, None, NOT_MEASURED, f"no result: {', '.join(absent)}")
    measured = _measured(timings, bar, rival)
    verdict, reason = _verdict(outcome, timings, bar, measured)
    return Verdict(name, bar, rival, measured, verdict, reason)


def _measured(timings: Timings, bar: Bar, rival: str | None) -> Interval:
    if bar.measure is not None:
        return timings.measure(bar.contender, bar.measure)
    return timings.time(bar.contender) if rival is None else timings.ratio(bar.contender, rival)


def _fastest(outcome: Outcome, names: tuple[str, ...]) -> str | None:
    """Return the one with the lowest median time, of those with right results."""
    timings = outcome.timings
    if timings is None:
        return None
    # A contender may add to its name which form of itself it is.
    there = [name for name in timings.seconds if _is_one_of(name, names)]
    right = [name for name in there if outcome.checks[name].passed]
    return min(right, key=lambda name: timings.time(name).median, default=None)


def _is_one_of(name: str, names: tuple[str, ...]) -> bool:
    return name in names or ("torch fused" in names and name == "torch foreach")


def _verdict(outcome: Outcome, timings: Timings, bar: Bar, measured: Interval) -> tuple[str, str]:
    if not outcome.checks[bar.contender].passed:
        return MISS, f"wrong results: {bar.contender}"
    if timings.rounds < PAIRS:
        return NOT_JUDGED, f"{timings.rounds} pairs; {PAIRS} are needed"
    if timings.disturbances:
        return NOT_JUDGED, "; ".join(timings.disturbances)
    if measured.low > bar.at_most:
        return MISS, "the whole interval is above the bar"
    if measured.median > bar.at_most:
        return PASS, "only just: the median is above the bar, its interval is not"
    return PASS, ""


def compare(outcome: Outcome) -> list[Comparison]:
    """Compare swiftopt with every peer whose results were right, if nothing disturbed."""
    timings = outcome.timings
    if timings is None or timings.disturbances:
        return []
    comparisons = []
    for peer, own in outcome.peers.items():
        if own not in timings.seconds or not (
            outcome.checks[peer].passed and outcome.checks[own].passed
        ):
            continue
        ratio = timings.ratio(own, peer)
        verdict = WIN if ratio.high < 1 else LOSS if ratio.low > 1 else EVEN
        comparisons.append(Comparison(outcome.case.name, peer, ratio, verdict))
    return comparisons


_THREADS = re.compile(r"(?P<base>.*), (?P<threads>\d+) threads?")


def speedups(outcome: Outcome) -> dict[tuple[str, int], Interval]:
    """Time on one thread over the time on more, where a case has both."""
    timings = outcome.timings
    found: dict[tuple[str, int], Interval] = {}
    for name in timings.seconds if timings else ():
        if match := _THREADS.fullmatch(name):
            base, threads = match["base"], int(match["threads"])
        else:
            base, threads = name, outcome.threads
        serial = f"{base if base != Limit.name else 'limit'}, 1 thread"
        if timings and threads > 1 and serial in timings.seconds:
            found[base, threads] = timings.ratio(serial, name)
    return found
