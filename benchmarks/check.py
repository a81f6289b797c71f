"""Does a contender do the work? A few steps against float64, before any timing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .contenders import Contender

STEPS = 5


@dataclass(frozen=True)
class Check:
    """Outcome of a check: the largest error, as a multiple of what is allowed."""

    passed: bool
    largest_error: float
    share_of_tolerance: float


def check(contender: Contender) -> Check:
    """Compare a fresh contender with float64 over STEPS steps of new gradients.

    Tolerance, with u the dtype's unit in the last place at 1 and D the farthest that
    an element moves: storing the parameter rounds it once or twice a step, which is
    STEPS u (|p| + D); the rule's own operations lose a few u of D, but for 1 - beta2^t
    formed in the dtype (optax), whose cancellation loses u / (1 - beta2) = 1000 u.
    A step that is left out moves elements by about D / STEPS, some 1000 times more.
    """
    problem = contender.problem
    exact = problem.as_float64()
    start = [a.astype(np.float64) for a in contender.results()]
    expected: list[np.ndarray] = []
    for t in range(1, STEPS + 1):
        problem.draw_gradients(seed=100 + t)
        contender.load_gradients()
        for mine, g in zip(exact.gradients, problem.gradients, strict=True):
            mine[...] = g
        expected = contender.reference(exact, t)
        contender.begin()
        contender.run(1)
        contender.end()
    unit = float(np.finfo(problem.parameters[0].dtype).eps)
    farthest = max(float(np.abs(e - s).max()) for e, s in zip(expected, start, strict=True))
    largest, share = 0.0, 0.0
    for e, result in zip(expected, contender.results(), strict=True):
        error = np.abs(result.astype(np.float64) - e)
        error[~np.isfinite(error)] = np.inf
        allowed = STEPS * unit * (np.abs(e) + farthest) + 1000 * unit * farthest
        largest = max(largest, float(error.max()))
        share = max(share, float((error / allowed).max()))
    return Check(share <= 1.0, largest, share)
