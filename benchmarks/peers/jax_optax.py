"""optax, which XLA compiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contenders import Stepper
from ..loading import load
from ..problem import Problem
from ..rules import BETA1, BETA2, EPS, LR, WEIGHT_DECAY, Array


class Optax(Stepper):
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
