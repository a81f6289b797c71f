"""Which class of torch.optim does what a rule does, and what its state_dict has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Counterpart(NamedTuple):
    """A class of torch.optim as of torch 2.13. Hyper-parameters and slots are named alike."""

    name: str
    entries: tuple[str, ...]
    """What a group has in both."""
    flags: Mapping[str, Any]
    """What a group has in torch only, how torch computes, with torch's defaults."""
    slots: Mapping[str, str | None]
    """The arrays of a parameter, each with the entry that it is for, or None for all."""
    products: Mapping[str, int] = {}
    """Which of the betas a running product is of. torch takes powers instead."""
    scalars: tuple[str, ...] = ()
    """Running products that torch has too."""
    counts_steps: bool = True
    has_decoupled: bool = False
    """Whether the entry decoupled_weight_decay says what in swiftopt `decay` does."""
    fixed: Mapping[str, Any] = {}
    """What torch's class can't do otherwise, of those entries that change the rule."""
    start: tuple[str, Any] | None = None
    """An entry that makes the state of a parameter without updates another than torch's
    own, and its value with which it doesn't. Else torch has no state for such parameters."""


_MAXIMIZE = ("maximize",)
_FLAGS = {"foreach": None, "differentiable": False}
_CAPTURABLE = {**_FLAGS, "capturable": False}
_MOMENTS: dict[str, str | None] = {"exp_avg": None, "exp_avg_sq": None}
_BETAS = {"beta1_product": 0, "beta2_product": 1}


def _adam(name: str) -> Counterpart:
    return Counterpart(
        name,
        ("lr", "betas", "eps", "weight_decay", "amsgrad", *_MAXIMIZE),
        {**_CAPTURABLE, "fused": None},
        {**_MOMENTS, "max_exp_avg_sq": "amsgrad"},
        _BETAS,
        has_decoupled=True,
        fixed={"epsilon_hat": False},
    )


COUNTERPARTS: dict[str, Counterpart | None] = {
    "sgd": Counterpart(
        "SGD",
        ("lr", "momentum", "dampening", "weight_decay", "nesterov", *_MAXIMIZE),
        {**_FLAGS, "fused": None},
        {"momentum_buffer": "momentum"},
        counts_steps=False,
        start=("momentum_start", "gradient"),
    ),
    "adam": _adam("Adam"),
    "adamw": _adam("AdamW"),
    "nadam": Counterpart(
        "NAdam",
        ("lr", "betas", "eps", "weight_decay", "momentum_decay", *_MAXIMIZE),
        _CAPTURABLE,
        _MOMENTS,
        {"beta2_product": 1},
        ("mu_product",),
        has_decoupled=True,
    ),
    "radam": Counterpart(
        "RAdam",
        ("lr", "betas", "eps", "weight_decay", *_MAXIMIZE),
        _CAPTURABLE,
        _MOMENTS,
        _BETAS,
        has_decoupled=True,
    ),
    "adamax": Counterpart(
        "Adamax",
        ("lr", "betas", "eps", "weight_decay", *_MAXIMIZE),
        _CAPTURABLE,
        {"exp_avg": None, "exp_inf": None},
        {"beta1_product": 0},
    ),
    "adagrad": Counterpart(
        "Adagrad",
        ("lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value", *_MAXIMIZE),
        {**_FLAGS, "fused": None},
        {"sum": None},
        # torch makes this state before the first step, whatever it starts at.
        start=("initial_accumulator_value", None),
    ),
    "adadelta": Counterpart(
        "Adadelta",
        ("lr", "rho", "eps", "weight_decay", *_MAXIMIZE),
        _CAPTURABLE,
        {"square_avg": None, "acc_delta": None},
    ),
    "rmsprop": Counterpart(
        "RMSprop",
        ("lr", "momentum", "alpha", "eps", "centered", "weight_decay", *_MAXIMIZE),
        _CAPTURABLE,
        {"square_avg": None, "momentum_buffer": "momentum", "grad_avg": "centered"},
        start=("initial_accumulator_value", 0),
    ),
    "rprop": Counterpart(
        "Rprop",
        ("lr", "etas", "step_sizes", *_MAXIMIZE),
        _CAPTURABLE,
        {"prev": None, "step_size": None},
        fixed={"weight_decay": 0},
    ),
    "adafactor": Counterpart(
        "Adafactor",
        ("lr", "beta2_decay", "eps", "d", "weight_decay", *_MAXIMIZE),
        {"foreach": None},
        {"row_var": None, "col_var": None, "variance": None},
        fixed={"beta1": 0},
    ),
    "muon": Counterpart(
        "Muon",
        ("lr", "weight_decay", "momentum", "nesterov", "eps", "ns_steps", "adjust_lr_fn"),
        {"ns_coefficients": (3.4445, -4.775, 2.0315)},
        {"momentum_buffer": None},
        counts_steps=False,
        fixed={"maximize": False},
    ),
    # torch has none of these.
    "adabelief": None,
    "ademamix": None,
    "adan": None,
    "lamb": None,
    "lars": None,
    "lion": None,
    "schedulefreeadamw": None,
    "schedulefreesgd": None,
}

# The older a state_dict is, the less of these its groups have.
_LATER = {"maximize": False}

# What schedulers of torch leave in a group, and torch's names of parameters.
IGNORED = frozenset(
    ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr", "param_names")
)


def counterpart(rule: str) -> Counterpart:
    """Return what torch has for a rule.

    Raises
    ------
    ValueError
        If torch has nothing of that kind.
    """
    found = COUNTERPARTS.get(rule)
    if found is None:
        names = ", ".join(entry.name for entry in COUNTERPARTS.values() if entry is not None)
        raise ValueError(f"torch.optim has no {rule}; it has {names}")
    return found


def missing_entry(torch_class: Counterpart, group: Mapping[str, Any]) -> str | None:
    """Return an entry that a group of this class must have and this one lacks."""
    needed = (name for name in torch_class.entries if name not in _LATER)
    return next((name for name in needed if name not in group), None)


def unknown_entry(torch_class: Counterpart, group: Mapping[str, Any]) -> Any:
    """Return an entry that a group of this class doesn't have; None if there isn't any."""
    known = {"params", *torch_class.entries, *torch_class.flags, *IGNORED}
    if torch_class.has_decoupled:
        known.add("decoupled_weight_decay")
    return next((name for name in group if name not in known), None)


def resembling(group: Mapping[str, Any]) -> list[str]:
    """Return the classes that a group may be of."""
    return [
        entry.name
        for entry in COUNTERPARTS.values()
        if entry is not None
        and missing_entry(entry, group) is None
        and unknown_entry(entry, group) is None
    ]
