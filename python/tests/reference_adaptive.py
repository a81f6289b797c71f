"""Float64 references of the adaptive rules besides Adam; see reference.py for their form."""

import math

import numpy as np

from .reference_support import ratio


def nadam(state, g, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3):
    """Dozat 2016, algorithm 2, with the momentum schedule and the form of torch.optim.NAdam."""
    beta1, beta2 = betas
    t = state["step"]
    mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
    product = state["mu_product"] = state.get("mu_product", 1.0) * mu
    m, v = _moments(state, g, beta1, beta2)
    direction = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
    correction2 = 1 - _product(state, "beta2_product", beta2)
    return lr * ratio(direction, np.sqrt(v / correction2) + eps)


def radam(state, g, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """Liu et al. 2020, algorithm 2; the threshold and the place of eps are those of torch."""
    beta1, beta2 = betas
    m, v = _moments(state, g, beta1, beta2)
    m_hat = m / (1 - _product(state, "beta1_product", beta1))
    power2 = _product(state, "beta2_product", beta2)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * state["step"] * power2 / (1 - power2)
    if rho <= 5:
        return lr * m_hat
    r = math.sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
    return lr * r * math.sqrt(1 - power2) * ratio(m_hat, np.sqrt(v) + eps)


def adamax(state, g, lr=2e-3, betas=(0.9, 0.999), eps=1e-8):
    """Kingma & Ba 2015, algorithm 2; eps inside the maximum as in torch.optim.Adamax."""
    beta1, beta2 = betas
    m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
    u = state["exp_inf"] = np.maximum(beta2 * state.get("exp_inf", 0.0), np.abs(g) + eps)
    return lr / (1 - _product(state, "beta1_product", beta1)) * ratio(m, u)


def adadelta(state, g, lr=1.0, rho=0.9, eps=1e-6):
    """Zeiler 2012, algorithm 1; lr as in torch.optim.Adadelta."""
    v = state["square_avg"] = rho * state.get("square_avg", 0.0) + (1 - rho) * g**2
    old = state.get("acc_delta", 0.0)
    delta = np.sqrt(old + eps) / np.sqrt(v + eps) * g
    state["acc_delta"] = rho * old + (1 - rho) * delta**2
    return lr * delta


def rprop(state, g, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50.0)):
    """Riedmiller & Braun 1993 in the variant iRprop- of Igel & Huesken 2000, as in torch.optim."""
    agreement = np.sign(g) * np.sign(state.get("prev", 0.0))
    eta = np.select([agreement > 0, agreement < 0], [etas[1], etas[0]], 1.0)
    old = state.get("step_size", lr)
    size = state["step_size"] = np.clip(old * eta, step_sizes[0], step_sizes[1])
    followed = state["prev"] = np.where(agreement < 0, 0.0, g)
    return size * np.sign(followed)


def adabelief(state, g, lr=1e-3, betas=(0.9, 0.999), eps=1e-16):
    """Zhuang et al. 2020, algorithm 2."""
    beta1, beta2 = betas
    m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
    s = beta2 * state.get("exp_avg_var", 0.0) + (1 - beta2) * (g - m) ** 2 + eps
    state["exp_avg_var"] = s
    m_hat = m / (1 - _product(state, "beta1_product", beta1))
    s_hat = s / (1 - _product(state, "beta2_product", beta2))
    return lr * ratio(m_hat, np.sqrt(s_hat) + eps)


def _moments(state, g, beta1, beta2):
    """Adam's averages of the gradient and of its square."""
    m = state["exp_avg"] = beta1 * state.get("exp_avg", 0.0) + (1 - beta1) * g
    v = state["exp_avg_sq"] = beta2 * state.get("exp_avg_sq", 0.0) + (1 - beta2) * g**2
    return m, v


def _product(state, name, factor):
    """Multiply a running product: with a constant factor, its t-th power."""
    state[name] = state.get(name, 1.0) * factor
    return state[name]
