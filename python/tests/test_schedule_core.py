"""Native schedule programs, for which Python's constructors only ever give good ones."""

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import swiftopt as so
from swiftopt import _core

WARMUP = so.warmup(0.1, warmup=10)._program
OPERATORS = st.sampled_from([*map(float, range(1, 17)), *map(float, range(100, 106))])


def packed(*numbers):
    return struct.pack(f"={len(numbers)}d", *numbers)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"", r"program\[0\]: the program ends before its schedule is complete"),
        (packed(99, 1), r"program\[0\] is 99; it must be the code of an operator"),
        (packed(6, 1, 0, -5), r"program\[3\] is -5; it must be a total greater than 0"),
        (packed(1, np.nan), r"program\[1\] is nan; it must be finite"),
        (WARMUP[:-8], r"program\[3\]: the program ends before its schedule is complete"),
        (WARMUP + packed(0), r"program\[4\]: the schedule is complete before this number"),
    ],
)
def test_bad_programs_are_refused_everywhere(program, message):
    with pytest.raises(ValueError, match=message):
        _core.schedule_validate(program)
    with pytest.raises(ValueError, match=message):
        _core.schedule_value(program, 0)
    with pytest.raises(ValueError, match=message):
        _core.schedule_values(program, np.zeros(1), np.zeros(1))


@given(st.lists(OPERATORS | st.floats() | st.integers(-3, 20).map(float), max_size=20))
def test_any_numbers_are_a_schedule_or_a_value_error(numbers):
    program = packed(*numbers)
    try:
        _core.schedule_validate(program)
    except ValueError:
        return
    assert isinstance(_core.schedule_value(program, 3), float)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_bad_step_leaves_the_values_untouched(bad):
    steps = np.array([0.0, 1.0, bad, 2.0])
    values = np.full(4, 7.0)
    with pytest.raises(ValueError, match=r"steps\[2\] is .*; it must be finite and >= 0"):
        _core.schedule_values(WARMUP, steps, values)
    assert values.tolist() == [7.0] * 4


def bits(values):
    """Compare as bytes, with all NaNs alike."""
    return np.where(np.isnan(values), np.nan, values).tobytes()


FACTORS = st.floats(1, 1e308) | st.floats(1, 3)
NUMBERS = st.floats(0, allow_infinity=False)


# Borders beyond the range of doubles: the remembered cycle must not outlive its steps.
@example([7.0, 6.7e299, 1146.0, 3e50, 1.5], [1e257, 4.8e264])
@example([0.97, 3.5e-33, 0.1, 1.2e126, 1e-292], [1e130, 3.5e189])
@example([0.3, 1.0, 0.5, 1e30, 1e-16], [1e270, 1.6e279])
@given(st.tuples(NUMBERS, NUMBERS, st.floats(1e-320, 1e308), FACTORS, NUMBERS), st.lists(NUMBERS))
def test_a_restarted_cosine_has_the_same_bits_for_one_step_as_for_many(operands, steps):
    program = packed(10, *operands)
    values = np.empty(len(steps))
    _core.schedule_values(program, np.array(steps), values)
    alone = np.array([_core.schedule_value(program, step) for step in steps])
    assert bits(values) == bits(alone)


@pytest.mark.parametrize(
    ("program", "step", "expected"),
    [
        # (1e-17 / 1e307)^1/2 and ^0.6: the share itself is no double.
        (packed(12, 1, 1e-17, 0.5), 1e307, 1e-162),
        (packed(12, 1, 1e-17, 0.6), 1e307, 10**-194.4),
        # 1 - 0.9^k is k * 0.105..., below the least double.
        (packed(8, 1, 0, 10, 0.5, 5e-324), 9, 0),
        (packed(8, 1, 0, 10, 0.3, 5e-324), 9, 0),
        # 1 - (1 - 2^-53)^1/2 is 2^-54, and so much less than the root that the root rounds to 1.
        (packed(8, 1, 0, 2.0**53, 0.5, 0.5), 2.0**53 - 1, 2.0**-27),
    ],
)
def test_tiny_shares_of_time_are_small_values(program, step, expected):
    assert _core.schedule_value(program, step) == pytest.approx(expected, abs=4 * 2.0**-52)
