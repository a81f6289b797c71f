"""What takes part in a case: the interface, the NumPy expression and swiftopt."""

from __future__ import annotations

from typing import Any

from .check import Check, check
from .loading import MissingError, load
from .problem import Problem
from .rules import Array


class Contender:
    """Something that can be timed. The methods outside `run` aren't timed."""

    name: str
    #: Neighbours stand next to each other in every round: the limit and swiftopt,
    #: whose ratios the bars are about. The peers are placed around them.
    is_peer = True
    is_swiftopt = False
    #: The dtype of the states if it isn't that of the parameters.
    state_dtype: str | None = None

    def __init__(self, problem: Any) -> None:
        self.problem = problem

    def begin(self) -> None:
        """Prepare a turn."""

    def run(self, repeats: int) -> None:
        """Do `repeats` complete steps; when it returns, their results are there."""
        raise NotImplementedError

    def end(self) -> None:
        """Finish a turn; leave no thread of this contender running."""

    def check(self) -> Check:
        """Say whether a fresh contender, over arrays of its own, does its work."""
        raise NotImplementedError

    def measures(self) -> dict[str, float]:
        """Return what the last turn showed besides its time; asked after each turn.

        Names say the unit; shares are fractions of 1.
        """
        return {}

    def where(self) -> dict[str, float]:
        """Return the seconds that parts of a step take, if it has parts; asked at the end."""
        return {}


class Stepper(Contender):
    """A contender that does optimizer steps."""

    problem: Problem

    def begin(self) -> None:
        self.problem.refill_gradients()

    def load_gradients(self) -> None:
        """Take new values from problem.gradients, if this contender holds copies."""

    def results(self) -> list[Array]:
        """Return the parameters as they are now."""
        return self.problem.parameters

    def check(self) -> Check:
        return check(self)


class NumPyExpression(Stepper):
    """The update as people write it: in place, with temporaries, on one thread."""

    name = "NumPy expression"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        if problem.rule.step is None:
            raise MissingError("no NumPy expression of this rule")
        self.t = 0

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.t += 1
            self.problem.reference_step(self.t)


def adopt_states(problem: Problem) -> None:
    """Make the problem's swiftopt optimizer, and its state arrays the problem's."""
    if problem.optimizer is not None:
        return
    kind = getattr(load("swiftopt"), problem.rule.class_name, None)
    if kind is None:
        raise MissingError(f"swiftopt has no {problem.rule.class_name}")
    settings = problem.settings
    parameters: Any = problem.parameters
    options: dict[str, Any] = {"clip_norm": settings.clip_norm}
    if settings.zero_gradient:
        options["zero_gradient"] = True
    if settings.state_dtype is not None:
        options["state_dtype"] = settings.state_dtype
    if problem.copies is not None:
        parameters = dict(zip(problem.names, parameters, strict=True))
        options["publish"] = dict(zip(problem.names, problem.copies, strict=True))
    elif len(parameters) == 1:
        parameters = parameters[0]
    problem.optimizer = kind(parameters, **problem.rule.options, **options)
    problem.slots = [
        {name: slot for name, slot in state.items() if slot.ndim > 0}
        for state in problem.optimizer.state.values()
    ]


class SwiftOpt(Stepper):
    """`optimizer.step(gradients)`, its report included."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: Problem) -> None:
        if self.state_dtype is not None:
            problem = problem.with_state(self.state_dtype)
        super().__init__(problem)
        self.threads = problem.threads
        self.swiftopt = load("swiftopt")
        if problem.copies is not None:
            self.gradients: Any = dict(zip(problem.names, problem.gradients, strict=True))
        else:
            is_single = len(problem.parameters) == 1
            self.gradients = problem.gradients[0] if is_single else problem.gradients
        adopt_states(problem)
        self.optimizer = problem.optimizer
        # Without a scale the plainest call is timed.
        scale = problem.settings.loss_scale
        self.step_options = {} if scale == 1 else {"loss_scale": scale}

    def begin(self) -> None:
        super().begin()
        self.swiftopt.set_num_threads(self.threads)

    def run(self, repeats: int) -> None:
        step, gradients, options = self.optimizer.step, self.gradients, self.step_options
        for _ in range(repeats):
            step(gradients, **options)


class SwiftOptBound(SwiftOpt):
    """`optimizer.step()` after `optimizer.bind(gradients)`: one C call a step."""

    name = "swiftopt, bound gradients"

    def begin(self) -> None:
        super().begin()
        self.optimizer.bind(self.gradients)

    def run(self, repeats: int) -> None:
        step, options = self.optimizer.step, self.step_options
        for _ in range(repeats):
            step(**options)

    def end(self) -> None:
        self.optimizer.bind(None)


class SwiftOptBFloat16State(SwiftOpt):
    """The same with moments in bfloat16, rounded stochastically."""

    name = "swiftopt, bf16 state"
    state_dtype = "bfloat16"


class SwiftOptBlock8State(SwiftOpt):
    """The same with moments in 8 bits."""

    name = "swiftopt, 8-bit state"
    state_dtype = "block8"


def on_threads(kind: type[SwiftOpt], threads: int) -> type[SwiftOpt]:
    """Return the same contender held to a number of threads, for the scaling cases."""

    class Held(kind):  # type: ignore[misc, valid-type]
        name = f"{kind.name}, {threads} thread{'s' if threads > 1 else ''}"

        def __init__(self, problem: Problem) -> None:
            super().__init__(problem)
            self.threads = threads

    return Held
