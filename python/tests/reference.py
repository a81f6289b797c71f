"""Float64 references: each rule as its paper has it, one NumPy expression per equation.

A rule gets its tensor's state and the gradient as prepared (clipped, decayed), advances
the state and returns the step, which `Reference` subtracts. Its keyword defaults are the
documented ones, so that the classes' defaults are compared with them too. The references
share no code with the library, and nothing here cares about speed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .reference_adaptive import adabelief, adadelta, adamax, nadam, radam, rprop
from .reference_averaged import (
    adan,
    ademamix,
    lamb,
    lars,
    lars_scale,
    schedulefreeadamw,
    schedulefreesgd,
)
from .reference_matrix import adafactor, muon
from .reference_options import (
    DEFAULTS,
    cautious_factor,
    decayed,
    limited,
    limited_units,
    penalty,
)
from .reference_support import norm, ratio


def sgd(state, g, lr=1e-3, momentum=0.0, dampening=0.0, nesterov=False, momentum_start="gradient"):
    """Sutskever et al. 2013, equations 1-2 (momentum) and 3-4 (Nesterov), in the form of torch.

    There the buffer holds gradients, not steps, and Nesterov's parameters are those at
    the look-ahead point.
    """
    if momentum == 0:
        return lr * g
    is_first = state["step"] == 1 and momentum_start == "gradient"
    share = 1.0 if is_first else 1 - dampening
    b = state["momentum_buffer"] = momentum * state.get("momentum_buffer", 0.0) + share * g
    return lr * (g + momentum * b) if nesterov else lr * b


def adam(state, g, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, amsgrad=False, epsilon_hat=False):
    """Kingma & Ba 2015, algorithm 1; `epsilon_hat`: the form at the end of section 2.

    amsgrad: Reddi et al. 2018, algorithm 2. Both products of the betas are running ones:
    with constant betas they are the beta^t of the paper.
    """
    beta1, beta2 = betas
    m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
    v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * g**2
    if amsgrad:
        v = state["max_exp_avg_sq"] = np.maximum(state.get("max_exp_avg_sq", 0.0), v)
    correction1 = 1 - state.setdefault("beta1_product", 1.0) * beta1
    correction2 = 1 - state.setdefault("beta2_product", 1.0) * beta2
    state["beta1_product"] *= beta1
    state["beta2_product"] *= beta2
    if epsilon_hat:
        return lr * math.sqrt(correction2) / correction1 * ratio(m, np.sqrt(v) + eps)
    return lr * ratio(m / correction1, np.sqrt(v / correction2) + eps)


def rmsprop(
    state, g, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.0, centered=False,
    initial_accumulator_value=0.0,
):  # fmt: skip
    """Hinton 2012, lecture 6e; centered: Graves 2013, equations 38-41. eps as in torch."""
    v = state.get("square_avg", initial_accumulator_value)
    v = state["square_avg"] = alpha * v + (1 - alpha) * g**2
    if centered:
        a = state["grad_avg"] = alpha * state.get("grad_avg", 0.0) + (1 - alpha) * g
        v = np.maximum(v - a**2, 0.0)
    d = ratio(g, np.sqrt(v) + eps)
    if momentum:
        d = state["momentum_buffer"] = momentum * state.get("momentum_buffer", 0.0) + d
    return lr * d


def adagrad(state, g, lr=1e-2, lr_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    """Duchi et al. 2011, figure 1 with a diagonal matrix; lr_decay and eps as in torch."""
    s = state["sum"] = state.get("sum", initial_accumulator_value) + g**2
    return lr / (1 + (state["step"] - 1) * lr_decay) * ratio(g, np.sqrt(s) + eps)


def lion(state, g, lr=1e-4, betas=(0.9, 0.99)):
    """Chen et al. 2023, algorithm 2."""
    m = state.get("exp_avg", 0.0)
    state["exp_avg"] = betas[1] * m + (1 - betas[1]) * g
    return lr * np.sign(betas[0] * m + (1 - betas[0]) * g)


@dataclass(frozen=True)
class Rule:
    """A rule, and what the step around it must know."""

    function: Callable
    weight_decay: float = 0.0
    is_decoupled: bool = False
    is_own: bool = False
    """The function gets the parameter and the weight decay too, since its equations have
    both. It returns the step and the magnitude that the roundings of the step are relative
    to: more than the step where its terms cancel."""
    sees_parameter: bool = False
    """The function gets the parameter, and the machine epsilon of the computation."""
    scale: Callable | None = None
    """Gives the factor of a tensor's gradient and coupled decay."""
    copies: tuple[str, ...] = ()
    """The parts of the state that start as the parameter."""


REFERENCES = {
    "sgd": Rule(sgd),
    "adam": Rule(adam),
    "adamw": Rule(adam, weight_decay=1e-2, is_decoupled=True),
    "rmsprop": Rule(rmsprop),
    "adagrad": Rule(adagrad),
    "lion": Rule(lion, is_decoupled=True),
    "nadam": Rule(nadam),
    "radam": Rule(radam),
    "adamax": Rule(adamax),
    "adadelta": Rule(adadelta),
    "rprop": Rule(rprop),
    "adabelief": Rule(adabelief),
    "ademamix": Rule(ademamix, weight_decay=1e-2, is_decoupled=True),
    "adan": Rule(adan, is_own=True),
    "lamb": Rule(lamb, weight_decay=1e-2, is_own=True),
    "lars": Rule(lars, weight_decay=1e-4, scale=lars_scale),
    "schedulefreesgd": Rule(schedulefreesgd, is_own=True, copies=("z",)),
    "schedulefreeadamw": Rule(schedulefreeadamw, is_own=True, copies=("z",)),
    "adafactor": Rule(adafactor, is_decoupled=True, sees_parameter=True),
    "muon": Rule(muon, weight_decay=0.1, is_decoupled=True),
}


class Reference:
    """An optimizer in float64 over named copies of `params`.

    `options` are those of the class under test; they may be changed between steps, which
    is what a schedule does.
    """

    def __init__(self, name, params, **options):
        self.rule = REFERENCES[name]
        self.options = {"weight_decay": self.rule.weight_decay, **options}
        self.params = {key: np.array(array, np.float64) for key, array in params.items()}
        self.epsilons = {
            key: min(np.finfo(array.dtype).eps, np.finfo(np.float32).eps)
            for key, array in params.items()
        }
        has_mean = options.get("ema_decay") is not None
        copies = (*self.rule.copies, *(["ema"] if has_mean else []))
        self.state = {
            key: {"step": 0} | {slot: array.copy() for slot in copies}
            for key, array in self.params.items()
        }
        self.prepared = {}
        """The gradients as the rules saw them in the last step."""
        self.penalties = {}
        """What penalties and coupled decay had added to them."""
        self.steps = {}
        """What the rules made of them."""
        self.magnitudes = {}
        """What the roundings of the last steps are relative to."""

    def step(self, grads, loss_scale=1.0):
        """Advance every tensor that has a gradient; returns (grad_norm, clip_coefficient)."""
        common, own = self._split_options()
        decay = own.pop("weight_decay")
        grads = {key: np.array(g, np.float64) for key, g in grads.items() if g is not None}
        grads = {key: g / loss_scale for key, g in grads.items()}
        grad_norm = norm(grads.values())
        if (ratio := common["adaptive_clip"]) is not None:
            grads = {key: limited_units(g, self.params[key], ratio) for key, g in grads.items()}
        if (limit := common["clip_tensor_norm"]) is not None:
            grads = {key: limited([g], limit) * g for key, g in grads.items()}
        limit = common["clip_norm"]
        coefficient = limited(grads.values(), limit) if limit is not None else 1.0
        for key, g in grads.items():
            self._advance(key, coefficient * g, decay, common, own)
        return grad_norm, coefficient

    def _advance(self, key, g, decay, common, own):
        """Update one tensor with a gradient whose norm is limited."""
        p, state = self.params[key], self.state[key]
        scale = self.rule.scale(g, p, decay, **own) if self.rule.scale else 1.0
        if (limit := common["clip_value"]) is not None:
            g = np.clip(g, -limit, limit)
        if common["maximize"]:
            g = -g
        kind = self._decay(common)
        coupled = decay if kind == "coupled" else 0.0
        added = scale * penalty(p, common["l1_penalty"], common["l2_penalty"], coupled)
        g = scale * g + added
        state["step"] += 1
        if self.rule.is_own:
            step, magnitude = self.rule.function(state, g, p, decay, **own)
        else:
            seen = (p, self.epsilons[key]) if self.rule.sees_parameter else ()
            step = self.rule.function(state, g, *seen, **own)
            magnitude = np.abs(step)
        self.prepared[key], self.penalties[key], self.steps[key] = g, added, step
        if common["cautious"]:
            factor = cautious_factor(step, g)
            step, magnitude = factor * step, factor * magnitude
        shrinkage = decayed(kind, own.get("lr", self.default_lr), decay, p)
        self.params[key] = p - (step + shrinkage)
        self.magnitudes[key] = magnitude + np.abs(shrinkage)
        if (share := common["ema_decay"]) is not None:
            state["ema"] = share * state["ema"] + (1 - share) * self.params[key]

    def _split_options(self):
        """The options that all rules have, and the others."""
        own = dict(self.options)
        return {name: own.pop(name, default) for name, default in DEFAULTS.items()}, own

    def _decay(self, common):
        if self.rule.is_own:
            return "own"
        if common["decoupled_weight_decay"]:
            return "decoupled"
        return common["decay"] or ("decoupled" if self.rule.is_decoupled else "coupled")

    @property
    def default_lr(self):
        return self.rule.function.__defaults__[0]
