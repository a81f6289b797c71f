"""Contenders that evaluate schedules, one step or many in a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import MissingError, load
from .rules import Array
from .schedule_rows import PEAK, Row

_CHECKED = 200
#: Of the peak: float64 expressions of a few roundings, and float32's; torch's step multiplies
#: the value before it.
_TOLERANCE = {"float64": 1e-13, "float32": 2e-6}


@dataclass
class ScheduleProblem:
    """The steps to evaluate at: the first `count`, or one after another if that is 1."""

    row: Row
    count: int
    threads: int

    def __post_init__(self) -> None:
        self.steps = np.arange(self.count, dtype=np.float64)


class Evaluator(Contender):
    """A contender that evaluates a schedule."""

    problem: ScheduleProblem
    dtype = "float64"

    def values(self, count: int) -> Array:
        """Return the values at the first steps, by the way that is timed."""
        raise NotImplementedError

    def check(self) -> Check:
        expected = self.problem.row.numpy(np.arange(_CHECKED, dtype=np.float64))
        error = float(np.abs(np.asarray(self.values(_CHECKED)) - expected).max()) / PEAK
        share = error / _TOLERANCE[self.dtype]
        return Check(share <= 1, error, share)


class Function(Evaluator):
    """A schedule that is a function of the step or of an array of steps."""

    function: Any
    steps: Any

    def __init__(self, problem: ScheduleProblem) -> None:
        super().__init__(problem)
        self.steps = problem.steps

    def values(self, count: int) -> Array:
        if self.problem.count == 1:
            return np.array([float(self.function(n)) for n in range(count)])
        return np.asarray(self.function(np.arange(count, dtype=self.dtype)), np.float64)

    def run(self, repeats: int) -> None:
        function, steps = self.function, self.steps
        if self.problem.count == 1:
            for n in range(repeats):
                function(n)
        else:
            for _ in range(repeats):
                function(steps)


class SwiftOptSchedule(Function):
    """`schedule(n)`, `schedule(array)`."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: ScheduleProblem) -> None:
        super().__init__(problem)
        self.swiftopt = load("swiftopt")
        self.function = problem.row.swiftopt(self.swiftopt)

    def begin(self) -> None:
        self.swiftopt.set_num_threads(self.problem.threads)


class NumPySchedule(Function):
    """An expression over the array of steps; one thread."""

    name = "NumPy expression"

    def __init__(self, problem: ScheduleProblem) -> None:
        super().__init__(problem)
        self.function = problem.row.numpy
        if problem.count == 1:
            raise MissingError("an expression for arrays")


class OptaxSchedule(Function):
    """An optax schedule under jax.jit, in float32, until its result is there."""

    name = "optax jit"
    dtype = "float32"

    def __init__(self, problem: ScheduleProblem) -> None:
        super().__init__(problem)
        if problem.row.optax is None:
            raise MissingError("optax has no such schedule")
        optax, jax = load("optax"), load("jax")
        schedule = problem.row.optax(optax)
        # Not every one takes an array.
        compiled = jax.jit(schedule if problem.count == 1 else jax.vmap(schedule))
        self.steps = jax.numpy.asarray(np.arange(problem.count, dtype=np.float32))
        self.function = lambda n: compiled(n).block_until_ready()


class TorchSchedule(Evaluator):
    """`scheduler.step()` of an optimizer with one group."""

    name = "torch scheduler.step()"

    def __init__(self, problem: ScheduleProblem) -> None:
        super().__init__(problem)
        if problem.row.torch is None:
            raise MissingError("torch has no such scheduler")
        if problem.count != 1:
            raise MissingError("torch steps one by one")
        self.torch = load("torch")
        self._restart()

    def _restart(self) -> None:
        assert self.problem.row.torch is not None
        parameter = self.torch.zeros(1, requires_grad=True)
        self.optimizer = self.torch.optim.SGD([parameter], lr=PEAK)
        self.scheduler = self.problem.row.torch(self.torch.optim.lr_scheduler, self.optimizer)
        self.optimizer.step()  # or the first scheduler step warns

    def values(self, count: int) -> Array:
        self._restart()
        values = []
        for _ in range(count):
            values.append(self.optimizer.param_groups[0]["lr"])
            self.scheduler.step()
        return np.array(values)

    def run(self, repeats: int) -> None:
        if self.scheduler.last_epoch + repeats >= 1_000_000:
            self._restart()
        step = self.scheduler.step
        for _ in range(repeats):
            step()


LINEUP: tuple[type[Contender], ...] = (
    SwiftOptSchedule,
    NumPySchedule,
    OptaxSchedule,
    TorchSchedule,
)
