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
    "range. Where the technique misses the target, promises of time and of steps aren't kept; "
    "where both sides miss it, or the other side alone and the bound is below the promise, that is "
    "undecided, and not kept either. Other measures are of the whole run and don't ask for the "
    "target. A promise is **confirmed** if it is kept on two thirds of the workloads, held-out "
    "variants included where both sides were run on them; **partly** if it is kept on at least "
    "one, or if the technique is better on at least half of them with the whole interval; else "
    "**not here**. More than was promised confirms it too, and is told. A technique with several "
    "promises is confirmed if all of them are, not here if none is even partly, and else partly."
)


class Kept(NamedTuple):
    """On how many workloads a promise was kept."""

    verdict: str
    kept: int
    above: int
    better: int
    worse: int
    undecided: int
    workloads: int


def judge(claim: Claim, comparisons: Sequence[Comparison | None]) -> Kept:
    """Return the verdict on one promise.

    A comparison that can't be made, mostly since both sides missed the target, isn't kept.
    """
    count = len(comparisons)
    nothing = no_difference(claim.measure)
    found = [comparison for comparison in comparisons if comparison is not None]
    kept = sum(comparison.reaches(claim.low) for comparison in found)
    above = sum(one.bound != "<" and one.estimate.value > claim.high for one in found)
    undecided = count - len(found)
    undecided += sum(one.bound == ">" and not one.reaches(claim.low) for one in found)
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
    return Kept(verdict, kept, above, better, worse, undecided, count)


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
        for verb, count in (
            ("more than promised", kept.above),
            ("clearly better", kept.better),
            ("clearly worse", kept.worse),
            ("undecided", kept.undecided),
        )
        if count
    ]
    return f"{words} ({', '.join(details)})." if details else f"{words}."
