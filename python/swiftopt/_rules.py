"""The native optimizers as the library describes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from swiftopt import _core
from swiftopt._varying import Varying

# Every group's numbers begin with these, in this order, by the names of the options; then
# come the rule's own.
COMMON_NAMES = (
    "lr",
    "weight_decay",
    "clip_value",
    "clip_tensor_norm",
    "adaptive_clip",
    "l1_penalty",
    "l2_penalty",
    "ema_decay",
    "decay",
    "maximize",
    "cautious",
    "zero_gradient",
)

# Messages of the library have its own names for two of them.
_NATIVE_NAMES = {"clip_unit_ratio": "adaptive_clip", "average_decay": "ema_decay"}

_FLAGS = frozenset(("maximize", "cautious", "zero_gradient"))

# The numbers of the C contract.
DECAYS = ("coupled", "decoupled", "independent", "own")


class Slot(NamedTuple):
    """One array of the state; swiftopt.h says what the fields mean."""

    name: str
    required_by: int
    initial_value: int
    content: str
    form: str
    owner: str
    starts_as_parameter: bool

    @property
    def has_free_dtype(self) -> bool:
        """Whether it may be stored in another dtype than the computation's."""
        return self.content != "exact" and self.form == "full"


class Settings:
    """The hyper-parameters of one group, in the order of the rule's `value_names`.

    `values` are numbers, those at step 0 where there is a schedule; `schedules` are pairs
    of position and schedule. What a group decides once is beside them: `state_dtypes` ({slot:
    dtype}, for slots that differ from the default), `low_precision`, and `has_ema`.
    """

    __slots__ = ("has_ema", "low_precision", "schedules", "state_dtypes", "values")

    def __init__(
        self,
        entries: list[float | Varying],
        *,
        has_ema: bool = False,
        low_precision: str = "master",
        state_dtypes: dict[str, str] | None = None,
    ) -> None:
        self.schedules = [
            (position, entry)
            for position, entry in enumerate(entries)
            if isinstance(entry, Varying)
        ]
        self.values = [entry(0) if isinstance(entry, Varying) else entry for entry in entries]
        self.has_ema = has_ema
        self.low_precision = low_precision
        self.state_dtypes = state_dtypes or {}

    def at(self, step: int) -> list[float]:
        """Return the numbers for the update after `step` completed ones."""
        if not self.schedules:
            return self.values
        values = self.values.copy()
        for position, schedule in self.schedules:
            values[position] = schedule(step)
        return values

    def first(self, hyperparameter: int) -> float:
        """Return the value at step 0 of a hyper-parameter of the rule; 0 for -1."""
        return self.values[len(COMMON_NAMES) + hyperparameter] if hyperparameter >= 0 else 0.0

    def uses(self, hyperparameter: int) -> bool:
        """Whether a hyper-parameter is or may become other than 0; -1 stands for "always"."""
        position = len(COMMON_NAMES) + hyperparameter
        return (
            hyperparameter < 0
            or self.values[position] != 0
            or any(position == scheduled for scheduled, _ in self.schedules)
        )


_DESCRIPTIONS = {entry["name"]: entry for entry in _core.optimizer_descriptions()}


class Rule:
    """One native optimizer: its hyper-parameters, slots and scalars."""

    def __init__(self, name: str) -> None:
        description = _DESCRIPTIONS[name]
        self.name = name
        self.kind = description["kind"]
        self.decay = description["decay"]
        self.hyperparameter_names = tuple(entry[0] for entry in description["hyperparameters"])
        self.flags = _FLAGS | {entry[0] for entry in description["hyperparameters"] if entry[5]}
        self.value_names = COMMON_NAMES + self.hyperparameter_names
        self.slots = tuple(Slot(*entry) for entry in description["slots"])
        self.scalar_names = tuple(entry[0] for entry in description["scalars"])
        self.scalar_values = tuple(entry[1] for entry in description["scalars"])
        # A plan without tensors has nothing to do but to check hyper-parameters.
        self._checker = _core.Plan(name, (), [], np.zeros((0, len(self.scalar_names))), 1)

    def check(self, values: list[float]) -> None:
        """Raise ValueError if a hyper-parameter is out of its bounds."""
        try:
            self._checker.set_group(0, values)
        except ValueError as error:
            raise ValueError(option_names(str(error).removeprefix("groups[0]."))) from None

    def matrix_form(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Return rows and columns of a parameter's matrices; (0, 0) if the rule sees none.

        A matrix rule takes a parameter for one matrix, whose rows are the first axis (so
        the filters of a convolution are rows); a factored one for matrices of the last two
        axes.
        """
        if len(shape) < 2 or 0 in shape or self.kind not in ("matrix", "factored"):
            return (0, 0)
        if self.kind == "factored":
            return (shape[-2], shape[-1])
        return (shape[0], int(np.prod(shape[1:])))

    def __reduce__(self) -> tuple[type[Rule], tuple[str]]:
        return (Rule, (self.name,))


def option_names(message: str) -> str:
    """Return a message of the library with the names that the options have here."""
    for native, name in _NATIVE_NAMES.items():
        message = message.replace(native, name)
    return message
