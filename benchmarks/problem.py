"""The arrays that the contenders of a case work on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .rules import RULES, Array, Rule


@dataclass
class Problem:
    """Parameters, gradients and states of one case, each a list with one array a tensor.

    All contenders that can work in place share these arrays, so that neither the
    placement of pages nor the contents of the caches favours one of them.
    """

    rule: Rule
    parameters: list[Array]
    gradients: list[Array]
    slots: dict[str, list[Array]]
    clip_norm: float | None
    threads: int
    #: The swiftopt optimizer over these arrays; its contenders share it.
    optimizer: Any = None

    @property
    def bytes_per_step(self) -> int:
        """Bytes that a step has to move: what it reads plus what it writes."""
        gradient = sum(g.nbytes for g in self.gradients)
        written = sum(p.nbytes for p in self.parameters) * (1 + len(self.slots))
        return 2 * written + gradient * (1 if self.clip_norm is None else 2)

    def draw_gradients(self, seed: int) -> None:
        """Fill the gradients with standard normal values, in place."""
        generator = np.random.default_rng(seed)
        for g in self.gradients:
            generator.standard_normal(dtype=g.dtype, out=g)

    def reference_step(self, t: int) -> None:
        """Apply the NumPy expression once to all tensors, in their own precision."""
        gradients = self.gradients
        if self.clip_norm is not None:
            norm = math.sqrt(sum(float(np.dot(g, g)) for g in gradients))
            gradients = [g * min(1.0, self.clip_norm / norm) for g in gradients]
        for i, (p, g) in enumerate(zip(self.parameters, gradients, strict=True)):
            slots = {name: arrays[i] for name, arrays in self.slots.items()}
            self.rule.step(p, g, slots, t)

    def share_slots(self, slots: dict[str, list[Array]]) -> None:
        """Replace the state arrays by ones that a contender owns."""
        self.slots = {name: slots[name] for name in self.slots}

    def as_float64(self) -> Problem:
        """Copy everything to float64."""
        return Problem(
            self.rule,
            [p.astype(np.float64) for p in self.parameters],
            [g.astype(np.float64) for g in self.gradients],
            {k: [a.astype(np.float64) for a in v] for k, v in self.slots.items()},
            self.clip_norm,
            self.threads,
        )


def create(
    rule_name: str,
    counts: Sequence[int],
    dtype: str,
    clip_norm: float | None,
    threads: int,
) -> Problem:
    """Draw a problem with one tensor of each count, states at zero."""
    rule = RULES[rule_name]
    generator = np.random.default_rng(1)
    draw = [generator.standard_normal(n, dtype=np.dtype(dtype)) for n in counts]
    problem = Problem(
        rule,
        draw,
        [np.empty_like(p) for p in draw],
        {name: [np.zeros_like(p) for p in draw] for name in rule.slot_names},
        clip_norm,
        threads,
    )
    problem.draw_gradients(seed=2)
    return problem
