"""The cases, their bars, and how one case is run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np

from .check import Check, check
from .contenders import (
    Contender,
    MissingError,
    NumPyExpression,
    SwiftOpt,
    SwiftOptBound,
    SwiftOptOneThread,
)
from .limit import Limit, LimitOneThread
from .machine import available_bytes
from .peers import Numba, Optax, Torch
from .problem import Problem, create
from .timing import Timings, measure

THREADS = min(2, len(os.sched_getaffinity(0)))
QUICK_LARGEST = 10_000_000

# swiftopt first: its state arrays are the ones that the others share.
_Lineup = tuple[type[Contender], ...]
_PLAIN: _Lineup = (SwiftOpt, Limit, Torch, NumPyExpression)
_ALL: _Lineup = (*_PLAIN, Numba, Optax)
_LIST: _Lineup = (SwiftOpt, SwiftOptBound, *_ALL[1:])
_SCALING: _Lineup = (SwiftOpt, SwiftOptOneThread, Limit, LimitOneThread)


@dataclass(frozen=True)
class Bar:
    """What is to be reached: a time in seconds, or a ratio to another contender."""

    contender: str
    at_most: float
    against: str | None = None


@dataclass(frozen=True)
class Case:
    """One table of the report."""

    name: str
    rule: str
    elements: int
    tensors: int = 1
    dtype: str = "float32"
    clip_norm: float | None = None
    lineup: _Lineup = _PLAIN
    bars: tuple[Bar, ...] = ()

    @property
    def title(self) -> str:
        """Say in words what is stepped."""
        tensors = (
            f"{self.elements:,} elements"
            if self.tensors == 1
            else f"{self.tensors:,} tensors of {self.elements:,} elements"
        )
        clip = "" if self.clip_norm is None else f", clip_norm={self.clip_norm}"
        return f"{self.rule} {self.dtype}, {tensors}{clip}"

    def problem(self, threads: int, largest: int | None = None) -> Problem:
        """Draw the arrays; with `largest`, of a small copy of the same problem."""
        elements = self.elements if largest is None else min(self.elements, largest)
        counts = [elements] * self.tensors
        return create(self.rule, counts, self.dtype, self.clip_norm, threads)


@dataclass
class Outcome:
    """What was measured in a case."""

    case: Case
    peers: list[str] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    timings: Timings | None = None
    bytes_per_step: int = 0


def _vs_limit(at_most: float) -> Bar:
    return Bar(SwiftOpt.name, at_most, Limit.name)


_FASTER_THAN_TORCH = Bar(SwiftOpt.name, 1.0, Torch.name)
_ADAMW_BARS: dict[int, tuple[Bar, ...]] = {
    1_000: (Bar(SwiftOpt.name, 2e-6),),
    100_000: (_vs_limit(1.4), _FASTER_THAN_TORCH),
    1_000_000: (_vs_limit(1.4), _FASTER_THAN_TORCH),
    100_000_000: (_vs_limit(1.08),),
}

CASES: tuple[Case, ...] = (
    *(
        Case(
            f"adamw-1e{exponent}",
            "adamw",
            10**exponent,
            lineup=_ALL,
            bars=_ADAMW_BARS.get(10**exponent, ()),
        )
        for exponent in range(3, 9)
    ),
    Case(
        "adamw-list",
        "adamw",
        100,
        tensors=1_000,
        lineup=_LIST,
        bars=(
            Bar(SwiftOpt.name, 150e-6),
            Bar(SwiftOpt.name, 2.5, SwiftOptBound.name),
        ),
    ),
    Case("adamw-float64-1e7", "adamw", 10**7, dtype="float64"),
    Case("adamw-clip-1e6", "adamw", 10**6, clip_norm=1.0),
    Case("adamw-clip-1e7", "adamw", 10**7, clip_norm=1.0),
    *(
        Case(f"{rule}-1e{exponent}", rule, 10**exponent)
        for rule in ("sgd", "adam", "rmsprop", "adagrad", "lion")
        for exponent in (6, 7)
    ),
    *(
        Case(f"scaling-1e{exponent}", "adamw", 10**exponent, lineup=_SCALING)
        for exponent in (5, 6, 7)
    ),
)

#: Enough that pools share the work out, small enough for float64 copies.
_CHECK_ELEMENTS = 20_011


def run(case: Case, rounds: int) -> Outcome:
    """Check and time every contender that is there."""
    outcome = Outcome(case)
    # Shared arrays, JAX's own, and the temporaries of the NumPy expression.
    needed = 14 * case.elements * case.tensors * np.dtype(case.dtype).itemsize
    if needed > available_bytes():
        outcome.missing["everyone"] = f"needs {needed / 1e9:.0f} GB of free memory"
        return outcome
    problem = case.problem(THREADS)
    contenders = []
    outcome.bytes_per_step = problem.bytes_per_step
    for kind in case.lineup:
        try:
            small = kind(case.problem(THREADS, largest=_CHECK_ELEMENTS))
            outcome.checks[small.name] = check(small)
            contenders.append(kind(problem))
        except MissingError as missing:
            outcome.missing[kind.name] = str(missing)
    outcome.peers = [c.name for c in contenders if c.is_peer]
    outcome.timings = measure(contenders, rounds)
    return outcome
