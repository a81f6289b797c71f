"""Confirmed, partly, or not here: by a rule that was written down beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from swiftopt.study._claims import Claim
from swiftopt.study._comparisons import Comparison, no_difference

CONFIRMED, PARTLY, NOT_HERE, NO_CLAIM, UNKNOWN = (
    "confirmed",
    "partly",
    "not here",
    "no claim",
    "not measured",
)

#: The rule, for the report.
RULE = (
    "A promise is kept on a workload if the value there is at least the lower end of the promised "
    "range; a miss of the target keeps nothing. It is **confirmed** if it is kept on two thirds "
    "of the workloads, held-out variants included; **partly** if it is kept on at least one, or "
    "if the technique is better on at least half of them with the whole interval; else **not "
    "here**. A technique with several promises is confirmed if all of them are, not here if none "
    "is even partly, and else partly."
)


class Kept(NamedTuple):
    """On how many workloads a promise was kept."""

    verdict: str
    kept: int
    better: int
    worse: int
    workloads: int


def judge(claim: Claim, comparisons: Sequence[Comparison | None]) -> Kept:
    """Return the verdict on one promise.

    A comparison that can't be made, since both sides missed the target, isn't kept.
    """
    count = len(comparisons)
    nothing = no_difference(claim.measure)
    found = [comparison for comparison in comparisons if comparison is not None]
    kept = sum(comparison.reaches(claim.low) for comparison in found)
    better = sum(comparison.is_better(nothing) for comparison in found)
    worse = sum(comparison.is_worse(nothing) for comparison in found)
    if not count:
        verdict = UNKNOWN
    elif 3 * kept >= 2 * count:
        verdict = CONFIRMED
    elif kept or 2 * better >= count:
        verdict = PARTLY
    else:
        verdict = NOT_HERE
    return Kept(verdict, kept, better, worse, count)


def overall(verdicts: Sequence[str]) -> str:
    """Return the verdict on a technique from those on its promises.

    >>> overall(["confirmed", "not here"]), overall([]), overall(["confirmed", "not measured"])
    ('partly', 'no claim', 'confirmed')
    """
    if not verdicts:
        return NO_CLAIM
    known = {verdict for verdict in verdicts if verdict != UNKNOWN}
    if not known:
        return UNKNOWN
    return known.pop() if len(known) == 1 else PARTLY


def sentence(claim: Claim, kept: Kept) -> str:
    """Return how a promise fared, in words."""
    if kept.verdict == UNKNOWN:
        return f"“{claim.text}”: not measured."
    words = f"“{claim.text}”: kept on {kept.kept} of {kept.workloads} workloads"
    details = [
        f"{verb} on {count}"
        for verb, count in (("clearly better", kept.better), ("clearly worse", kept.worse))
        if count
    ]
    return f"{words} ({', '.join(details)})." if details else f"{words}."
