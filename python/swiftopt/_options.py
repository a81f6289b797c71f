"""The keyword options that every optimizer has besides its own hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict

from swiftopt._varying import Varying

Number = float | Varying


class Options(TypedDict, total=False):
    """What every optimizer takes by keyword; see `Optimizer` for what each means."""

    # Of a group: a group's dict may override these.
    maximize: bool
    clip_value: Number | None
    clip_tensor_norm: Number | None
    adaptive_clip: Number | None
    l1_penalty: Number
    l2_penalty: Number
    decay: Literal["coupled", "decoupled", "independent"] | None
    cautious: bool
    ema_decay: Number | None
    zero_gradient: bool
    low_precision: Literal["master", "stochastic", "kahan", "nearest"]
    state_dtype: Any
    # Of the optimizer.
    clip_norm: Number | None
    skip_nonfinite: bool
    report_norm: bool
    report_update_norm: bool
    accumulate: int
    publish: Any
    overrides: Mapping[str | tuple[str, ...], Mapping[str, Any]] | None
    seed: int


GROUP_DEFAULTS: dict[str, Any] = {
    "maximize": False,
    "clip_value": None,
    "clip_tensor_norm": None,
    "adaptive_clip": None,
    "l1_penalty": 0.0,
    "l2_penalty": 0.0,
    "decay": None,
    "cautious": False,
    "ema_decay": None,
    "zero_gradient": False,
    "low_precision": "master",
    "state_dtype": None,
}

# They decide how the state is laid out, so they can't change once it is.
FIXED = ("low_precision", "state_dtype")

OPTIMIZER_DEFAULTS: dict[str, Any] = {
    "clip_norm": None,
    "skip_nonfinite": False,
    "report_norm": False,
    "report_update_norm": False,
    "accumulate": 1,
    "publish": None,
    "overrides": None,
    "seed": 0,
}


def complete(
    class_name: str, own: Iterable[str], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return all options of a group and all of the optimizer, with defaults.

    Raises
    ------
    TypeError
        If there is no option of that name; the message has names that resemble it.
    """
    for name in options:
        if name not in GROUP_DEFAULTS and name not in OPTIMIZER_DEFAULTS:
            import difflib

            known = [*own, *GROUP_DEFAULTS, *OPTIMIZER_DEFAULTS]
            similar = " or ".join(repr(match) for match in difflib.get_close_matches(name, known))
            raise TypeError(
                f"{class_name}() has no option {name!r}"
                + (f"; did you mean {similar}?" if similar else "")
            )
    group = {name: options.get(name, default) for name, default in GROUP_DEFAULTS.items()}
    return group, {name: options.get(name, value) for name, value in OPTIMIZER_DEFAULTS.items()}
