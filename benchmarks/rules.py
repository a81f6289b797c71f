"""The best-known rules as people write them in NumPy, with the options all contenders get.

The same functions are the float64 reference of the checks: run in float64 they have
rounding errors 10^9 times below float32's. Sources: Adam arXiv:1412.6980, AdamW
arXiv:1711.05101, RMSprop Hinton's lecture 6e, Adagrad JMLR 12 (2011) 2121-2159, Lion
arXiv:2302.06675, AMSGrad arXiv:1904.09237, SGD with torch.optim.SGD's definition of momentum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Slots = Mapping[str, Array]

LR = 1e-3
WEIGHT_DECAY = 0.01
BETA1, BETA2 = 0.9, 0.999
LION_BETA1, LION_BETA2 = 0.9, 0.99
EPS = 1e-8
ADAGRAD_EPS = 1e-10
MOMENTUM = 0.9
ALPHA = 0.99


@dataclass(frozen=True)
class Rule:
    """A rule: its class name in torch and swiftopt, its options there, its step.

    `step(p, g, slots, t)` changes the arrays p and slots in place; t counts from 1. Rules
    without one are compared with swiftopt's own run in float64, and their states aren't
    shared with torch, which names them in its own ways.
    """

    class_name: str
    options: Mapping[str, Any]
    slot_names: tuple[str, ...] = ()
    step: Callable[[Array, Array, Slots, int], None] | None = None
    #: What torch.optim has: "fused", "foreach", "default" or nothing.
    torch_kind: str | None = "fused"
    torch_options: Mapping[str, Any] | None = None
    #: Which passes a step makes: "elementwise", "trust_step", "trust_gradient",
    #: "factored" or "matrix".
    kind: str = "elementwise"
    #: An error that the rule's own low precision explains, as a share of all movement.
    rough: float = 0.0


def _sgd(p: Array, g: Array, slots: Slots, t: int) -> None:
    buffer = slots["momentum_buffer"]
    buffer[:] = MOMENTUM * buffer + (g + WEIGHT_DECAY * p)
    p -= LR * buffer


def _moments(g: Array, slots: Slots, t: int) -> Array:
    m, v = slots["exp_avg"], slots["exp_avg_sq"]
    m[:] = BETA1 * m + (1 - BETA1) * g
    v[:] = BETA2 * v + (1 - BETA2) * g**2
    update: Array = (m / (1 - BETA1**t)) / (np.sqrt(v / (1 - BETA2**t)) + EPS)
    return update


def _adam(p: Array, g: Array, slots: Slots, t: int) -> None:
    p -= LR * _moments(g + WEIGHT_DECAY * p, slots, t)


def _adamw(p: Array, g: Array, slots: Slots, t: int) -> None:
    p -= LR * (_moments(g, slots, t) + WEIGHT_DECAY * p)


def _rmsprop(p: Array, g: Array, slots: Slots, t: int) -> None:
    average = slots["square_avg"]
    g = g + WEIGHT_DECAY * p
    average[:] = ALPHA * average + (1 - ALPHA) * g**2
    p -= LR * g / (np.sqrt(average) + EPS)


def _adagrad(p: Array, g: Array, slots: Slots, t: int) -> None:
    total = slots["sum"]
    g = g + WEIGHT_DECAY * p
    total += g**2
    p -= LR * g / (np.sqrt(total) + ADAGRAD_EPS)


def _lion(p: Array, g: Array, slots: Slots, t: int) -> None:
    m = slots["exp_avg"]
    p -= LR * (np.sign(LION_BETA1 * m + (1 - LION_BETA1) * g) + WEIGHT_DECAY * p)
    m[:] = LION_BETA2 * m + (1 - LION_BETA2) * g


def _amsgrad(p: Array, g: Array, slots: Slots, t: int) -> None:
    m, v, largest = slots["exp_avg"], slots["exp_avg_sq"], slots["max_exp_avg_sq"]
    m[:] = BETA1 * m + (1 - BETA1) * g
    v[:] = BETA2 * v + (1 - BETA2) * g**2
    np.maximum(largest, v, out=largest)
    update = (m / (1 - BETA1**t)) / (np.sqrt(largest / (1 - BETA2**t)) + EPS)
    p -= LR * (update + WEIGHT_DECAY * p)


COMMON = {"lr": LR, "weight_decay": WEIGHT_DECAY}
ADAM = {**COMMON, "betas": (BETA1, BETA2), "eps": EPS}
MOMENTS = ("exp_avg", "exp_avg_sq")

RULES: dict[str, Rule] = {
    "sgd": Rule("SGD", {**COMMON, "momentum": MOMENTUM}, ("momentum_buffer",), _sgd),
    "adam": Rule("Adam", ADAM, MOMENTS, _adam),
    "adamw": Rule("AdamW", ADAM, MOMENTS, _adamw),
    "amsgrad": Rule("AdamW", {**ADAM, "amsgrad": True}, (*MOMENTS, "max_exp_avg_sq"), _amsgrad),
    "rmsprop": Rule(
        "RMSprop",
        {**COMMON, "alpha": ALPHA, "eps": EPS},
        ("square_avg",),
        _rmsprop,
        torch_kind="foreach",
    ),
    "adagrad": Rule("Adagrad", {**COMMON, "eps": ADAGRAD_EPS}, ("sum",), _adagrad),
    "lion": Rule(
        "Lion",
        {**COMMON, "betas": (LION_BETA1, LION_BETA2)},
        ("exp_avg",),
        _lion,
        torch_kind=None,
    ),
}
