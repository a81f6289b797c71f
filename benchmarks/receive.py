"""What `optimizer.receive` gains: the norm is taken while a gradient is in the cache.

Each contender makes the gradients as a backward pass would, tensor by tensor from the
last one on (a copy here), and then steps. The difference between the first and the last
one's time is what making them takes.
"""

from __future__ import annotations

import numpy as np

from .check import Check
from .contenders import SwiftOpt


class Reproduced(SwiftOpt):
    """Gradients are made, tensor by tensor, then looked at in the step's first pass."""

    name = "make gradients, step"
    hands_over = False

    def run(self, repeats: int) -> None:
        problem = self.problem
        gradients = list(
            zip(problem.names, problem.gradients, problem.fresh_gradients or (), strict=True)
        )
        step, receive = self.optimizer.step, getattr(self.optimizer, "receive", None)
        for _ in range(repeats):
            for name, g, fresh in reversed(gradients):
                np.copyto(g, fresh)
                if self.hands_over and receive is not None:
                    receive(name, g)
            step(self.gradients, **self.step_options)


class Received(Reproduced):
    """Each gradient is handed over right after it was made: the step has one pass."""

    name = "make gradients, receive each, step"
    hands_over = True


class Produced(Reproduced):
    """The gradients are made, and nothing is done with them."""

    name = "make gradients"

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.problem.refill_gradients()

    def check(self) -> Check:
        self.run(1)
        pairs = zip(self.problem.gradients, self.problem.fresh_gradients or (), strict=True)
        is_right = all(np.array_equal(a.view(np.uint8), b.view(np.uint8)) for a, b in pairs)
        return Check(is_right, 0.0 if is_right else np.inf, 0.0)
