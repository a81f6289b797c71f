"""The rules without a NumPy expression here: options, and what torch has of them."""

from __future__ import annotations

from .rules import ADAM, COMMON, LR, WEIGHT_DECAY, Rule

_DECAY = {"weight_decay": WEIGHT_DECAY}
_MUON = {"lr": LR, "weight_decay": WEIGHT_DECAY, "momentum": 0.95}

MORE_RULES: dict[str, Rule] = {
    "nadam": Rule("NAdam", ADAM, torch_kind="foreach"),
    "radam": Rule("RAdam", ADAM, torch_kind="foreach"),
    "adamax": Rule("Adamax", ADAM, torch_kind="foreach"),
    "adadelta": Rule("Adadelta", {**_DECAY, "lr": 1.0}, torch_kind="foreach"),
    # The sign of a product decides the step: a decay inside it would add its rounding.
    "rprop": Rule("Rprop", {"lr": LR}, torch_kind="foreach"),
    "adabelief": Rule("AdaBelief", COMMON, torch_kind=None),
    "ademamix": Rule("AdEMAMix", COMMON, torch_kind=None),
    "adan": Rule("Adan", COMMON, torch_kind=None),
    "schedule-free-sgd": Rule("ScheduleFreeSGD", COMMON, torch_kind=None),
    "schedule-free-adamw": Rule("ScheduleFreeAdamW", COMMON, torch_kind=None),
    "lamb": Rule("LAMB", COMMON, torch_kind=None, kind="trust_step"),
    "lars": Rule("LARS", COMMON, torch_kind=None, kind="trust_gradient"),
    "adafactor": Rule("Adafactor", COMMON, torch_kind="foreach", kind="factored"),
    # torch iterates in bfloat16: an error of about 2^-8 a step, and nearly as much again
    # where the iterations amplify it.
    "muon": Rule("Muon", _MUON, torch_kind="default", kind="matrix", rough=0.05),
}
