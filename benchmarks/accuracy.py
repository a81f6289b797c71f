"""How far float32 runs end from float64 ones: ``python -m benchmarks.accuracy``.

Every rule is run for 100 steps in float32 and in float64, from the same parameters and
with the same gradients. The error is the largest absolute difference of any parameter at
the end, divided by the largest change that any step made to one (from the float64 run).
torch's error is its own float32 run against its own float64 run, with the same options.

The parameters have a standard deviation of 0.02, as those of a network do: larger ones
would make the rounding of the stored parameter the only error to be seen. The figure is
the median of several seeds, because a rule that takes a sign can turn round for an
element whose sum comes within a rounding of 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .cases.every_rule import ALL_RULES
from .loading import MissingError, load
from .rules import Array, Rule

STEPS = 100
SEEDS = range(5)
SHAPE = (64, 64)
#: At most these multiples of torch's error.
_BAR_OF_ADAMW = 0.5
_BAR = 1.5

Stepper = Callable[[Array], object]
#: Takes the parameters, which it updates in place, and returns the step.
Start = Callable[[Array], Stepper]


@dataclass(frozen=True)
class Row:
    """Median errors, in units of the largest change; None without a peer."""

    rule: str
    mine: float
    torch: float | None = None
    #: Between the two float64 runs: 0 but for rounding where the formula is the same.
    apart: float | None = None

    @property
    def bar(self) -> float:
        return _BAR_OF_ADAMW if self.rule == "adamw" else _BAR


def _swiftopt(rule: Rule) -> Start:
    kind = getattr(load("swiftopt"), rule.class_name, None)
    if kind is None:
        raise MissingError(f"swiftopt has no {rule.class_name}")

    def start(parameters: Array) -> Stepper:
        return kind(parameters, **rule.options).step  # type: ignore[no-any-return]

    return start


def _torch(rule: Rule) -> Start:
    torch = load("torch")
    if rule.torch_kind is None or not hasattr(torch.optim, rule.class_name):
        raise MissingError(f"torch.optim has no {rule.class_name}")
    form = {} if rule.torch_kind == "default" else {rule.torch_kind: True}
    options = rule.options if rule.torch_options is None else rule.torch_options

    def start(parameters: Array) -> Stepper:
        tensor = torch.from_numpy(parameters).requires_grad_()
        optimizer = getattr(torch.optim, rule.class_name)([tensor], **options, **form)

        def step(gradient: Array) -> None:
            tensor.grad = torch.from_numpy(gradient)
            optimizer.step()

        return step

    return start


def _run(start: Start, seed: int, dtype: type[np.floating[Any]]) -> tuple[Array, float]:
    """Return the parameters after STEPS steps, and the largest change in one step."""
    generator = np.random.default_rng(seed)
    # Drawn in float32, so that both runs begin with the same numbers.
    parameters = (0.02 * generator.standard_normal(SHAPE, np.float32)).astype(dtype)
    step, largest = start(parameters), 0.0
    for _ in range(STEPS):
        before = parameters.copy()
        step(generator.standard_normal(SHAPE, np.float32).astype(dtype))
        largest = max(largest, float(np.abs(parameters - before).max()))
    return parameters.astype(np.float64), largest


def _errors(start: Start) -> tuple[list[float], list[Array], list[float]]:
    """Return for every seed: the error, float64's end, and its largest change."""
    errors, ends, changes = [], [], []
    for seed in SEEDS:
        exact, largest = _run(start, seed, np.float64)
        rounded, _ = _run(start, seed, np.float32)
        errors.append(float(np.abs(rounded - exact).max()) / largest)
        ends.append(exact)
        changes.append(largest)
    return errors, ends, changes


def measure(name: str, rule: Rule) -> Row:
    """Measure one rule; MissingError if swiftopt doesn't have it."""
    mine, ends, changes = _errors(_swiftopt(rule))
    error = float(np.median(mine))
    try:
        theirs, their_ends, _ = _errors(_torch(rule))
    except MissingError:
        return Row(name, error)
    apart = [
        float(np.abs(a - b).max()) / c for a, b, c in zip(ends, their_ends, changes, strict=True)
    ]
    return Row(name, error, float(np.median(theirs)), float(np.median(apart)))


def _describe(row: Row) -> str:
    line = f"{row.rule:<20}{row.mine:>12.2e}"
    if row.torch is None or row.apart is None:
        return f"{line}{'-':>12}{'-':>10}{'-':>12}"
    ratio = row.mine / row.torch if row.torch else math.inf
    verdict = "PASS" if ratio <= row.bar else "MISS"
    line += f"{row.torch:>12.2e}{ratio:>10.2f}{row.apart:>12.1e}"
    return f"{line}  {verdict} (at most {row.bar})"


def main() -> None:
    """Print the table; a missed bar is reported, never an error."""
    print(f"Error after {STEPS} steps of float32, over the largest change in a step\n")
    print(f"{'rule':<20}{'swiftopt':>12}{'torch':>12}{'ratio':>10}{'float64':>12}")
    missing = []
    for name, rule in ALL_RULES.items():
        try:
            print(_describe(measure(name, rule)), flush=True)
        except MissingError as error:
            missing.append(f"MISSING: {name}: {error}")
    print(*missing, sep="\n")
    print("\nfloat64: how far the two float64 runs are apart, in the same unit")


if __name__ == "__main__":
    main()
