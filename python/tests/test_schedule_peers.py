"""Agreement with torch, transformers, timm and optax on the schedules that they have.

Each case says how many roundings of the largest value the peer makes in a step, `per_step` for
schedulers that change the last value instead of computing the next one. Ours adds 4 · 2⁻⁵².
"""

import pytest

import swiftopt as so

from .peer_schedules import (
    COUNT,
    PEAK,
    assert_agree,
    learning_rates,
    of,
    peer,
    sequence,
    timm_rates,
    transformed,
)

CYCLE = {"base_lr": 0.01, "max_lr": PEAK, "step_size_up": 7, "step_size_down": 13}
ONE_CYCLE = {"max_lr": PEAK, "total_steps": 131}
#: torch counts the peak's step and the last one from 1.
RISE = 0.3 * 131 - 1


@pytest.mark.parametrize(
    ("schedule", "make", "roundings", "per_step"),
    [
        (so.step_decay(PEAK, step_size=30), of("StepLR", step_size=30), 0, 1),
        (
            so.multi_step(PEAK, milestones=[10, 40], gamma=0.3),
            of("MultiStepLR", milestones=[10, 40], gamma=0.3),
            4,
            0,
        ),
        (so.exponential(PEAK, gamma=0.97), of("ExponentialLR", gamma=0.97), 0, 1),
        (
            so.piecewise_constant([0.1, PEAK], boundaries=[20]),
            of("ConstantLR", factor=1 / 3, total_iters=20),
            4,
            0,
        ),
        # Each value is the last one times a quotient of two rounded sums.
        (
            so.warmup(PEAK, warmup=20, start=0.03),
            of("LinearLR", start_factor=0.1, total_iters=20),
            2,
            6,
        ),
        (so.polynomial(PEAK, total=60, power=2), of("PolynomialLR", total_iters=60, power=2), 2, 6),
        # Two cosines more, whose sums with 1 cancel by what the value falls.
        (so.cosine(PEAK, 0.01, total=129), of("CosineAnnealingLR", T_max=129, eta_min=0.01), 4, 10),
        (
            so.cosine_restarts(PEAK, 0.01, period=10, period_factor=2),
            of("CosineAnnealingWarmRestarts", T_0=10, T_mult=2, eta_min=0.01),
            8,
            0,
        ),
        # The place in the cycle loses the digits of the cycles before it.
        (
            so.cyclic(0.01, PEAK, rise=7, fall=13),
            of("CyclicLR", **CYCLE, cycle_momentum=False),
            60,
            0,
        ),
        (
            so.cyclic(0.01, PEAK, rise=7, fall=13, decay=0.5),
            of("CyclicLR", **CYCLE, cycle_momentum=False, mode="triangular2"),
            60,
            0,
        ),
        (
            so.cyclic(0.01, PEAK, rise=7, fall=13, gamma=0.99),
            of("CyclicLR", **CYCLE, cycle_momentum=False, mode="exp_range", gamma=0.99),
            60,
            0,
        ),
        (so.one_cycle(PEAK, total=130, warmup=RISE), of("OneCycleLR", **ONE_CYCLE), 8, 0),
        (
            so.one_cycle(PEAK, total=130, warmup=RISE, shape="linear", three_phase=True),
            of("OneCycleLR", **ONE_CYCLE, anneal_strategy="linear", three_phase=True),
            8,
            0,
        ),
        (
            so.cosine(PEAK, total=100).warmup(20, start=0.003),
            sequence,
            4,
            10,
        ),
    ],
)
def test_torch(schedule, make, roundings, per_step):
    count = 120 if make is sequence else COUNT  # CosineAnnealingLR rises again after its end
    assert_agree(schedule, learning_rates(make, count), roundings=roundings, per_step=per_step)


def test_torch_cycles_of_momentum():
    ours = so.one_cycle(0.85, total=130, warmup=RISE, start=0.95, final=0.95)
    assert_agree(ours, learning_rates(of("OneCycleLR", **ONE_CYCLE), momentum=0.9), roundings=8)
    ours = so.cyclic(0.9, 0.8, rise=7, fall=13)
    assert_agree(ours, learning_rates(of("CyclicLR", **CYCLE), momentum=0.9), roundings=60)


STEPS = {"num_warmup_steps": 20, "num_training_steps": 120}


@pytest.mark.parametrize(
    ("schedule", "make"),
    [
        (
            so.warmup(PEAK, warmup=20),
            transformed("get_constant_schedule_with_warmup", num_warmup_steps=20),
        ),
        (
            so.warmup_linear(PEAK, warmup=20, total=120),
            transformed("get_linear_schedule_with_warmup", **STEPS),
        ),
        (
            so.warmup_cosine(PEAK, warmup=20, total=120),
            transformed("get_cosine_schedule_with_warmup", **STEPS),
        ),
        (
            so.warmup_cosine(PEAK, warmup=20, total=120, final=0.1 * PEAK),
            transformed("get_cosine_with_min_lr_schedule_with_warmup", **STEPS, min_lr_rate=0.1),
        ),
        (
            so.cosine_restarts(PEAK, period=25).warmup(20).then(0, at=120),
            transformed(
                "get_cosine_with_hard_restarts_schedule_with_warmup", **STEPS, num_cycles=4
            ),
        ),
        (
            so.polynomial(PEAK, 0.01, total=100, power=2).warmup(20),
            transformed("get_polynomial_decay_schedule_with_warmup", **STEPS, lr_end=0.01, power=2),
        ),
        (
            so.inverse_sqrt(PEAK, warmup=20),
            transformed("get_inverse_sqrt_schedule", num_warmup_steps=20),
        ),
        (
            so.inverse_sqrt(PEAK, warmup=20, timescale=50),
            transformed("get_inverse_sqrt_schedule", num_warmup_steps=20, timescale=50),
        ),
        *(
            (
                so.warmup_stable_decay(
                    PEAK,
                    total=120,
                    warmup=20,
                    decay=40,
                    shape=shape,
                    start=0.1 * PEAK,
                    final=0.1 * PEAK,
                ),
                transformed(
                    "get_wsd_schedule",
                    **STEPS,
                    num_decay_steps=40,
                    decay_type=shape,
                    min_lr_ratio=0.1,
                ),
            )
            for shape in ("linear", "cosine", "1-sqrt")
        ),
    ],
)
def test_transformers(schedule, make):
    # A cosine's argument has three roundings, times π/2; the rest six. Until the end, after
    # which transformers' cosines rise again.
    assert_agree(schedule, learning_rates(make, count=121), roundings=12)


WARM = {"warmup_t": 20, "warmup_lr_init": 0.01, "warmup_prefix": True}
RESTARTS = {
    "t_initial": 10,
    "cycle_mul": 2.0,
    "cycle_decay": 0.5,
    "cycle_limit": 99,
    "lr_min": 0.01,
}


@pytest.mark.parametrize(
    ("schedule", "name", "arguments"),
    [
        (
            so.cosine(PEAK, 0.01, total=100).warmup(20, start=0.01),
            "CosineLRScheduler",
            {"t_initial": 100, "lr_min": 0.01, **WARM},
        ),
        (
            so.cosine(PEAK, total=100, k_decay=1.5),
            "CosineLRScheduler",
            {"t_initial": 100, "k_decay": 1.5},
        ),
        (
            so.cosine_restarts(PEAK, 0.01, period=10, period_factor=2, decay=0.5),
            "CosineLRScheduler",
            RESTARTS,
        ),
        (
            so.cosine_restarts(PEAK, period=30, decay=0.7),
            "CosineLRScheduler",
            {"t_initial": 30, "cycle_decay": 0.7, "cycle_limit": 99},
        ),
        (
            so.polynomial(PEAK, 0.01, total=100, power=0.5),
            "PolyLRScheduler",
            {"t_initial": 100, "lr_min": 0.01, "power": 0.5},
        ),
        (
            so.polynomial(PEAK, total=100, power=2, k_decay=0.7),
            "PolyLRScheduler",
            {"t_initial": 100, "power": 2, "k_decay": 0.7},
        ),
        (
            # timm warms up to the peak, which a tangent is beside at first.
            so.warmup(PEAK, warmup=20, start=0.01).then(
                so.tanh(PEAK, 0.01, total=100, lower=-7, upper=3), at=20
            ),
            "TanhLRScheduler",
            {"t_initial": 100, "lr_min": 0.01, **WARM},
        ),
        (
            so.step_decay(PEAK, step_size=30, gamma=0.5),
            "StepLRScheduler",
            {"decay_t": 30, "decay_rate": 0.5},
        ),
        (
            so.warmup_stable_decay(
                PEAK, total=120, warmup=20, decay=30, start=0.01, shape="1-sqrt"
            ),
            "WSDLRScheduler",
            {"t_initial": 100, "decay_t": 30, "warmup_t": 20, "warmup_lr_init": 0.01},
        ),
        # timm counts the first epoch as 1 here.
        (
            so.multi_step(PEAK, milestones=[29, 59], gamma=0.5),
            "MultiStepLRScheduler",
            {"decay_t": [30, 60], "decay_rate": 0.5},
        ),
    ],
)
def test_timm(schedule, name, arguments):
    # Powers t^k and T^k of two roundings each, a quotient, a cosine of π times it; a line of
    # a product and a sum; a hyperbolic tangent whose argument is up to 7.
    assert_agree(schedule, timm_rates(name, **arguments), roundings=20)


@pytest.mark.parametrize(
    ("schedule", "name", "arguments"),
    [
        (so.constant(PEAK), "constant_schedule", (PEAK,)),
        (so.linear(PEAK, 0.01, total=100), "linear_schedule", (PEAK, 0.01, 100)),
        (
            so.polynomial(PEAK, 0.01, total=100, power=3),
            "polynomial_schedule",
            (PEAK, 0.01, 3, 100),
        ),
        (so.cosine(PEAK, 0.1 * PEAK, total=100), "cosine_decay_schedule", (PEAK, 100, 0.1)),
        (so.exponential(PEAK, gamma=0.5**0.1), "exponential_decay", (PEAK, 10, 0.5)),
        (
            so.step_decay(PEAK, step_size=10, gamma=0.5),
            "exponential_decay",
            (PEAK, 10, 0.5, 0, True),
        ),
        (
            so.multi_step(PEAK, milestones=[10, 50], gamma=[0.5, 0.2]),
            "piecewise_constant_schedule",
            (PEAK, {10: 0.5, 50: 0.2}),
        ),
        (
            so.warmup_cosine(PEAK, warmup=20, total=120, start=0.01, final=0.02),
            "warmup_cosine_decay_schedule",
            (0.01, PEAK, 20, 120, 0.02),
        ),
        (
            so.warmup(PEAK, warmup=20, start=0.01),
            "warmup_constant_schedule",
            (0.01, PEAK, 20),
        ),
        (
            so.exponential(PEAK, gamma=0.5**0.1).warmup(20, start=0.01),
            "warmup_exponential_decay_schedule",
            (0.01, PEAK, 20, 10, 0.5),
        ),
        (so.one_cycle(PEAK, total=120), "cosine_onecycle_schedule", (120, PEAK)),
        (
            so.linear(PEAK, PEAK / 25, total=66)
            .warmup(36, start=PEAK / 25)
            .then(so.linear(PEAK / 25, PEAK / 25e4, total=18), at=102),
            "linear_onecycle_schedule",
            (120, PEAK),
        ),
        (
            so.cosine(PEAK, total=30).warmup(10).repeat(40, times=3),
            "sgdr_schedule",
            ([{"init_value": 0.0, "peak_value": PEAK, "warmup_steps": 10, "decay_steps": 40}] * 3,),
        ),
    ],
)
def test_optax(schedule, name, arguments):
    optax = peer("optax")
    theirs = [float(getattr(optax, name)(*arguments)(n)) for n in range(COUNT)]
    # float32: ten roundings, the constants' included.
    assert_agree(schedule, theirs, roundings=12, unit=2.0**-24)
