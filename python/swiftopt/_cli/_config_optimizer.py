"""[optimizer]: the class, its options, and schedules among them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from swiftopt import nn, optimizers, schedules
from swiftopt._cli._document import Document
from swiftopt._cli._errors import suggestion
from swiftopt._cli._expression import evaluate
from swiftopt._cli._keys import OPTIMIZER, settings
from swiftopt._options import GROUP_DEFAULTS, OPTIMIZER_DEFAULTS
from swiftopt._plateau import ReduceOnPlateau
from swiftopt._schedule_text import from_data
from swiftopt._varying import Varying
from swiftopt.optimizer import Optimizer

#: The constructors of schedules.
SCHEDULES = {
    name: getattr(schedules, name)
    for name in schedules.__all__
    if name not in ("Schedule", "TrainingTime")
}
#: An array for each parameter, which no file holds.
_NOT_HERE = ("publish",)


def read(
    document: Document,
    net: nn.Module,
    *,
    seed: int,
    batches: int,
    epochs: int,
    plateau: ReduceOnPlateau | None,
) -> Optimizer:
    """Return the optimizer of a network.

    Parameters
    ----------
    document : Document
    net : Module
    seed : int
        The optimizer's, unless the section has its own.
    batches, epochs : int
        From which expressions know ``steps``, the updates of the whole run.
    plateau : ReduceOnPlateau, optional
        A factor of the learning rate.
    """
    name = settings(document, "optimizer")["name"]
    if name not in optimizers.__all__:
        hint = (
            suggestion(name, optimizers.__all__) or f"; there are {', '.join(optimizers.__all__)}"
        )
        raise document.error("optimizer", "name", f"there is no optimizer {name!r}{hint}")
    cls = getattr(optimizers, name)
    document.check_keys("optimizer", [*OPTIMIZER, *options_of(cls)])
    given = {k: v for k, v in document.section("optimizer").items() if k not in OPTIMIZER}
    accumulate = given.get("accumulate", 1)
    if isinstance(accumulate, bool) or not isinstance(accumulate, int) or accumulate < 1:
        raise document.error(
            "optimizer", "accumulate", f"is {accumulate!r}; it must be a whole number of at least 1"
        )
    if accumulate > batches * epochs:
        words = f"is {accumulate}, more than the {batches * epochs} batches of the whole run"
        raise document.error("optimizer", "accumulate", f"{words}: nothing would be updated")
    values = {
        "steps": batches * epochs // accumulate,
        "steps_per_epoch": batches / accumulate,
        "epochs": epochs,
    }
    options = {key: _value(document, key, value, values) for key, value in given.items()}
    if plateau is not None:
        lr = options.get("lr", default_rate(cls))
        if isinstance(lr, bool) or not isinstance(lr, int | float | Varying):
            raise document.error("optimizer", "lr", f"is {lr!r}; it must be a number or a schedule")
        try:
            options["lr"] = lr * plateau
        except ValueError as error:  # it is inf or nan
            raise document.error("optimizer", "lr", f"is {lr!r}: {error}") from error
    try:
        optimizer: Optimizer = cls(net.named_parameters(), **{"seed": seed, **options})
    except (TypeError, ValueError) as error:
        words = str(error)
        key = next((key for key in options if words.startswith(f"{key} ")), None)
        raise document.error("optimizer", key, words.removeprefix(f"{key} ")) from error
    return optimizer


def default_rate(cls: type[Optimizer]) -> float:
    """Return the learning rate that an optimizer has if it is given none."""
    rate: float = inspect.signature(cls).parameters["lr"].default
    return rate


def options_of(cls: type[Optimizer]) -> list[str]:
    """Return the options of an optimizer that a file may have."""
    own = [name for name in inspect.signature(cls).parameters if name not in ("params", "options")]
    return [name for name in (*own, *GROUP_DEFAULTS, *OPTIMIZER_DEFAULTS) if name not in _NOT_HERE]


def _value(document: Document, key: str, value: Any, values: Mapping[str, float]) -> Any:
    """Return an option's value: of a table or a text with parentheses the schedule."""
    try:
        if isinstance(value, str) and "(" in value:
            return evaluate(value, SCHEDULES, values)
        if isinstance(value, dict) and "schedule" in value:
            return from_data(value)
    except ValueError as error:  # ExpressionError is one
        raise document.error("optimizer", key, str(error)) from error
    if isinstance(value, dict):
        return {name: _value(document, key, one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [_value(document, key, one, values) for one in value]
    return value
