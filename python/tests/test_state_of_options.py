"""State of options that are off at the moment is loaded and kept for when they are on again.

Expected values: the run that was never saved.
"""

import numpy as np
import pytest

import swiftopt as so

from .cases import copied_state
from .test_state_follows import GRADIENTS, change, params, same_bits

# (class, options that last, options set by hand for a while, the same ones off)
CASES = [
    (so.SGD, {}, {"momentum": 0.9}, {"momentum": 0.0}),
    (so.Adam, {}, {"amsgrad": True}, {"amsgrad": False}),
    (so.Adam, {"state_dtype": "block8"}, {"amsgrad": True}, {"amsgrad": False}),
    (so.RMSprop, {}, {"momentum": 0.5, "centered": True}, {"momentum": 0.0, "centered": False}),
    (so.AdamW, {}, {"ema_decay": 0.5}, {"ema_decay": None}),
    (so.Adafactor, {}, {"beta1": 0.9}, {"beta1": 0.0}),
]
all_cases = pytest.mark.parametrize(("cls", "lasting", "on", "off"), CASES, ids=str)
made_with = pytest.mark.parametrize("made", ["on", "off", "default"])


def checkpoint(path, optimizer, w, new, new_w):
    so.save(path, params=w, optimizer=optimizer)
    so.load(path, params=new_w, optimizer=new)


def by_hand(path, optimizer, w, new, new_w):
    new_w["w"][...] = w["w"]
    new.load_state(copied_state(optimizer))


@all_cases
@made_with
@pytest.mark.parametrize("transfer", [checkpoint, by_hand])
def test_a_run_resumes(cls, lasting, on, off, made, transfer, tmp_path):
    w, new_w = params(), params()
    optimizer = cls(w, lr=0.1, **lasting, **on)
    optimizer.step({"w": GRADIENTS[0]})
    change(optimizer, off)
    optimizer.step({"w": GRADIENTS[1]})
    new = cls(new_w, lr=0.1, **lasting, **{"on": on, "off": off, "default": {}}[made])
    new.step({"w": GRADIENTS[2]})
    transfer(tmp_path / "run", optimizer, w, new, new_w)
    if made == "on":
        change(new, off)
    same_bits(new, new_w, optimizer, w)
    for options, gradient in ((off, 2), (on, 3), (on, 4)):
        for o in (optimizer, new):
            change(o, options)
            o.step({"w": GRADIENTS[gradient]})
    same_bits(new, new_w, optimizer, w)


@all_cases
def test_the_functional_form_takes_it_too(cls, lasting, on, off):
    optimizer = cls(lr=0.1, **lasting, **on)
    state = optimizer.init(params())
    change(optimizer, off)
    _, new_state, _ = optimizer.apply(params(), {"w": GRADIENTS[0]}, state)
    assert new_state["w"].keys() == state["w"].keys()


def test_slots_that_no_option_makes_are_refused(frozen):
    optimizer = so.SGD({"w": np.ones(3)}, lr=0.1)
    state = copied_state(optimizer)
    state["w"]["exp_avg"] = np.ones(3)
    with frozen(optimizer=optimizer), pytest.raises(ValueError, match="'exp_avg' is unknown"):
        optimizer.load_state(state)


def test_a_refused_state_brings_no_slots(frozen):
    optimizer = so.SGD({"w": np.ones(3), "v": np.ones(3)}, lr=0.1)
    other = so.SGD({"w": np.ones(3), "v": np.ones(4)}, lr=0.1, momentum=0.9)
    with frozen(optimizer=optimizer), pytest.raises(ValueError, match=r"'v'.*shape \(4,\)"):
        optimizer.load_state(other.state)


class TestWithoutParams:
    """What was loaded for keys that didn't come yet is shown, and can't get lost."""

    def trained(self, **options):
        optimizer, arrays = so.SGD(lr=0.5, momentum=0.9, **options), {}
        for key, steps in (("w", 3), ("b", 1)):
            arrays[key] = np.ones(3)
            for step in range(steps):
                optimizer.update(key, arrays[key], np.full(3, step + 1.0))
        return optimizer, arrays

    def test_it_is_shown_and_goes_from_one_to_the_next(self):
        optimizer, arrays = self.trained()
        for _ in range(2):
            other = so.SGD(lr=0.5, momentum=0.9)
            other.load_state(copied_state(optimizer))
            assert other.step_count == 3
            assert set(other.state) == {"w", "b"}
            optimizer, first = other, optimizer
        expected, _ = self.trained()
        w = {key: array.copy() for key, array in arrays.items()}
        for key, array in arrays.items():
            optimizer.update(key, array, np.ones(3))
            expected.update(key, w[key], np.ones(3))
            assert array.tobytes() == w[key].tobytes()
            assert optimizer.state[key]["step"] == expected.state[key]["step"]
        assert first.state["w"]["step"] == 3  # what was shown is a copy

    def test_what_is_written_to_it_is_used(self):
        other = so.SGD(lr=0.5, momentum=0.9)
        other.load_state(self.trained()[0].state)
        other.state["w"]["momentum_buffer"][...] = 0
        w = np.zeros(3)
        other.update("w", w, np.ones(3))
        np.testing.assert_array_equal(w, np.full(3, -0.5))

    def test_keys_that_a_later_state_lacks_stay(self):
        other = so.SGD(lr=0.5, momentum=0.9)
        state = copied_state(self.trained()[0])
        other.load_state({"w": state["w"]})
        other.load_state({"b": state["b"]})
        assert set(other.state) == {"w", "b"}

    def test_an_option_that_is_switched_off_before_the_first_update(self):
        other = so.SGD(lr=0.5, momentum=0.9)
        other.load_state(self.trained()[0].state)
        other.momentum = 0.0
        w = np.zeros(3)
        other.update("w", w, np.ones(3))
        np.testing.assert_array_equal(w, np.full(3, -0.5))
        assert "momentum_buffer" in other.state["w"]

    @pytest.mark.parametrize(("before", "at_load"), [(None, None), (0.5, None), (0.5, 0.5)])
    @pytest.mark.parametrize("transfer", [checkpoint, by_hand])
    def test_options_that_are_switched_on_before_the_first_update(
        self, before, at_load, transfer, tmp_path
    ):
        """A mean that was off begins anew, one that was on goes on."""
        optimizer, arrays = self.trained(ema_decay=before)
        optimizer.ema_decay = at_load
        optimizer.update("w", arrays["w"], np.ones(3))
        w = {"w": arrays["w"].copy()}
        other = so.SGD(lr=0.5, momentum=0.9, ema_decay=at_load)
        transfer(tmp_path / "run", optimizer, {"w": arrays["w"]}, other, w)
        for o, array in ((optimizer, arrays["w"]), (other, w["w"])):
            o.ema_decay = 0.75
            o.update("w", array, np.ones(3))
        expected, found = optimizer.state["w"], other.state["w"]
        assert {k: a.tobytes() for k, a in found.items()} == {
            k: a.tobytes() for k, a in expected.items()
        }

    def test_slots_that_no_option_makes_are_missed(self):
        optimizer = so.Adam()
        optimizer.load_state({"w": {"step": np.array(1.0)}})
        with pytest.raises(ValueError, match="is missing"):
            optimizer.update("w", np.zeros(3), np.ones(3))

    def test_checkpoints_count_it(self, tmp_path):
        optimizer, arrays = self.trained()
        so.save(tmp_path / "run", params=arrays, optimizer=optimizer)
        other = so.SGD(lr=1.0)
        so.load(tmp_path / "run", params=arrays, optimizer=other)
        assert other.step_count == 3
        assert other.state["w"]["step"] == 3

    @pytest.mark.parametrize(
        ("state", "error", "message"),
        [
            ({"w": {"step": 1.0}}, TypeError, r"\['step'\] is a float; it must be an array"),
            ({"w": {"step": np.array(-1.0)}}, ValueError, "must be a whole number"),
            ({"w": {}}, ValueError, "'step', an array without axes, is missing"),
            ({"w": {"step": np.zeros(2)}}, ValueError, "'step', an array without axes"),
            ({3: {"step": np.zeros(())}}, TypeError, "the name 3; names must be str"),
            ({"w": [1]}, TypeError, r"state\['w'\] is a list"),
        ],
    )
    def test_what_can_be_no_state_is_refused_at_once(self, state, error, message):
        optimizer = so.SGD(lr=0.5, momentum=0.9)
        with pytest.raises(error, match=message):
            optimizer.load_state({**self.trained()[0].state, **state})
        assert not optimizer.state
