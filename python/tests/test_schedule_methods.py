"""Schedules made from schedules: joints, warm-ups, repetitions and limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

A = so.warmup(0.3, warmup=20, start=0.1)
B = so.polynomial(0.7, 0.2, total=30, power=2)
C = so.piecewise_constant([1.0, 0.5], boundaries=[15])


@given(n=st.integers(0, 100), at=st.integers(0, 50))
def test_then_counts_from_the_hand_over(n, at):
    assert A.then(B, at=at)(n) == (A(n) if n < at else B(n - at))
    assert A.then(B, at=at).then(C, at=30)(n) == (A.then(B, at=at)(n) if n < 30 else C(n - 30))
    nested = A.then(B.then(C, at=10), at=at)
    assert nested(n) == (A(n) if n < at else B(n - at) if n - at < 10 else C(n - at - 10))


@given(n=st.integers(0, 100))
def test_sums_and_products(n):
    assert (A + B)(n) == A(n) + B(n)
    assert (A * B)(n) == A(n) * B(n)
    assert (A * 2)(n) == (2 * A)(n) == 2 * A(n)
    assert (A + 0.25)(n) == (0.25 + A)(n) == A(n) + 0.25
    assert (np.float64(2) * A)(n) == (A * np.int32(2))(n) == 2 * A(n)
    assert ((A + B) * C.then(A, at=40))(n) == (A(n) + B(n)) * C.then(A, at=40)(n)


def test_warmup_cosine_is_warmup_then_cosine():
    schedule = so.warmup_cosine(0.1, warmup=7, total=50, start=0.01, final=0.02)
    joined = so.warmup(0.1, warmup=7, start=0.01).then(so.cosine(0.1, 0.02, total=43), at=7)
    assert schedule == joined


# ------------------------------------------------------------------ warm-up of anything

FALLS = [
    so.cosine(0.3, 0.01, total=100), so.step_decay(0.7, step_size=30), so.constant(0.1),
    so.exponential(0.3, gamma=0.999), so.rex(0.3, total=50), so.cosine_restarts(0.3, period=9),
    so.cosine(0.3, total=100) * 0.7 + 0.1, so.one_cycle(0.3, total=100), so.tanh(0.3, total=100),
]  # fmt: skip


@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
@pytest.mark.parametrize("schedule", FALLS, ids=repr)
@pytest.mark.parametrize("steps", [0, 1, 2, 7, 100])
def test_a_warmup_ends_exactly_at_the_first_value(schedule, shape, steps):
    first, start = schedule(0), 1e-4
    warmed = schedule.warmup(steps, start=start, shape=shape)
    n = np.arange(steps + 50)
    values = warmed(n)
    assert values[steps:].tolist() == schedule(n[: n.size - steps]).tolist()
    assert (np.diff(values[: steps + 1]) > 0).all()
    if steps:
        assert values[0] == start
        assert values[:steps].max() < first
    x = np.arange(steps) / max(steps, 1)
    weight = (1 - np.cos(np.pi * x)) / 2 if shape == "cosine" else x
    if shape == "exponential":
        exact = start * (first / start) ** x
    else:
        exact = start + (first - start) * weight
    # Of the reference in doubles: cosines and powers of a few roundings.
    np.testing.assert_allclose(values[:steps], exact, rtol=0, atol=16 * 2**-52 * first)


def test_a_warmup_may_go_down_and_start_at_zero():
    beta = so.constant(0.9).warmup(10, start=0.99)
    assert beta([0, 10, 20]).tolist() == [0.99, 0.9, 0.9]
    assert beta(5) == pytest.approx(0.945, rel=2**-51)
    assert so.constant(1.0).warmup(4)([0, 1, 2, 4]).tolist() == [0, 0.25, 0.5, 1]


def test_a_fraction_is_rounded_to_whole_steps():
    schedule = so.cosine(0.1, total=970)
    assert schedule.warmup(fraction=0.03, total=1000) == schedule.warmup(30)
    assert schedule.warmup(fraction=1 / 3, total=100) == schedule.warmup(33)
    assert schedule.warmup(fraction=0, total=100)(0) == 0.1


def test_warmup_cosine_is_a_warmed_up_cosine():
    for shape in ("linear", "cosine"):
        a = so.warmup_cosine(0.1, warmup=50, total=1000)
        b = so.cosine(0.1, total=950).warmup(50, shape=shape)
        n = np.arange(0 if shape == "linear" else 50, 1100)
        assert a(n).tolist() == b(n).tolist()


# ------------------------------------------------------------------ repetitions and limits


@given(n=st.integers(0, 1000), every=st.integers(1, 40), times=st.none() | st.integers(1, 5))
def test_repeat_counts_anew(n, every, times):
    schedule = B.repeat(every, times=times)
    if times is None or n < times * every:
        assert schedule(n) == B(n % every)
    else:
        assert schedule(n) == B(n - (times - 1) * every)


def test_repeat_has_borders_of_rounded_products():
    schedule = so.linear(1.0, total=100 / 3).repeat(100 / 3)
    assert [schedule(n) for n in (0, 100, 200, 300)] == [1.0] * 4
    assert schedule(99) == pytest.approx(0.03, rel=1e-12)


@given(n=st.integers(0, 100))
def test_clamp_keeps_values_in_range(n):
    value = B(n)
    assert B.clamp(low=0.3)(n) == max(value, 0.3)
    assert B.clamp(high=0.5)(n) == min(value, 0.5)
    assert B.clamp(0.3, 0.5)(n) == min(max(value, 0.3), 0.5)


def test_clamp_keeps_what_is_not_a_number():
    growing = so.exponential(1.0, gamma=2)
    undefined = growing + -1.0 * growing  # inf - inf from 1024 on
    assert math.isnan(undefined.clamp(0, 1)(2000))
    assert growing.clamp(high=5)(2000) == 5
    assert growing.clamp(low=5)(2000) == math.inf


def test_deep_programs_are_evaluated_in_small_blocks():
    deepest = so.cosine(1.0, total=1000)
    for k in range(41):
        deepest = (deepest * 1.0).then(1.0, at=900 + k) if k % 2 else 0.0 + deepest
    n = np.random.default_rng(1).permutation(5000)
    assert deepest(n).tolist() == [deepest(k) for k in n.tolist()]
