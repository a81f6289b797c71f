"""The peers: torch, numba and optax take part where they are installed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .contenders import Contender, MissingError, load
from .problem import Problem
from .rules import BETA1, BETA2, EPS, LR, WEIGHT_DECAY, Array


class Torch(Contender):
    """torch.optim with fused=True (RMSprop has none: foreach=True), on shared arrays."""

    name = "torch fused"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.torch = load("torch")
        rule = problem.rule
        if not hasattr(self.torch.optim, rule.class_name):
            raise MissingError(f"torch.optim has no {rule.class_name}")
        if not rule.torch_is_fused:
            self.name = "torch foreach"
        kind = {"fused": True} if rule.torch_is_fused else {"foreach": True}
        as_tensor = self.torch.from_numpy
        self.parameters = [as_tensor(p).requires_grad_() for p in problem.parameters]
        self.gradients = [as_tensor(g) for g in problem.gradients]
        if problem.clip_norm is not None:
            # clip_grad_norm_ writes to the gradients; the others need theirs whole.
            self.gradients = [g.clone() for g in self.gradients]
        for p, g in zip(self.parameters, self.gradients, strict=True):
            p.grad = g
        self.optimizer = getattr(self.torch.optim, rule.class_name)(
            self.parameters, **rule.options, **kind
        )
        for i, p in enumerate(self.parameters):
            state = self.optimizer.state[p]
            state["step"] = self.torch.tensor(0.0)
            for name, arrays in problem.slots.items():
                state[name] = as_tensor(arrays[i])

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        step, clip_norm = self.optimizer.step, self.problem.clip_norm
        clip = self.torch.nn.utils.clip_grad_norm_
        for _ in range(repeats):
            if clip_norm is not None:
                clip(self.parameters, clip_norm)
            step()

    def load_gradients(self) -> None:
        for mine, g in zip(self.gradients, self.problem.gradients, strict=True):
            mine.copy_(self.torch.from_numpy(g))


class Numba(Contender):
    """A user's own fused AdamW loop, compiled and parallel; one call a tensor."""

    name = "numba loop"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.numba = load("numba")
        self.kernel = _numba_adamw(self.numba)
        self.t = 0
        arrays = (problem.parameters, problem.gradients, *problem.slots.values())
        self.calls = list(zip(*arrays, strict=True))

    def begin(self) -> None:
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


class Optax(Contender):
    """optax.adamw, jitted over the whole list, buffers donated; on its own copies.

    JAX has no setting for its number of threads: it takes the processors it finds.
    """

    name = "optax jit"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        optax, self.jax = load("optax"), load("jax")
        transform = optax.adamw(LR, b1=BETA1, b2=BETA2, eps=EPS, weight_decay=WEIGHT_DECAY)

        def step(parameters: Any, state: Any, gradients: Any) -> Any:
            updates, state = transform.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state

        self.step = self.jax.jit(step, donate_argnums=(0, 1))
        copy = self.jax.numpy.array
        self.parameters = [copy(p) for p in problem.parameters]
        self.state = transform.init(self.parameters)
        self.load_gradients()

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.parameters, self.state = self.step(self.parameters, self.state, self.gradients)
            self.jax.block_until_ready(self.parameters)

    def load_gradients(self) -> None:
        self.gradients = [self.jax.numpy.array(g) for g in self.problem.gradients]

    def results(self) -> list[Array]:
        return [np.asarray(p) for p in self.parameters]
