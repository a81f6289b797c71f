"""Values of schedules against their definitions, evaluated with 200 bits by mpmath."""

import inspect
import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp, mpf

import swiftopt as so

# What the library promises: 4 units of the last place of the largest value.
TOLERANCE = 4 * 2.0**-52
SMALLEST = 2.0**-1074

# ------------------------------------------------------------------ the definitions


def line(n, start, end, length):
    return start + (end - start) * n / length if n < length else end


def cosine(n, initial, final, total):
    return final + (initial - final) * (1 + mp.cos(mp.pi * n / total)) / 2 if n < total else final


def passed(n, steps):
    return sum(step <= n for step in steps)


def after_warmup(fall):
    """`fall` behind a warm-up, with the arguments of warmup_cosine and warmup_linear."""

    def definition(n, peak, warmup, total, start=0, final=0):
        if n < warmup:
            return line(n, start, peak, warmup)
        return fall(n - warmup, peak, final, total - warmup)

    return definition


DEFINITIONS = {
    "constant": lambda n, value: value,
    "step_decay": lambda n, initial, step_size, gamma=0.1: (
        initial * mpf(gamma) ** mp.floor(n / step_size)
    ),
    "piecewise_constant": lambda n, values, boundaries: values[passed(n, boundaries)],
    "multi_step": lambda n, initial, milestones, gamma=0.1: (
        initial * mpf(gamma) ** passed(n, milestones)
    ),
    "exponential": lambda n, initial, gamma: initial * gamma**n,
    "linear": lambda n, initial, total, final=0: line(n, initial, final, total),
    "polynomial": lambda n, initial, total, final=0, power=1: (
        final + (initial - final) * (1 - n / total) ** power if n < total else final
    ),
    "cosine": lambda n, initial, total, final=0: cosine(n, initial, final, total),
    "warmup": lambda n, peak, warmup, start=0: line(n, start, peak, warmup),
    "warmup_cosine": after_warmup(cosine),
    "warmup_linear": after_warmup(line),
}

CASES = [
    ("constant", {"value": 0.1}),
    ("step_decay", {"initial": 0.1, "step_size": 30}),
    ("step_decay", {"initial": 0.1, "step_size": 1, "gamma": 0.99}),
    ("step_decay", {"initial": 0.1, "step_size": 100_000, "gamma": 0.7}),
    ("piecewise_constant", {"values": [0.1], "boundaries": []}),
    ("piecewise_constant", {"values": [0.1, 0.3, 0.01], "boundaries": [10, 1000.5]}),
    ("multi_step", {"initial": 0.1, "milestones": [10, 100, 10_000]}),
    ("exponential", {"initial": 0.1, "gamma": 0.9}),
    ("exponential", {"initial": 0.1, "gamma": 0.999_999_9}),
    ("exponential", {"initial": 0.1, "gamma": 1 - 2.0**-53}),
    ("exponential", {"initial": 1e-7, "gamma": 1.000_001}),
    ("exponential", {"initial": 0.1, "gamma": 0}),
    ("linear", {"initial": 0.1, "total": 10_000}),
    ("linear", {"initial": -0.3, "final": 0.7, "total": 999.5}),
    ("polynomial", {"initial": 0.1, "total": 10_000_000, "power": 0.9}),
    ("polynomial", {"initial": 0.1, "final": 0.001, "total": 1000, "power": 2}),
    ("polynomial", {"initial": 0.1, "final": 0.3, "total": 1000, "power": 3.7}),
    ("cosine", {"initial": 0.1, "total": 10_000_000}),
    ("cosine", {"initial": 0.1, "final": 0.3, "total": 100}),
    ("cosine", {"initial": -1.0, "final": 1.0, "total": 1000.25}),
    ("warmup", {"peak": 0.1, "warmup": 1000}),
    ("warmup", {"peak": 0.1, "warmup": 0}),
    ("warmup", {"peak": 0.1, "warmup": 3, "start": 0.05}),
    ("warmup_cosine", {"peak": 1e-3, "warmup": 500, "total": 10_000}),
    ("warmup_cosine", {"peak": 0.3, "warmup": 0, "total": 100, "final": 0.1}),
    ("warmup_cosine", {"peak": 0.3, "warmup": 1000, "total": 10_000_000, "start": 0.1}),
    ("warmup_linear", {"peak": 1e-3, "warmup": 10_000, "total": 1_000_000, "final": 1e-5}),
]

POINTS = [0, 10, 30, 100, 500, 999, 1000, 5_000, 10_000, 99_999, 100_000, 1_000_000, 10_000_000]
STEPS = sorted({max(0, p + d) for p in POINTS for d in range(-3, 4)} | set(range(12)))


def expected(name, n, arguments):
    exact = {
        key: [mpf(v) for v in value] if isinstance(value, list) else mpf(value)
        for key, value in arguments.items()
    }
    with mp.workprec(200):
        return DEFINITIONS[name](mpf(n), **exact)


def largest_argument(arguments):
    keys = {"value", "values", "initial", "final", "peak", "start"} & arguments.keys()
    return max(np.abs(arguments[key]).max() for key in keys)


def assert_close(name, arguments, steps):
    schedule = getattr(so, name)(**arguments)
    for n in steps:
        exact = expected(name, n, arguments)
        # The largest value of a growing exponential is the one at hand.
        largest = max(largest_argument(arguments), abs(exact))
        error = abs(mpf(schedule(n)) - exact)
        assert error <= TOLERANCE * largest + SMALLEST, (
            f"{schedule!r} at {n}: {schedule(n)!r}, not {exact}"
        )


def test_every_schedule_has_a_definition_and_a_case():
    names = {name for name in so.schedules.__all__ if name != "Schedule"}
    assert names == set(DEFINITIONS) == {name for name, _ in CASES}


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values(name, arguments):
    assert_close(name, arguments, STEPS)


VALUES = st.floats(-10, 10)
COUNTS = st.integers(1, 10**7)
STRATEGIES = {
    **dict.fromkeys(("value", "initial", "final", "peak", "start"), VALUES),
    **dict.fromkeys(("total", "step_size"), COUNTS),
    "warmup": st.integers(0, 10**7),
    "gamma": st.floats(0, 1) | st.floats(1e-9, 1e-3).map(lambda x: 1 - x),
    "power": st.floats(0.01, 20),
    "values": st.lists(VALUES, min_size=1, max_size=6),
    "milestones": st.lists(COUNTS, max_size=5, unique=True).map(sorted),
    "boundaries": st.lists(COUNTS, max_size=5, unique=True).map(sorted),
}


@pytest.mark.parametrize("name", DEFINITIONS)
@given(data=st.data())
def test_values_for_any_arguments(name, data):
    parameters = [p for p in inspect.signature(getattr(so, name)).parameters if p in STRATEGIES]
    arguments = {p: data.draw(STRATEGIES[p], label=p) for p in parameters}
    if name == "piecewise_constant":
        count = min(len(arguments["values"]) - 1, len(arguments["boundaries"]))
        arguments["values"] = arguments["values"][: count + 1]
        arguments["boundaries"] = arguments["boundaries"][:count]
    if {"warmup", "total"} <= arguments.keys():
        assume(arguments["warmup"] < arguments["total"])
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
@pytest.mark.parametrize("make", [so.linear, so.cosine, so.polynomial])
def test_ends_are_exact_and_nothing_lies_beyond(make, initial, final, total):
    schedule = make(initial, final, total=total)
    values = schedule(np.arange(total + 2))
    assert values[0] == initial
    assert values[total] == values[total + 1] == schedule(1e300) == final
    assert values.min() == min(initial, final)
    assert values.max() == max(initial, final)


@pytest.mark.parametrize("make", [so.warmup_cosine, so.warmup_linear])
@pytest.mark.parametrize("warmup", [0, 1, 7, 500])
@pytest.mark.parametrize("final", [0.0, 1e-5])
def test_the_peak_is_reached_once_and_exactly(make, warmup, final):
    schedule = make(1e-3, warmup=warmup, total=10_000, final=final)
    values = schedule(np.arange(10_100))
    assert np.flatnonzero(values == 1e-3).tolist() == [warmup]
    assert values.max() == 1e-3
    assert (np.diff(values[: warmup + 1]) > 0).all()
    assert (np.diff(values[warmup:10_001]) < 0).all()
    assert (values[10_000:] == final).all()


def test_warmup_fraction_is_a_rounded_number_of_steps():
    given_steps = so.warmup_cosine(0.1, warmup=500, total=10_000)
    assert so.warmup_cosine(0.1, warmup_fraction=0.05, total=10_000) == given_steps
    assert so.warmup_linear(0.1, warmup_fraction=1 / 3, total=100)(33) == 0.1
    assert so.warmup_linear(0.1, warmup_fraction=0, total=100)(0) == 0.1


# ------------------------------------------------------------------ composition

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


# ------------------------------------------------------------------ arrays

EVERY = [getattr(so, name)(**arguments) for name, arguments in CASES]
EVERY += [A.then(B, at=33), (A + B) * C]


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_arrays_have_the_bits_of_single_calls(schedule):
    steps = np.array(STEPS)
    values = schedule(steps)
    assert values.dtype == np.float64
    assert values.tolist() == [schedule(n) for n in STEPS]
    assert values.tolist() == [schedule(float(n)) for n in STEPS]
    assert values.tolist() == [schedule(np.int64(n)) for n in STEPS]


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
