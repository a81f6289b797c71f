"""What takes part in a case: the interface, the NumPy expression and swiftopt."""

from __future__ import annotations

import importlib
from typing import Any

from .problem import Problem
from .rules import Array


class MissingError(Exception):
    """A contender can't take part; the message says why."""


def load(module: str) -> Any:
    """Import an optional package, or raise MissingError."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingError(f"{module}: {error}") from error


class Contender:
    """Something that steps a problem. The methods outside `run` aren't timed."""

    name: str
    #: Neighbours stand next to each other in every round: the limit and swiftopt,
    #: whose ratios the bars are about. The peers are placed around them.
    is_peer = True

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def begin(self) -> None:
        """Prepare a turn."""

    def run(self, repeats: int) -> None:
        """Do `repeats` complete steps; when it returns, their results are there."""
        raise NotImplementedError

    def end(self) -> None:
        """Finish a turn; leave no thread of this contender running."""

    def load_gradients(self) -> None:
        """Take new values from problem.gradients, if this contender holds copies."""

    def results(self) -> list[Array]:
        """Return the arrays that the check compares: the parameters."""
        return self.problem.parameters

    def reference(self, problem: Problem, t: int) -> list[Array]:
        """Do step t on a float64 copy of the problem; return what `results` must be."""
        problem.reference_step(t)
        return problem.parameters


class NumPyExpression(Contender):
    """The update as people write it: in place, with temporaries, on one thread."""

    name = "NumPy expression"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.t = 0

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.t += 1
            self.problem.reference_step(self.t)


class SwiftOpt(Contender):
    """`optimizer.step(gradients)`, its report included."""

    name = "swiftopt"
    is_peer = False

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.swiftopt = load("swiftopt")
        single = len(problem.parameters) == 1
        self.gradients = problem.gradients[0] if single else problem.gradients
        if problem.optimizer is None:
            problem.optimizer = getattr(self.swiftopt, problem.rule.class_name)(
                problem.parameters[0] if single else problem.parameters,
                clip_norm=problem.clip_norm,
                **problem.rule.options,
            )
            states = list(problem.optimizer.state.values())
            problem.share_slots({name: [state[name] for state in states] for name in problem.slots})
        self.optimizer = problem.optimizer

    def begin(self) -> None:
        self.swiftopt.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        step, gradients = self.optimizer.step, self.gradients
        for _ in range(repeats):
            step(gradients)


class SwiftOptBound(SwiftOpt):
    """`optimizer.step()` after `optimizer.bind(gradients)`: one C call a step."""

    name = "swiftopt, bound gradients"

    def begin(self) -> None:
        super().begin()
        self.optimizer.bind(self.gradients)

    def run(self, repeats: int) -> None:
        step = self.optimizer.step
        for _ in range(repeats):
            step()

    def end(self) -> None:
        self.optimizer.bind(None)


class SwiftOptOneThread(SwiftOpt):
    """swiftopt held to one thread, for the scaling cases."""

    name = "swiftopt, 1 thread"

    def begin(self) -> None:
        self.swiftopt.set_num_threads(1)
