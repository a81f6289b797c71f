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


def ratio(numerator, denominator):
    """The quotient; 0 where the denominator is 0, which is how eps=0 is defined."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator != 0)


@dataclass(frozen=True)
class Rule:
    """A rule, and what the step around it must know."""

    function: Callable
    weight_decay: float = 0.0
    is_decoupled: bool = False


REFERENCES = {
    "sgd": Rule(sgd),
    "adam": Rule(adam),
    "adamw": Rule(adam, weight_decay=1e-2, is_decoupled=True),
    "rmsprop": Rule(rmsprop),
    "adagrad": Rule(adagrad),
    "lion": Rule(lion, is_decoupled=True),
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
        self.state = {key: {"step": 0} for key in params}
        self.prepared = {}
        """The gradients as the rules saw them in the last step."""

    def step(self, grads):
        """Advance every tensor that has a gradient; returns (grad_norm, clip_coefficient)."""
        options = dict(self.options)
        clip_tensor_norm = options.pop("clip_tensor_norm", None)
        clip_norm = options.pop("clip_norm", None)
        clip_value = options.pop("clip_value", None)
        sign = -1.0 if options.pop("maximize", False) else 1.0
        decay = options.pop("weight_decay")

        grads = {key: np.array(g, np.float64) for key, g in grads.items() if g is not None}
        grad_norm = norm(grads.values())
        if clip_tensor_norm is not None:
            grads = {key: limited([g], clip_tensor_norm) * g for key, g in grads.items()}
        coefficient = limited(grads.values(), clip_norm) if clip_norm is not None else 1.0
        for key, g in grads.items():
            p, state = self.params[key], self.state[key]
            g = coefficient * g
            if clip_value is not None:
                g = np.clip(g, -clip_value, clip_value)
            g = sign * g
            if not self.rule.is_decoupled:
                g = g + decay * p
            self.prepared[key] = g
            state["step"] += 1
            step = self.rule.function(state, g, **options)
            if self.rule.is_decoupled:
                # Loshchilov & Hutter 2019, algorithm 2, line 12: both from the old p.
                step = step + options.get("lr", self.default_lr) * decay * p
            self.params[key] = p - step
        return grad_norm, coefficient

    @property
    def default_lr(self):
        return self.rule.function.__defaults__[0]


def norm(arrays):
    """The Euclidean norm over all elements of all arrays."""
    return math.sqrt(sum(float(np.sum(array**2)) for array in arrays))


def limited(arrays, limit):
    """The factor that brings the norm down to `limit`, 1 if it is not above."""
    total = norm(arrays)
    return limit / total if total > limit else 1.0
