"""Native state machines, of which Python's classes only ever give good numbers."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so
from swiftopt import _core

# Settings that are good, by the machine's number in swiftopt.h.
PLATEAU = (0.5, 0, 2, 1e-4, 1, 1, 0, 0)
STOPPING = (3, 0.1, 0, 0, 0, 0, 0, 0)
SCALER = (65536, 2, 0.5, 3, 2.0**-126, 2.0**126, 1, 0)
MACHINES = [PLATEAU, STOPPING, SCALER]

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 5e-324, 2.0**-126, 2.0**52, 2.0**52 + 1, 1e308]
NUMBERS = st.sampled_from([*EDGES, math.nan, math.inf, -math.inf]) | st.floats()


def packed(numbers):
    return struct.pack("=8d", *numbers)


@st.composite
def nearly(draw, numbers):
    """Draw good numbers, some of which are replaced by any."""
    numbers = list(numbers)
    for place, number in draw(st.lists(st.tuples(st.integers(0, 7), NUMBERS), max_size=3)):
        numbers[place] = number
    return packed(numbers)


@given(st.data(), st.integers(0, 2), st.lists(NUMBERS, min_size=1, max_size=8))
def test_whatever_is_observed_the_state_stays_one(data, machine, observations):
    settings = data.draw(nearly(MACHINES[machine]))
    try:
        state = _core.control_begin(machine, settings)
    except ValueError:
        return
    for observation in observations:
        before = bytes(state)
        try:
            _core.control_observe(machine, settings, state, observation)
        except ValueError:  # only a loss scaler refuses some
            assert machine == 2
            assert observation not in (0, 1)
            assert bytes(state) == before
        _core.control_check(machine, settings, state)


@given(st.data(), st.integers(0, 2))
def test_a_bad_state_is_refused_and_left_alone(data, machine):
    settings = packed(MACHINES[machine])
    good = struct.unpack("=8d", _core.control_begin(machine, settings))
    state = bytearray(data.draw(nearly(good)))
    before = bytes(state)
    try:
        _core.control_check(machine, settings, state)
    except ValueError:
        with pytest.raises(ValueError, match="state"):
            _core.control_observe(machine, settings, state, 1.0)
        assert bytes(state) == before
    else:
        _core.control_observe(machine, settings, state, 1.0)
        _core.control_check(machine, settings, state)


@pytest.mark.parametrize("machine", [-1, 3, 2**31, 2**63 - 1])
def test_an_unknown_machine_is_refused(machine):
    with pytest.raises(ValueError, match="machine"):
        _core.control_begin(machine, packed(SCALER))


@pytest.mark.parametrize(
    ("scaler", "error"),
    [
        ((packed(SCALER),), TypeError),
        ((packed(SCALER), None), TypeError),
        ((None, bytearray(packed(SCALER))), TypeError),
        ((packed(SCALER), packed(SCALER)), TypeError),
        ((packed(SCALER)[:-1], bytearray(64)), TypeError),
        ((packed(SCALER), bytearray(65)), TypeError),
        ((packed(PLATEAU), bytearray(packed((1, 0, 0, 0, 0, 0, 0, 0)))), ValueError),
        ((packed(SCALER), bytearray(64)), ValueError),  # a scale of 0
    ],
)
def test_a_step_refuses_a_bad_scaler_before_it_writes(scaler, error):
    weights = np.ones(3, np.float32)
    plan = so.SGD({"w": weights}, lr=0.1)._binding.plan
    with pytest.raises(error, match=r"settings|state"):
        plan.step([weights.copy()], 1, 0.1, ({},), 1.0, *scaler)
    assert weights.tolist() == [1, 1, 1]
