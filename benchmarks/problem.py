"""The arrays that the contenders of a case work on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .loading import MissingError, load
from .rules import Array, Rule
from .shapes import Shape
from .streams import BLOCK, FILL, READ, UPDATE, Pass, bytes_moved

Slots = dict[str, Array]


@dataclass(frozen=True)
class Settings:
    """What a step does besides its rule."""

    clip_norm: float | None = None
    loss_scale: float = 1.0
    zero_gradient: bool = False
    gradient_dtype: str | None = None
    #: Of a copy of the parameters that the step writes.
    copy_dtype: str | None = None
    state_dtype: str | None = None


PLAIN = Settings()


@dataclass
class Problem:
    """Parameters, gradients and states of one case, each a list with one entry a tensor.

    All contenders that can work in place share these arrays, so that neither the
    placement of pages nor the contents of the caches favours one of them.
    """

    rule: Rule
    parameters: list[Array]
    gradients: list[Array]
    slots: list[Slots]
    settings: Settings
    threads: int
    copies: list[Array] | None = None
    #: The gradients again, where a step sets them to 0.
    fresh_gradients: list[Array] | None = None
    #: The swiftopt optimizer over these arrays; its contenders share it.
    optimizer: Any = None
    _with_states: dict[str, Problem] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Name the tensors, for options that go by name."""
        return [f"tensor{i}" for i in range(len(self.parameters))]

    @property
    def bytes_per_step(self) -> int:
        """Bytes that a step has to move: what it reads plus what it writes."""
        return bytes_moved(self.passes())

    def with_state(self, state_dtype: str) -> Problem:
        """Return the same problem with states of another dtype: one for all who ask."""
        if state_dtype not in self._with_states:
            self._with_states[state_dtype] = replace(
                self,
                settings=replace(self.settings, state_dtype=state_dtype),
                slots=[],
                optimizer=None,
            )
        return self._with_states[state_dtype]

    def passes(self) -> list[Pass]:
        """List which arrays the passes of a step read, update and fill."""
        is_known = self.optimizer is not None or self.rule.slot_names
        if not is_known or len(self.slots) != len(self.parameters):
            raise MissingError("the states are swiftopt's, which takes no part")
        tensors = list(
            zip(self.parameters, self.gradients, map(self._full_slots, self.slots), strict=True)
        )
        before: list[Pass] = []
        if self.settings.clip_norm is not None:
            before.append([[(g, READ)] for _, g, _ in tensors])
        if self.rule.kind == "trust_gradient":
            before.append([[(p, READ), (g, READ)] for p, g, _ in tensors])
        if self.rule.kind == "factored":
            # Means of the squares, then the norm of the step that they give.
            before += [[[(g, READ)] for _, g, _ in tensors]] * 2
        if self.rule.kind == "trust_step":
            changed: Pass = [
                [(p, READ), (g, READ), *((s, UPDATE) for s in slots)] for p, g, slots in tensors
            ]
            applied: Pass = [[*((s, READ) for s in slots), (p, UPDATE)] for p, _, slots in tensors]
            return [*before, changed, applied]
        use = UPDATE if self.settings.zero_gradient else READ
        update: Pass = [
            [(g, use), (p, UPDATE), *((s, UPDATE) for s in slots)] for p, g, slots in tensors
        ]
        for streams, copy in zip(update, self.copies or (), strict=False):
            streams.append((copy, FILL))
        return [*before, update]

    @staticmethod
    def _full_slots(slots: Slots) -> list[Array]:
        """Leave out rows and columns, whose bytes don't count, but not 8-bit scales."""
        largest = max((slot.size for slot in slots.values()), default=0)
        sizes = (largest, -(-largest // BLOCK))
        return [slot for slot in slots.values() if slot.size in sizes]

    def draw_gradients(self, seed: int) -> None:
        """Fill the gradients with standard normal values, in place."""
        generator = np.random.default_rng(seed)
        for g in self.gradients:
            if g.dtype in (np.float32, np.float64):
                generator.standard_normal(dtype=g.dtype, out=g)
            else:
                g[...] = generator.standard_normal(g.shape, np.float32)
        if self.settings.zero_gradient:
            self.fresh_gradients = [g.copy() for g in self.gradients]

    def refill_gradients(self) -> None:
        """Undo what a step did to the gradients."""
        for g, fresh in zip(self.gradients, self.fresh_gradients or (), strict=False):
            np.copyto(g, fresh)

    def reference_step(self, t: int) -> None:
        """Apply the NumPy expression once to all tensors, in their own precision."""
        gradients, settings = self.gradients, self.settings
        if settings.loss_scale != 1:
            gradients = [g / settings.loss_scale for g in gradients]
        if settings.clip_norm is not None:
            norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
            gradients = [g * min(1.0, settings.clip_norm / norm) for g in gradients]
        if self.rule.step is None:
            if self.optimizer is None:
                kind = getattr(load("swiftopt"), self.rule.class_name, None)
                if kind is None:
                    raise MissingError("the reference is swiftopt's, which has no such rule")
                self.optimizer = kind(self.parameters, **self.rule.options)
            self.optimizer.step(gradients)
            return
        for p, g, slots in zip(self.parameters, gradients, self.slots, strict=True):
            self.rule.step(p, g, slots, t)

    def as_float64(self) -> Problem:
        """Copy parameters and gradients to float64, with states at zero."""
        return Problem(
            self.rule,
            [p.astype(np.float64) for p in self.parameters],
            [g.astype(np.float64) for g in self.gradients],
            [{n: np.zeros(p.shape) for n in self.rule.slot_names} for p in self.parameters],
            replace(self.settings, state_dtype=None),
            self.threads,
        )


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return a dtype by name; bfloat16 is ml_dtypes'."""
    return np.dtype(load("ml_dtypes").bfloat16 if name == "bfloat16" else name)


def create(
    rule: Rule, shapes: Sequence[Shape], dtype: str, settings: Settings, threads: int
) -> Problem:
    """Draw a problem with one tensor of each shape, states at zero."""
    generator = np.random.default_rng(1)
    parameters = [generator.standard_normal(s, dtype=np.dtype(dtype)) for s in shapes]
    gradient_dtype = numpy_dtype(settings.gradient_dtype or dtype)
    copies = settings.copy_dtype and [
        np.zeros(p.shape, numpy_dtype(settings.copy_dtype)) for p in parameters
    ]
    problem = Problem(
        rule,
        parameters,
        [np.empty(p.shape, gradient_dtype) for p in parameters],
        [{name: np.zeros_like(p) for name in rule.slot_names} for p in parameters],
        settings,
        threads,
        copies or None,
    )
    problem.draw_gradients(seed=2)
    return problem
