"""Does a contender do the work? A few steps against float64, before any timing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .rules import Array

if TYPE_CHECKING:
    from .contenders import Stepper

STEPS = 5
#: Two moments that are off by a last place in 8 bits (2^-7) a step make a step's error
#: 1.5 * 2^-7; twice that, because stochastic rounding may go either way.
_BFLOAT16_SHARE = 2 * 1.5 * 2**-7
#: Root of the mean square, for 8-bit states; see `check`.
_BLOCK8_SHARE = 0.05


@dataclass(frozen=True)
class Check:
    """Outcome of a check: the largest error, as a multiple of what is allowed."""

    passed: bool
    largest_error: float
    share_of_tolerance: float


def check(contender: Stepper) -> Check:
    """Compare a fresh contender with float64 over STEPS steps of new gradients.

    Tolerance, with u the dtype's unit in the last place at 1 and D the farthest that
    an element moves: storing the parameter rounds it once or twice a step, which is
    STEPS u (|p| + D); the rule's own operations lose a few u of D, but for 1 - beta2^t
    formed in the dtype (optax), whose cancellation loses u / (1 - beta2) = 1000 u.
    A step that is left out moves elements by about D / STEPS, some 1000 times more.

    States in bfloat16 add an error of 3 * 2^-7 = 2 % of D: a tenth of a left-out step.
    States in 8 bits have no useful bound for a single element: the smallest of a block
    lose all their digits. But the root of the mean square of all errors stays within 5 %
    of that of the movements (about 1 % with any sound code); a left-out step makes it
    20 % or more.

    A copy must be the parameters rounded to the nearest, and gradients that the step is
    to zero must be zero.
    """
    problem = contender.problem
    exact = problem.as_float64()
    start = [p.astype(np.float64) for p in contender.results()]
    is_complete = True
    for t in range(1, STEPS + 1):
        problem.draw_gradients(seed=100 + t)
        contender.load_gradients()
        for mine, g in zip(exact.gradients, problem.gradients, strict=True):
            mine[...] = g
        exact.reference_step(t)
        contender.begin()
        contender.run(1)
        contender.end()
        if problem.settings.zero_gradient:
            is_complete &= not any(g.any() for g in problem.gradients)
    results = contender.results()
    for copy, p in zip(problem.copies or (), results, strict=False):
        is_complete &= np.array_equal(copy.view(np.uint16), p.astype(copy.dtype).view(np.uint16))
    compared = _compare_mean if contender.state_dtype == "block8" else _compare_each
    verdict = compared(contender, exact.parameters, results, start)
    return verdict if is_complete else Check(False, np.inf, np.inf)


def _compare_each(
    contender: Stepper, expected: Sequence[Array], results: Sequence[Array], start: Sequence[Array]
) -> Check:
    unit = float(np.finfo(results[0].dtype).eps)
    farthest = max(float(np.abs(e - s).max()) for e, s in zip(expected, start, strict=True))
    extra = contender.problem.rule.rough
    if contender.state_dtype == "bfloat16":
        extra += _BFLOAT16_SHARE
    largest, share = 0.0, 0.0
    for e, result in zip(expected, results, strict=True):
        error = np.abs(result.astype(np.float64) - e)
        error[~np.isfinite(error)] = np.inf
        allowed = STEPS * unit * (np.abs(e) + farthest) + (1000 * unit + extra) * farthest
        largest = max(largest, float(error.max()))
        share = max(share, float((error / allowed).max()))
    return Check(share <= 1.0, largest, share)


def _compare_mean(
    contender: Stepper, expected: Sequence[Array], results: Sequence[Array], start: Sequence[Array]
) -> Check:
    errors = np.concatenate(
        [(r.astype(np.float64) - e).ravel() for r, e in zip(results, expected, strict=True)]
    )
    moved = np.concatenate([(e - s).ravel() for e, s in zip(expected, start, strict=True)])
    share = float(np.sqrt(np.mean(errors**2) / np.mean(moved**2))) / _BLOCK8_SHARE
    if not np.isfinite(share):
        share = np.inf
    return Check(share <= 1.0, float(np.abs(errors).max()), share)
