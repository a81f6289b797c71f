"""Schedules that are timed: swiftopt's, a NumPy expression, and who else has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .rules import Array

TOTAL = 1_000_000
PEAK = 0.3


@dataclass(frozen=True)
class Row:
    """One schedule. Makers take the module: swiftopt, torch's lr_scheduler, or optax."""

    swiftopt: Callable[[Any], Any]
    numpy: Callable[[Array], Array]
    torch: Callable[[Any, Any], Any] | None = None
    optax: Callable[[Any], Any] | None = None


def _down(weight: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda n: PEAK * weight(np.minimum(n / TOTAL, 1))


def _restarts(n: Array) -> Array:
    i = np.floor(np.log2(n / 1000 + 1))
    length = 1000 * 2.0**i
    return PEAK * 0.5 * (1 + np.cos(np.pi * (n - (length - 1000)) / length))


def _triangle(n: Array) -> Array:
    x = n / 2000 - np.floor(n / 2000)
    return np.where(x < 0.5, 2 * x, 2 - 2 * x)


def _warm(n: Array, warmup: int, then: Array) -> Array:
    return np.where(n < warmup, PEAK * n / warmup, then)


def _wave(x: Array) -> Array:
    return 0.5 * (1 + np.cos(np.pi * np.clip(x, 0, 1)))


def _one_cycle(n: Array) -> Array:
    up = PEAK / 25 + (PEAK - PEAK / 25) * (1 - _wave(n / 300_000))
    last = PEAK / 25e4
    return np.where(n < 300_000, up, last + (PEAK - last) * _wave((n - 300_000) / 700_000))


_CYCLE = {"base_lr": 0.01, "max_lr": PEAK, "step_size_up": 1000, "cycle_momentum": False}

ROWS: dict[str, Row] = {
    "constant": Row(
        lambda so: so.constant(PEAK),
        lambda n: np.full(n.shape, PEAK),
        lambda torch, o: torch.ConstantLR(o, factor=1.0),
        lambda optax: optax.constant_schedule(PEAK),
    ),
    "step_decay": Row(
        lambda so: so.step_decay(PEAK, step_size=1000, gamma=0.99),
        lambda n: PEAK * 0.99 ** np.floor(n / 1000),
        lambda torch, o: torch.StepLR(o, 1000, 0.99),
        lambda optax: optax.exponential_decay(PEAK, 1000, 0.99, staircase=True),
    ),
    "multi_step": Row(
        lambda so: so.multi_step(PEAK, milestones=[300_000, 600_000, 900_000]),
        lambda n: PEAK * 0.1 ** np.searchsorted([300_000, 600_000, 900_000], n, "right"),
        lambda torch, o: torch.MultiStepLR(o, [300_000, 600_000, 900_000]),
        lambda optax: optax.piecewise_constant_schedule(
            PEAK, {300_000: 0.1, 600_000: 0.1, 900_000: 0.1}
        ),
    ),
    "exponential": Row(
        lambda so: so.exponential(PEAK, gamma=0.999995),
        lambda n: PEAK * 0.999995**n,
        lambda torch, o: torch.ExponentialLR(o, 0.999995),
        lambda optax: optax.exponential_decay(PEAK, 1, 0.999995),
    ),
    "linear": Row(
        lambda so: so.linear(PEAK, total=TOTAL),
        _down(lambda x: 1 - x),
        lambda torch, o: torch.PolynomialLR(o, TOTAL, 1),
        lambda optax: optax.linear_schedule(PEAK, 0.0, TOTAL),
    ),
    "polynomial": Row(
        lambda so: so.polynomial(PEAK, total=TOTAL, power=0.9),
        _down(lambda x: (1 - x) ** 0.9),
        lambda torch, o: torch.PolynomialLR(o, TOTAL, 0.9),
        lambda optax: optax.polynomial_schedule(PEAK, 0.0, 0.9, TOTAL),
    ),
    "polynomial_k": Row(
        lambda so: so.polynomial(PEAK, total=TOTAL, power=0.9, k_decay=1.5),
        _down(lambda x: (1 - x**1.5) ** 0.9),
    ),
    "cosine": Row(
        lambda so: so.cosine(PEAK, total=TOTAL),
        _down(_wave),
        lambda torch, o: torch.CosineAnnealingLR(o, TOTAL),
        lambda optax: optax.cosine_decay_schedule(PEAK, TOTAL),
    ),
    "cosine_k": Row(
        lambda so: so.cosine(PEAK, total=TOTAL, k_decay=1.5), _down(lambda x: _wave(x**1.5))
    ),
    "geometric": Row(
        lambda so: so.geometric(PEAK, PEAK / 1e6, total=TOTAL), _down(lambda x: 1e-6**x)
    ),
    "tanh": Row(
        lambda so: so.tanh(PEAK, total=TOTAL), _down(lambda x: 0.5 * (1 - np.tanh(9 * x - 6)))
    ),
    "rex": Row(
        lambda so: so.rex(PEAK, total=TOTAL), _down(lambda x: (1 - x) / (0.5 + 0.5 * (1 - x)))
    ),
    "cosine_restarts": Row(
        lambda so: so.cosine_restarts(PEAK, period=1000, period_factor=2),
        _restarts,
        lambda torch, o: torch.CosineAnnealingWarmRestarts(o, 1000, 2),
    ),
    "cyclic": Row(
        lambda so: so.cyclic(0.01, PEAK, rise=1000),
        lambda n: 0.01 + (PEAK - 0.01) * _triangle(n),
        lambda torch, o: torch.CyclicLR(o, **_CYCLE),
    ),
    "cyclic_decaying": Row(
        lambda so: so.cyclic(0.01, PEAK, rise=1000, decay=0.99, gamma=0.99999),
        lambda n: 0.01 + (PEAK - 0.01) * _triangle(n) * 0.99 ** np.floor(n / 2000) * 0.99999**n,
    ),
    "warmup": Row(
        lambda so: so.warmup(PEAK, warmup=1000, start=0.1 * PEAK),
        lambda n: PEAK * (0.1 + 0.9 * np.minimum(n / 1000, 1)),
        lambda torch, o: torch.LinearLR(o, 0.1, 1.0, 1000),
        lambda optax: optax.linear_schedule(0.1 * PEAK, PEAK, 1000),
    ),
    "warmup_cosine": Row(
        lambda so: so.warmup_cosine(PEAK, warmup=1000, total=TOTAL),
        lambda n: _warm(n, 1000, PEAK * _wave((n - 1000) / (TOTAL - 1000))),
        None,
        lambda optax: optax.warmup_cosine_decay_schedule(0.0, PEAK, 1000, TOTAL),
    ),
    "warmup_linear": Row(
        lambda so: so.warmup_linear(PEAK, warmup=1000, total=TOTAL),
        lambda n: _warm(n, 1000, PEAK * (1 - np.minimum((n - 1000) / (TOTAL - 1000), 1))),
    ),
    "inverse_sqrt": Row(
        lambda so: so.inverse_sqrt(PEAK, warmup=1000),
        lambda n: _warm(n, 1000, PEAK * np.sqrt(1000 / np.maximum(n, 1000))),
    ),
    "one_cycle": Row(
        lambda so: so.one_cycle(PEAK, total=TOTAL),
        _one_cycle,
        # Its peak and its end are counted from 1.
        lambda torch, o: torch.OneCycleLR(
            o, PEAK, TOTAL + 1, pct_start=300_001 / (TOTAL + 1), cycle_momentum=False
        ),
        lambda optax: optax.cosine_onecycle_schedule(TOTAL, PEAK),
    ),
    "warmup_stable_decay": Row(
        lambda so: so.warmup_stable_decay(
            PEAK, total=TOTAL, warmup=1000, decay=200_000, shape="1-sqrt"
        ),
        lambda n: _warm(n, 1000, PEAK * (1 - np.sqrt(np.clip((n - 800_000) / 200_000, 0, 1)))),
    ),
    "slanted_triangular": Row(
        lambda so: so.slanted_triangular(PEAK, total=TOTAL),
        lambda n: PEAK / 32 * (1 + 31 * np.minimum(n / 1e5, 1 - (n - 1e5) / 9e5)),
    ),
    "ema_warmup": Row(
        lambda so: so.ema_warmup(0.9999),
        lambda n: np.minimum(0.9999, 1 - (1 + n) ** (-2 / 3)),
    ),
    "swa": Row(lambda so: so.swa(0), lambda n: n / (n + 1)),
}
