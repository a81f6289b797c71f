"""numba: the loop that users write themselves."""

from __future__ import annotations

import math
from typing import Any

from ..contenders import Stepper
from ..loading import MissingError, load
from ..problem import Problem
from ..rules import BETA1, BETA2, EPS, LR, RULES, WEIGHT_DECAY


class Numba(Stepper):
    """A user's own fused AdamW loop, compiled and parallel; one call a tensor."""

    name = "numba loop"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        if problem.rule is not RULES["adamw"]:
            raise MissingError("only AdamW is written out here")
        self.numba = load("numba")
        self.kernel = _numba_adamw(self.numba)
        self.t = 0
        arrays = zip(problem.parameters, problem.gradients, problem.slots, strict=True)
        self.calls = [
            [a.reshape(-1) for a in (p, g, slots["exp_avg"], slots["exp_avg_sq"])]
            for p, g, slots in arrays
        ]

    def begin(self) -> None:
        super().begin()
        self.numba.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        # float32 scalars: with float64 ones numba computes everything in float64.
        scalar = self.problem.parameters[0].dtype.type
        one_minus_beta1, one_minus_beta2 = scalar(1 - BETA1), scalar(1 - BETA2)
        fixed = [scalar(x) for x in (BETA1, BETA2, LR, EPS, WEIGHT_DECAY)]
        for _ in range(repeats):
            self.t += 1
            correction1 = scalar(1 / (1 - BETA1**self.t))
            correction2 = scalar(1 / (1 - BETA2**self.t))
            for arrays in self.calls:
                self.kernel(
                    *arrays,
                    *fixed,
                    one_minus_beta1,
                    one_minus_beta2,
                    correction1,
                    correction2,
                )


def _numba_adamw(numba: Any) -> Any:
    prange = numba.prange

    def step(
        p: Any,
        g: Any,
        m: Any,
        v: Any,
        beta1: Any,
        beta2: Any,
        lr: Any,
        eps: Any,
        weight_decay: Any,
        one_minus_beta1: Any,
        one_minus_beta2: Any,
        correction1: Any,
        correction2: Any,
    ) -> None:
        for i in prange(p.size):
            m[i] = beta1 * m[i] + one_minus_beta1 * g[i]
            v[i] = beta2 * v[i] + one_minus_beta2 * g[i] * g[i]
            update = m[i] * correction1 / (math.sqrt(v[i] * correction2) + eps)
            p[i] -= lr * (update + weight_decay * p[i])

    # numpy's error model: no test for division by zero, which would keep the loop
    # from becoming vector code.
    return numba.njit(parallel=True, error_model="numpy")(step)
