"""Native schedule programs, for which Python's constructors only ever give good ones."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so
from swiftopt import _core

WARMUP = so.warmup(0.1, warmup=10)._program
OPERATORS = st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0, 101.0, 102.0])


def packed(*numbers):
    return struct.pack(f"={len(numbers)}d", *numbers)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"", r"program\[0\]: the program ends before its schedule is complete"),
        (packed(8, 1), r"program\[0\] is 8; it must be the code of an operator"),
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
