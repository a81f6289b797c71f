"""Float64 references, continued: rules with long averages, with norms of whole tensors and
with averages of the weights themselves. See reference.py for their form."""

import numpy as np

from .reference_support import norm, ratio


def average(state, name, beta, value):
    """Advance an exponential average that starts at 0."""
    state[name] = beta * state.get(name, 0.0) + (1 - beta) * value
    return state[name]


def correction(state, name, beta):
    """1 - beta^t, by the running product of the betas."""
    result = 1 - state.setdefault(f"{name}_product", 1.0) * beta
    state[f"{name}_product"] *= beta
    return result


def ademamix(state, g, lr=1e-3, betas=(0.9, 0.999, 0.9999), alpha=5.0, eps=1e-8):
    """Pagliardini et al. 2024, algorithm 1. The slow average has no bias correction."""
    beta1, beta2, beta3 = betas
    fast = average(state, "exp_avg", beta1, g) / correction(state, "beta1", beta1)
    slow = average(state, "exp_avg_slow", beta3, g)
    v = average(state, "exp_avg_sq", beta2, g**2) / correction(state, "beta2", beta2)
    return lr * ratio(fast + alpha * slow, np.sqrt(v) + eps)


def adan(
    state, g, p, weight_decay, lr=1e-3, betas=(0.98, 0.92, 0.99), eps=1e-8, no_prox=False
):  # fmt: skip
    """Xie et al. 2022, algorithm 1, with 1 - beta for the paper's beta.

    Starts at 0 and bias corrections as in the authors' code, where the paper starts from
    the first gradient; `no_prox` is theirs too.
    """
    beta1, beta2, beta3 = betas
    difference = g - state["previous_gradient"] if state["step"] > 1 else np.zeros_like(g)
    state["previous_gradient"] = g
    m = average(state, "exp_avg", beta1, g) / correction(state, "beta1", beta1)
    v = average(state, "exp_avg_diff", beta2, difference) / correction(state, "beta2", beta2)
    n = average(state, "exp_avg_sq", beta3, (g + beta2 * difference) ** 2)
    denominator = np.sqrt(n / correction(state, "beta3", beta3)) + eps
    step = lr * ratio(m + beta2 * v, denominator)
    magnitude = lr * ratio(np.abs(m) + beta2 * np.abs(v), denominator)
    shrinkage = lr * weight_decay
    new = (1 - shrinkage) * p - step if no_prox else (p - step) / (1 + shrinkage)
    return p - new, magnitude + shrinkage * np.abs(p)


def lamb(
    state, g, p, weight_decay, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, trust_clip=False,
    always_adapt=False,
):  # fmt: skip
    """You et al. 2020, algorithm 2, with phi the identity.

    The two flags are those of NVIDIA's and timm's implementations.
    """
    beta1, beta2 = betas
    m = average(state, "exp_avg", beta1, g) / correction(state, "beta1", beta1)
    v = average(state, "exp_avg_sq", beta2, g**2) / correction(state, "beta2", beta2)
    adam = ratio(m, np.sqrt(v) + eps)
    r = adam + weight_decay * p
    trust = 1.0
    if (weight_decay != 0 or always_adapt) and norm([p]) > 0 and norm([r]) > 0:
        trust = norm([p]) / norm([r])
        if trust_clip:
            trust = min(trust, 1.0)
    return lr * trust * r, lr * trust * (np.abs(adam) + weight_decay * np.abs(p))


def lars(state, g, lr=1.0, momentum=0.9, nesterov=False, **_):
    """You et al. 2017, algorithm 1, with the rate outside the buffer, as in torch's SGD."""
    if momentum == 0:
        return lr * g
    b = state["momentum_buffer"] = momentum * state.get("momentum_buffer", 0.0) + g
    return lr * (g + momentum * b) if nesterov else lr * b


def lars_scale(
    g, p, weight_decay, lr=1.0, trust_coefficient=1e-3, eps=1e-8, trust_clip=False,
    always_adapt=False, **_,
):  # fmt: skip
    """You et al. 2017, equation 6; the flags as in NVIDIA's LARC and timm."""
    of_gradient, of_parameter = norm([g]), norm([p])
    if (weight_decay == 0 and not always_adapt) or 0 in (of_gradient, of_parameter):
        return 1.0
    rate = trust_coefficient * of_parameter / (of_gradient + weight_decay * of_parameter + eps)
    return min(rate / lr, 1.0) if trust_clip else rate


def iterates(state, y, direction, magnitude, lr, beta):
    """Defazio et al. 2024, equations 1-3, with x solved from the first for y and z.

    Weights as in the authors' code: the square of the largest rate so far. In extended
    precision, since the way through x has more roundings than y itself.
    """
    z, before = state["z"], state.setdefault("interpolation", 1.0)
    y = np.asarray(y, np.longdouble)
    x = (y - (1 - before) * z) / before
    state["lr_max"] = max(state.get("lr_max", 0.0), lr)
    weight = state["lr_max"] * state["lr_max"]
    total = state["weight_sum"] = state.get("weight_sum", 0.0) + weight
    c = weight / total if total > 0 else 0.0
    z = state["z"] = z - lr * direction
    x = (1 - c) * x + c * z
    state["interpolation"] = beta
    step = y - ((1 - beta) * z + beta * x)
    # y becomes an average of points z, so the errors of their steps are its own.
    return step.astype(np.float64), lr * magnitude


def schedulefreesgd(state, g, p, weight_decay, lr=1.0, momentum=0.9):
    """Defazio et al. 2024, equations 1-3, with the weight decay at y."""
    magnitude = np.abs(g) + weight_decay * np.abs(p)
    return iterates(state, p, g + weight_decay * p, magnitude, lr, momentum)


def schedulefreeadamw(state, g, p, weight_decay, lr=2.5e-3, betas=(0.9, 0.999), eps=1e-8):
    """Defazio et al. 2024, algorithm 1, with Adam's own bias correction of v."""
    v = average(state, "exp_avg_sq", betas[1], g**2) / correction(state, "beta2", betas[1])
    adam = ratio(g, np.sqrt(v) + eps)
    magnitude = np.abs(adam) + weight_decay * np.abs(p)
    return iterates(state, p, adam + weight_decay * p, magnitude, lr, betas[0])
