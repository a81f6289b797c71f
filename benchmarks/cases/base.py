"""What a case is, and how one is run."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..check import Check
from ..contenders import Contender, SwiftOpt
from ..loading import MissingError
from ..machine import available_bytes
from ..problem import PLAIN, Problem, Settings, create
from ..rules import RULES, Rule
from ..shapes import Shape
from ..timing import SAMPLE_SECONDS, Timings, measure

THREADS = min(2, len(os.sched_getaffinity(0)))
#: Enough that pools share the work out, small enough for float64 copies.
_CHECK_ELEMENTS = 20_011

Lineup = Sequence[type[Contender]]


@dataclass(frozen=True)
class Bar:
    """What is to be reached: a time in seconds, or a ratio to the fastest of some others.

    With `measure` it is about what the contender measured besides its time.
    """

    contender: str
    at_most: float
    against: tuple[str, ...] = ()
    measure: str | None = None


def within(at_most: float, *against: type[Contender]) -> Bar:
    """Return the bar that swiftopt takes at most so many times as long as the others."""
    return Bar(SwiftOpt.name, at_most, tuple(kind.name for kind in against))


def faster(times: float, *against: type[Contender]) -> Bar:
    """Return the bar that swiftopt is at least so many times as fast as the others."""
    return within(1 / times, *against)


@dataclass(frozen=True)
class Case:
    """One table of the report."""

    name: str
    title: str
    lineup: Lineup
    bars: tuple[Bar, ...] = ()
    #: A bound for --quick, which leaves large cases out.
    elements: int = 0
    #: Memory that it takes.
    bytes_needed: int = 0
    #: How long a turn is, at least.
    sample_seconds: float = SAMPLE_SECONDS

    def problem(self, is_small: bool) -> Any:
        """Draw the arrays; small ones are for the check."""
        raise NotImplementedError

    def bytes_per_step(self, problem: Any) -> int:
        """Return what a step has to move."""
        raise NotImplementedError


@dataclass(frozen=True)
class StepCase(Case):
    """A case about optimizer steps."""

    rule: Rule = RULES["adamw"]
    shapes: tuple[Shape, ...] = ()
    dtype: str = "float32"
    settings: Settings = PLAIN
    #: Sizes above this one are cut for the check.
    check_elements: int = _CHECK_ELEMENTS

    def problem(self, is_small: bool) -> Problem:
        shapes: Sequence[Shape] = self.shapes
        if is_small:
            shapes = [_at_most(self.check_elements, shape) for shape in shapes]
        return create(self.rule, shapes, self.dtype, self.settings, THREADS)

    def bytes_per_step(self, problem: Problem) -> int:
        return problem.bytes_per_step


def step_case(
    name: str,
    rule: Rule,
    shapes: Sequence[Shape],
    lineup: Lineup,
    bars: tuple[Bar, ...] = (),
    **more: Any,
) -> StepCase:
    """Return a case with its title and sizes filled in."""
    case = StepCase(name, "", lineup, bars, rule=rule, shapes=tuple(shapes), **more)
    elements = sum(math.prod(shape) for shape in shapes)
    tensors = "" if len(shapes) == 1 else f"{len(shapes):,} tensors, "
    extras = [f"{key}={value}" for key, value in _extras(case.settings) if value]
    title = ", ".join([f"{rule.class_name} {case.dtype}: {tensors}{elements:,} elements", *extras])
    # Shared arrays, JAX's own, and the temporaries of the NumPy expression.
    needed = 14 * elements * np.dtype(case.dtype).itemsize
    return replace(case, title=title, elements=elements, bytes_needed=needed)


def _extras(settings: Settings) -> list[tuple[str, Any]]:
    scale = settings.loss_scale
    return [
        ("clip_norm", settings.clip_norm),
        ("loss_scale", None if scale == 1 else scale),
        ("gradients", settings.gradient_dtype),
        ("copy", settings.copy_dtype),
        ("zero_gradient", settings.zero_gradient),
    ]


def _at_most(elements: int, shape: Shape) -> Shape:
    """Cut a shape down; a matrix stays one."""
    if math.prod(shape) <= elements:
        return shape
    if len(shape) == 2:
        side = math.isqrt(elements)
        return (min(shape[0], side), min(shape[1], side))
    return (elements,)


@dataclass
class Outcome:
    """What was measured in a case."""

    case: Case
    #: Every peer, and the swiftopt contender whose states have the same dtype.
    peers: dict[str, str] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    timings: Timings | None = None
    bytes_per_step: int = 0
    threads: int = THREADS
    #: Seconds that the parts of a step take, by contender.
    where: dict[str, dict[str, float]] = field(default_factory=dict)


def run(case: Case, rounds: int) -> Outcome:
    """Check and time every contender that is there."""
    outcome = Outcome(case)
    if case.bytes_needed > available_bytes():
        outcome.missing["everyone"] = f"needs {case.bytes_needed / 1e9:.0f} GB of free memory"
        return outcome
    try:
        problem = case.problem(is_small=False)
    except MissingError as missing:
        outcome.missing["everyone"] = str(missing)
        return outcome
    contenders = []
    for kind in case.lineup:
        try:
            small = kind(case.problem(is_small=True))
            outcome.checks[small.name] = small.check()
            contenders.append(kind(problem))
        except MissingError as missing:
            outcome.missing[kind.name] = str(missing)
        except Exception as error:  # one contender's fault must not end the whole run
            outcome.missing[kind.name] = f"FAILED: {type(error).__name__}: {error}"
    if not contenders:
        return outcome
    own = {c.state_dtype: c.name for c in contenders if not c.is_peer and c.is_swiftopt}
    outcome.peers = {c.name: own.get(c.state_dtype, SwiftOpt.name) for c in contenders if c.is_peer}
    try:
        outcome.bytes_per_step = case.bytes_per_step(problem)
    except MissingError:
        outcome.bytes_per_step = 0
    outcome.timings = measure(contenders, rounds, case.sample_seconds)
    outcome.where = {c.name: parts for c in contenders if (parts := c.where())}
    return outcome
