"""The options of a whole optimizer, and the properties for those of its groups."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

from swiftopt._groups import ParameterGroup, Revision, as_flag, as_number
from swiftopt._options import GROUP_DEFAULTS, Number
from swiftopt._varying import Varying

_INFINITY = float("inf")


class Settings:
    """What holds for all parameters of an optimizer, and properties for all groups."""

    _groups: tuple[ParameterGroup, ...]
    _revision: Revision

    lr: Number
    weight_decay: Number
    maximize: bool
    clip_value: Number | None
    clip_tensor_norm: Number | None
    adaptive_clip: Number | None
    l1_penalty: Number
    l2_penalty: Number
    decay: str | None
    cautious: bool
    ema_decay: Number | None
    zero_gradient: bool
    low_precision: str
    state_dtype: Any

    def _set_options(self, options: Mapping[str, Any]) -> None:
        self._clip_norm = _checked_clip_norm(options["clip_norm"])
        self._skip_nonfinite = as_flag("skip_nonfinite", options["skip_nonfinite"])
        self._report_norm = as_flag("report_norm", options["report_norm"])
        self._report_update_norm = as_flag("report_update_norm", options["report_update_norm"])
        self._accumulate = _whole("accumulate", options["accumulate"], 1, 2**53)
        self._seed = _whole("seed", options["seed"], 0, 2**64 - 1)

    @property
    def param_groups(self) -> tuple[ParameterGroup, ...]:
        """The groups: dicts of hyper-parameters, with the arrays under "params".

        Setting an entry holds from the next step on.
        """
        return self._groups

    @property
    def _leading_group(self) -> int:
        """The first group with parameters; overrides may leave none to the default one."""
        return next((index for index, group in enumerate(self._groups) if group["params"]), 0)

    @property
    def clip_norm(self) -> Number | None:
        """The limit of the norm over all gradients, or None."""
        return None if self._clip_norm == _INFINITY else self._clip_norm

    @clip_norm.setter
    def clip_norm(self, value: Number | None) -> None:
        self._clip_norm = _checked_clip_norm(value)
        self._revision.number += 1

    @property
    def skip_nonfinite(self) -> bool:
        """Whether a gradient with inf or nan turns a step into a no-op."""
        return self._skip_nonfinite

    @skip_nonfinite.setter
    def skip_nonfinite(self, value: bool) -> None:
        self._skip_nonfinite = as_flag("skip_nonfinite", value)
        self._revision.number += 1

    @property
    def report_norm(self) -> bool:
        """Whether the report has the gradients' norm even if nothing needs it."""
        return self._report_norm

    @report_norm.setter
    def report_norm(self, value: bool) -> None:
        self._report_norm = as_flag("report_norm", value)
        self._revision.number += 1

    @property
    def report_update_norm(self) -> bool:
        """Whether the report has the norm of the difference that a step makes."""
        return self._report_update_norm

    @report_update_norm.setter
    def report_update_norm(self, value: bool) -> None:
        self._report_update_norm = as_flag("report_update_norm", value)
        self._revision.number += 1

    @property
    def accumulate(self) -> int:
        """How many calls of `step` make one update. It can't change."""
        return self._accumulate

    @property
    def seed(self) -> int:
        """The seed of the stochastic rounding. It can't change."""
        return self._seed


def group_property(name: str) -> property:
    """Return a property that reads the first group's entry and sets every group's."""

    def read(self: Settings) -> Any:
        return self._groups[self._leading_group][name]

    def write(self: Settings, value: Any) -> None:
        for group in self._groups:
            group[name] = value

    return property(
        read,
        write,
        doc=f"{name} of the first group that has parameters; setting it sets every group's.",
    )


# Properties, not __getattr__, which would slow down every look-up in a step.
for _name in ("lr", "weight_decay", *GROUP_DEFAULTS):
    setattr(Settings, _name, group_property(_name))


def _checked_clip_norm(value: Number | None) -> Number:
    if value is None:
        return _INFINITY
    if isinstance(value, Varying):
        first = value(0)
    else:
        first = as_number("clip_norm", value, "a number, a schedule or None")
    if not first > 0:
        raise ValueError(f"clip_norm is {first}; it must be > 0")
    return value if isinstance(value, Varying) else first


def _whole(name: str, value: Any, least: int, most: int) -> int:
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{name} is {value!r}; it must be an int")
    if not least <= number <= most:
        raise ValueError(f"{name} is {number}; it must be in {least} ... {most}")
    return number
