"""Slots that settings ask for are there as soon as these are set, so that runs resume.

Expected values: an optimizer that was made with the settings that the other one got later.
"""

import numpy as np
import pytest

import swiftopt as so

from .cases import copied_state

# (class, options before, options set by hand)
CHANGES = [
    (so.Adam, {}, {"amsgrad": True}),
    (so.SGD, {}, {"momentum": 0.9}),
    (so.RMSprop, {}, {"momentum": 0.5, "centered": True}),
    (so.AdamW, {}, {"ema_decay": 0.5}),
    (so.Adam, {"state_dtype": "block8"}, {"amsgrad": True}),
    (so.Adafactor, {}, {"beta1": 0.9}),
]
all_changes = pytest.mark.parametrize(("cls", "before", "after"), CHANGES, ids=str)
GRADIENTS = [np.random.default_rng(3).standard_normal((4, 3)) for _ in range(6)]


def params():
    return {"w": np.ones((4, 3), np.float32)}


def same_bits(optimizer, w, other, other_w):
    """In whatever order the slots came."""
    states = [copied_state(o) for o in (optimizer, other)]
    assert w["w"].tobytes() == other_w["w"].tobytes()
    assert states[0]["w"].keys() == states[1]["w"].keys()
    for name, array in states[0]["w"].items():
        assert array.tobytes() == states[1]["w"][name].tobytes(), name


def change(optimizer, options):
    for name, value in options.items():
        setattr(optimizer, name, value)


@all_changes
@pytest.mark.parametrize("steps_between", [0, 1, 3])
def test_a_run_resumes_after_a_change_by_hand(cls, before, after, steps_between):
    """Right after it too, when no step has seen it yet."""
    w = params()
    optimizer = cls(w, lr=0.1, **before)
    for gradient in GRADIENTS[:2]:
        optimizer.step({"w": gradient})
    change(optimizer, after)
    for gradient in GRADIENTS[2 : 2 + steps_between]:
        optimizer.step({"w": gradient})
    state = copied_state(optimizer)
    resumed_w = {"w": w["w"].copy()}
    resumed = cls(resumed_w, lr=0.1, **{**before, **after})
    assert resumed.state["w"].keys() == state["w"].keys()
    resumed.load_state(state)
    for gradient in GRADIENTS[2 + steps_between :]:
        optimizer.step({"w": gradient})
        resumed.step({"w": gradient})
    same_bits(resumed, resumed_w, optimizer, w)


@all_changes
def test_a_state_may_be_loaded_right_after_a_change(cls, before, after):
    w = params()
    optimizer = cls(w, lr=0.1, **before)
    optimizer.step({"w": GRADIENTS[0]})
    other = cls(params(), lr=0.1, **{**before, **after})
    other.step({"w": GRADIENTS[1]})
    change(optimizer, after)
    optimizer.load_state(copied_state(other))
    for name, array in other.state["w"].items():
        np.testing.assert_array_equal(optimizer.state["w"][name], array)


@all_changes
def test_a_refused_step_with_other_arrays_loses_no_change(cls, before, after):
    """The arrays that were refused get no part in the state of those that stay."""
    w, expected_w = params(), params()
    optimizer, expected = cls(w, lr=0.1, **before), cls(expected_w, lr=0.1, **before)
    for o in (optimizer, expected):
        o.step({"w": GRADIENTS[0]})
        change(o, after)
    with pytest.raises(ValueError, match="shape"):
        optimizer.step({"w": np.ones(5)}, params=params())
    for gradient in GRADIENTS[1:]:
        optimizer.step({"w": gradient})
        expected.step({"w": gradient})
    same_bits(optimizer, w, expected, expected_w)


def test_numbers_in_arrays_and_lists_are_taken_when_they_are_set():
    """Else a group would show another number than the steps use."""
    lr, betas = np.array(0.5), [0.9, np.array(0.99)]
    optimizer = so.Adam([np.ones(2)], lr=lr, betas=betas)
    lr[...] = 0.25
    betas[0] = 0.1
    betas[1][...] = 0.1
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.99)
    optimizer.lr = lr
    lr[...] = 0.125
    assert optimizer.lr == 0.25
    used = optimizer.step([np.ones(2)]).groups[0]
    assert (used["lr"], used["beta1"], used["beta2"]) == (0.25, 0.9, 0.99)
