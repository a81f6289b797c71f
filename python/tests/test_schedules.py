"""Values of schedules against their definitions, evaluated with 200 bits by mpmath."""

import functools
import inspect
import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mpf

import swiftopt as so

from .schedule_definitions import (
    CASES,
    DEFINITIONS,
    SMALLEST,
    SPECIAL,
    STRATEGIES,
    TOLERANCE,
    expected,
    fit,
    largest_argument,
)

POINTS = [0, 10, 30, 100, 500, 999, 1000, 5_000, 10_000, 99_999, 100_000, 1_000_000, 10_000_000]
STEPS = sorted({max(0, p + d) for p in POINTS for d in range(-3, 4)} | set(range(12)))


def assert_close(name, arguments, steps):
    schedule = getattr(so, name)(**arguments)
    for n in steps:
        exact = expected(name, n, arguments)
        # The largest value of a growing exponential is the one at hand.
        largest = max(largest_argument(name, arguments), abs(exact))
        error = abs(mpf(schedule(n)) - exact)
        assert error <= TOLERANCE * largest + SMALLEST, (
            f"{schedule!r} at {n}: {schedule(n)!r}, not {exact}"
        )


def test_every_schedule_has_a_definition_and_a_case():
    names = {name for name in so.schedules.__all__ if name[0].islower()}
    assert names == set(DEFINITIONS) == {name for name, _ in CASES}


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values(name, arguments):
    assert_close(name, arguments, STEPS)


@pytest.mark.parametrize("name", DEFINITIONS)
@given(data=st.data())
def test_values_for_any_arguments(name, data):
    strategies = {**STRATEGIES, **SPECIAL.get(name, {})}
    parameters = [p for p in inspect.signature(getattr(so, name)).parameters if p in strategies]
    arguments = {p: data.draw(strategies[p], label=p) for p in parameters}
    assume(fit(name, arguments))
    step = st.integers(0, 2 * 10**7)
    if name != "step_decay":  # whose rounded quotient decides where between two steps it drops
        step |= st.floats(0, 2e7)
    steps = data.draw(st.lists(step, min_size=1, max_size=5), label="steps")
    assert_close(name, arguments, steps)


# ------------------------------------------------------------------ known values


def test_step_decay_as_in_the_residual_network_paper():
    # He et al. 2016, 3.4: 0.1, divided by 10.
    schedule = so.step_decay(0.1, step_size=30)
    assert [schedule(n) for n in (0, 29, 30, 59)] == [0.1, 0.1, 0.1 * 0.1, 0.1 * 0.1]
    assert schedule(60) == pytest.approx(1e-3, rel=2**-52)


def test_cosine_near_the_end_keeps_its_digits():
    # sin²(x) = x² - x⁴/3 + ..., where 1 + cos would have 3 digits left.
    x = math.pi / 2e7
    assert so.cosine(1.0, total=10**7)(10**7 - 1) == pytest.approx(x * x, rel=1e-13)


@pytest.mark.parametrize("total", [1, 3, 997, 10**4])
@pytest.mark.parametrize(
    ("initial", "final"), list(itertools.permutations([0.1, 0.3, -0.7, 0, 1e300], 2))
)
@pytest.mark.parametrize(
    "make",
    [
        so.linear,
        so.cosine,
        so.polynomial,
        so.rex,
        functools.partial(so.cosine, k_decay=1.7),
        functools.partial(so.polynomial, k_decay=0.5),
        functools.partial(so.polynomial, k_decay=3, power=0.9),
    ],
)
def test_ends_are_exact_and_nothing_lies_beyond(make, initial, final, total):
    schedule = make(initial, final, total=total)
    values = schedule(np.arange(total + 2))
    assert values[0] == initial
    assert values[total] == values[total + 1] == schedule(1e300) == final
    assert values.min() == min(initial, final)
    assert values.max() == max(initial, final)


# ------------------------------------------------------------------ arrays

A = so.warmup(0.3, warmup=20, start=0.1)
B = so.polynomial(0.7, 0.2, total=30, power=2)
C = so.piecewise_constant([1.0, 0.5], boundaries=[15])
EVERY = [getattr(so, name)(**arguments) for name, arguments in CASES]
EVERY += [A.then(B, at=33), (A + B) * C, B.repeat(7).clamp(high=0.5), C.warmup(9, start=0.2)]
EVERY += [A.then(B.repeat(5, times=3), at=500).then(C, at=999)]


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_arrays_have_the_bits_of_single_calls(schedule):
    steps = np.array(STEPS)
    values = schedule(steps)
    assert values.dtype == np.float64
    assert values.tolist() == [schedule(n) for n in STEPS]
    assert values.tolist() == [schedule(float(n)) for n in STEPS]
    assert values.tolist() == [schedule(np.int64(n)) for n in STEPS]


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_threads_order_and_blocks_change_no_bit(schedule):
    steps = np.arange(70_000)
    mixed = np.random.default_rng(0).permutation(steps)  # blocks on both sides of a hand-over
    so.set_num_threads(1)
    values = schedule(steps)
    for threads in (1, 2, 5):
        so.set_num_threads(threads)
        assert schedule(steps).tobytes() == values.tobytes()
        assert schedule(mixed).tobytes() == values[mixed].tobytes()
    assert schedule(steps[1:]).tobytes() == values[1:].tobytes()


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "u8", "f2", "f4", "f8", ">i4", ">f8"])
def test_any_real_dtype_and_shape(dtype):
    steps = np.arange(24, dtype=dtype)
    plain = [A(n) for n in range(24)]
    assert A(steps).tolist() == plain
    assert A(steps[::-2]).tolist() == plain[::-2]
    grid = np.asfortranarray(steps.reshape(2, 3, 4))
    assert A(grid).shape == (2, 3, 4)
    assert A(grid).ravel().tolist() == plain
    assert A(steps[:0]).shape == (0,)
    scalar = A(np.array(5, dtype=dtype))
    assert isinstance(scalar, np.ndarray)
    assert scalar.shape == ()
    assert scalar == plain[5]
    assert type(A(steps[5])) is float
    assert A([0, 1.5]).tolist() == [A(0), A(1.5)]


def test_steps_stay_as_they_are():
    steps = np.arange(5.0)
    values = A(steps)
    assert steps.tolist() == [0, 1, 2, 3, 4]
    assert not np.shares_memory(steps, values)


def test_values_beyond_float64_are_infinite():
    assert so.exponential(1.0, gamma=2)(1024) == math.inf
    assert mpmath.isinf(so.exponential(-1.0, gamma=1.5)(10**6))
