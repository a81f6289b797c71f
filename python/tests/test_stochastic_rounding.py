"""Rounding by chance: right on average, and with which numbers.

The z-tests. Of n independent roundings of a number that lies the fraction f of the way from
its lower to its upper neighbour, the mean is off by a deviation of √(f·(1 − f) / n) of their
distance. The limit is 5 of them, beyond which one in 1.7 million correct programs would be;
the numbers are the same in every run. With n = 65 536 and f = 1/2 a deviation is 1/512: a bias
of 1/64 of the distance, which a random number of 6 bits would have, is 8 deviations and found
with a probability of 99.87 % (8 − 5 = 3 deviations, one side).

A tensor has 128 elements here, since those that follow share random words with them.
"""

import math

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import decoded, write

from .arrays import make
from .mixed import as_kind

ELEMENTS = 128
TENSORS = 512
LIMIT = 5.0
# Distance of a number in 1 ... 2 from the next.
SPACING = {"float16": 2.0**-10, "bfloat16": 2.0**-7}

both_kinds = pytest.mark.parametrize("kind", SPACING)


def names(count=TENSORS):
    return [f"layer{index}.weight" for index in range(count)]


def deviations(values, low, high, expected):
    """How many deviations the mean of independent roundings is off; they must be neighbours."""
    assert set(np.unique(values)) == {low, high}
    f = (expected - low) / (high - low)
    off = (np.mean(values, dtype=np.float64) - expected) / (high - low)
    return off / math.sqrt(f * (1 - f) / values.size)


@both_kinds
@pytest.mark.parametrize("fraction", [1 / 16, 1 / 4, 1 / 2, 0.8125, 1 - 2.0**-8])
@pytest.mark.parametrize("magnitude", [1.0, -1.0, 0.0078125, -256.0])
def test_parameters_are_right_on_average(kind, fraction, magnitude):
    step = magnitude * SPACING[kind] * fraction
    params = {name: as_kind(np.full(ELEMENTS, magnitude), kind) for name in names()}
    so.SGD(params, lr=1.0, low_precision="stochastic").step(
        {name: np.full(ELEMENTS, -step) for name in params}
    )
    values = np.concatenate([decoded(w) for w in params.values()]).astype(float)
    neighbours = sorted([magnitude, magnitude * (1 + SPACING[kind])])
    assert abs(deviations(values, *neighbours, magnitude + step)) <= LIMIT


def test_a_bias_of_a_64th_is_found():
    """The power: random numbers of 6 bits, rounded down."""
    f = 1 / 2 - 1 / 64
    values = np.random.default_rng(3).random(ELEMENTS * TENSORS) < f
    assert abs(deviations(values * 1.0, 0.0, 1.0, 1 / 2)) > LIMIT


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_states_are_right_on_average(kind):
    value = 1 + SPACING[kind] * 0.3125
    buffers = first_buffers({"state_dtype": kind}, np.full(ELEMENTS, value))
    assert abs(deviations(buffers, 1.0, 1 + SPACING[kind], value)) <= LIMIT


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5625), (0.03125, 0.03515625), (-1.25, -1.125)])
@pytest.mark.parametrize("fraction", [1 / 8, 1 / 2])
def test_8_bit_states_are_right_on_average(low, high, fraction):
    """Codes are 1/8 of their binade apart; the block's largest number, 2, makes the scale."""
    value = low + (high - low) * fraction
    gradient = np.full(ELEMENTS, value)
    gradient[0] = 2.0
    buffers = first_buffers({"state_dtype": "block8"}, gradient)
    assert (buffers[:, 0] == 2.0).all()
    assert abs(deviations(buffers[:, 1:], low, high, value)) <= LIMIT


def first_buffers(options, gradient):
    """The buffers of SGD's momentum after one step: the gradient, rounded; a row per tensor."""
    params = {name: np.zeros(ELEMENTS, np.float32) for name in names()}
    optimizer = so.SGD(params, lr=0.0, momentum=0.5, **options)
    optimizer.step(dict.fromkeys(params, gradient))
    return np.stack([numbers(slots, "momentum_buffer") for slots in optimizer.state.values()])


def numbers(slots, slot, *, is_signed=True):
    """What a slot stands for; of 8-bit codes, as swiftopt.h has it."""
    if slots[slot].dtype != np.uint8:
        return decoded(slots[slot]).astype(float)
    codes = slots[slot].astype(np.int64)
    greatest, shift = (127, 20) if is_signed else (255, 19)
    ranks = codes & greatest
    bits = 0x3F800000 - ((greatest - ranks) << shift)
    magnitudes = np.where(ranks > 0, bits.astype(np.int32).view(np.float32), 0.0)
    signed = np.where(codes > greatest, -magnitudes, magnitudes)
    return signed * np.repeat(slots[f"{slot}_scale"], 256)[: codes.size]


@pytest.mark.parametrize("state_dtype", ["bfloat16", "block8"])
def test_a_second_moment_is_right_on_average_after_many_steps(state_dtype):
    """v = 0.99 v + 0.01 g², 60 times; to the nearest, bfloat16 and 8 bits would stall.

    The deviation is that of the sample: a sum of many roundings is nearly normal. 2·10⁴ of
    them tell a mean that is 5/√(2·10⁴) = 3.5 % of a deviation off.
    """
    params = {name: np.zeros(ELEMENTS, np.float32) for name in names(160)}
    optimizer = so.RMSprop(params, lr=0.0, alpha=0.99, state_dtype=state_dtype)
    expected = 0.0
    for step in range(60):
        g = 1.0 + 0.1 * math.sin(step)
        gradient = np.full(ELEMENTS, g)
        gradient[0] = 3.0  # it makes the scale of an 8-bit block
        optimizer.step(dict.fromkeys(params, gradient))
        expected = 0.99 * expected + 0.01 * g * g
    values = np.stack(
        [numbers(slots, "square_avg", is_signed=False) for slots in optimizer.state.values()]
    )[:, 1:].astype(float)
    off = np.mean(values) - expected
    assert abs(off) <= LIMIT * np.std(values) / math.sqrt(values.size)
    assert np.std(values) > 0


def pattern(w):
    """Which of two neighbours each element became."""
    values = decoded(w)
    assert np.unique(values).size == 2
    return values == values.max()


def half_way(name="w", *, before=(), after=(), seed=0, steps=1):
    """Which elements go up that lie half way between neighbours, after so many steps."""
    params = {key: make("bfloat16", np.ones(4096)) for key in (*before, name, *after)}
    optimizer = so.SGD(params, lr=1.0, low_precision="stochastic", seed=seed)
    for _ in range(steps):
        for w in params.values():
            write(w, 1.0)
        optimizer.step({key: np.full(4096, -(2.0**-8)) for key in params})
    return pattern(params[name])


def assert_independent(one, other):
    """Half of the elements agree; the four that share a word may all do so together.

    Then the deviation of the share is √(4 / 4096) / 2 = 1/64 at most.
    """
    assert abs(np.mean(one == other) - 1 / 2) <= LIMIT / 64


class TestNumbersDependOn:
    def test_the_name(self):
        assert_independent(half_way("w"), half_way("v"))
        assert_independent(half_way("w1"), half_way("w2"))

    def test_the_seed(self):
        patterns = [half_way(seed=seed) for seed in (0, 1, 2**63)]
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert_independent(patterns[one], patterns[other])

    def test_the_step(self):
        assert_independent(half_way(steps=1), half_way(steps=2))
        assert_independent(half_way(steps=2), half_way(steps=3))

    def test_the_slot(self):
        """m = v = 1/2 + 2⁻⁹ and p = 1 - 2⁻⁹ are all half way between neighbours."""
        w = make("bfloat16", np.ones(4096))
        beta = 1 / 2 - 2.0**-9
        optimizer = so.Adam(
            [w], lr=2.0**-9, betas=(beta, beta), eps=0.0,
            state_dtype="bfloat16", low_precision="stochastic",
        )  # fmt: skip
        optimizer.step([np.ones(4096)])
        patterns = [pattern(optimizer.state["0"][slot]) for slot in ("exp_avg", "exp_avg_sq")]
        patterns.append(pattern(w))
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert_independent(patterns[one], patterns[other])

    def test_nothing_else(self):
        """Neither the position nor the others: what is renamed keeps its numbers."""
        alone = half_way("w")
        assert (half_way("w", before=("a", "b")) == alone).all()
        assert (half_way("w", after=("z",)) == alone).all()
        assert (half_way("w") == alone).all()
