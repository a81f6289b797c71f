"""LossScaler: when the scale moves, what is scaled, what is refused, how its state goes on.

Expected values are worked out by hand from the rules in its docstring. They are compared with
torch's in test_peers_control.py.
"""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .cases import copied_state


def one(value, dtype=np.float64):
    return {"w": np.array([value], dtype)}


def sgd(w, **options):
    return so.SGD({"w": w}, lr=1.0, **options)


class TestScale:
    def test_grows_after_an_interval_and_backs_off_at_once(self):
        scaler = so.LossScaler(1024.0, growth_interval=3)
        steps = [False] * 5 + [True] + [False] * 3
        assert [scaler.update(skipped) for skipped in steps] == [
            1024, 1024, 2048, 2048, 2048, 1024, 1024, 1024, 2048,
        ]  # fmt: skip
        assert (scaler.updated, scaler.skipped, scaler.good_steps) == (8, 1, 0)

    def test_a_static_one_stays(self):
        scaler = so.LossScaler(1024.0, dynamic=False, growth_interval=1)
        assert [scaler.update(skipped) for skipped in (False, True, False)] == [1024.0] * 3
        assert not scaler.dynamic

    @given(
        steps=st.lists(st.booleans(), max_size=400),
        growth=st.floats(1.001, 1e10),
        backoff=st.floats(1e-10, 0.999),
    )
    def test_it_and_its_reciprocal_are_normal_float32_numbers(self, steps, growth, backoff):
        scaler = so.LossScaler(growth_factor=growth, backoff_factor=backoff, growth_interval=1)
        for skipped in steps:
            scale = scaler.update(skipped)
            assert np.float32(scale) == scale
            assert 2.0**-126 <= scale <= 2.0**126

    def test_never_beyond_its_bounds(self):
        scaler = so.LossScaler(8.0, growth_interval=1, minimum=4.0, maximum=16.0)
        assert [scaler.update(True) for _ in range(3)] == [4, 4, 4]
        assert [scaler.update(False) for _ in range(4)] == [8, 16, 16, 16]

    @pytest.mark.parametrize("skipped", [0, 1.0, None, "no"])
    def test_update_takes_a_bool(self, skipped):
        with pytest.raises(TypeError, match=r"skipped is .*; it must be True or False"):
            so.LossScaler().update(skipped)


class TestScaledLosses:
    scaler = so.LossScaler(2.0**20)

    def test_numbers(self):
        for loss in (0.5, 3, np.int64(3)):
            assert self.scaler.scale(loss) == loss * 2.0**20
            assert isinstance(self.scaler.scale(loss), float)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
    def test_arrays_keep_their_dtype(self, dtype, shape):
        loss = np.full(shape, 0.3, dtype)
        scaled = self.scaler.scale(loss)
        assert (scaled.dtype, scaled.shape) == (dtype, shape)
        np.testing.assert_array_equal(scaled, loss.astype(np.float64) * 2.0**20)
        assert self.scaler.scale(loss[()]).dtype == dtype

    def test_float16_gives_float32(self):
        """In float16 2 * 2**20 would be infinity."""
        for loss in (np.float16(2), np.array(2, np.float16), np.full(3, 2, np.float16)):
            scaled = self.scaler.scale(loss)
            assert scaled.dtype == np.float32
            np.testing.assert_array_equal(scaled, 2.0**21)

    def test_bfloat16_gives_float32(self, bfloat16):
        bits = np.array([0x4000], np.uint16)  # 2.0
        loss = so.bfloat16_view(bits) if bfloat16 is None else bits.view(bfloat16)
        scaled = self.scaler.scale(loss)
        assert scaled.dtype == np.float32
        assert scaled.tolist() == [2.0**21]

    def test_an_overflow_is_an_infinity_without_a_warning(self):
        assert self.scaler.scale(np.float32(3e38)) == np.inf
        assert self.scaler.scale(3e38) == 3e38 * 2.0**20  # a Python float is a float64

    def test_tensors_of_other_libraries_are_multiplied(self):
        class Tensor:
            def __mul__(self, factor):
                return ("tensor", factor)

        assert self.scaler.scale(Tensor()) == ("tensor", 2.0**20)

    @pytest.mark.parametrize("loss", ["1", None, [1.0], np.ones(2, complex), np.array(["a"]), {}])
    def test_other_things_are_refused(self, loss):
        with pytest.raises(TypeError, match="loss"):
            self.scaler.scale(loss)


class TestRefusals:
    @pytest.mark.parametrize("accumulate", [1, 2])
    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ({"loss_scale": 8.0}, TypeError, ["loss_scale or scaler"]),
            ({"loss_scale": 1.0}, TypeError, ["loss_scale or scaler"]),
            ({"grads": {"w": np.ones(2)}}, ValueError, ["'w'"]),
            ({"grads": {"v": np.ones(1)}}, ValueError, ["'v'"]),
            ({"grads": {"w": np.ones(1, int)}}, TypeError, ["'w'"]),
            ({"grads": None}, ValueError, ["no gradients"]),
            ({"samples": -1}, ValueError, ["samples"]),
            ({"params": {"w": np.ones(2)}}, ValueError, ["'w'"]),
        ],
    )
    def test_a_failed_call_changes_nothing(self, arguments, error, words, accumulate, refused):
        w, scaler = np.ones(1), so.LossScaler(8.0, growth_interval=1)
        optimizer = sgd(w, accumulate=accumulate)
        before = scaler.state
        call = {"grads": one(1.0), "scaler": scaler, **arguments}
        refused(lambda: optimizer.step(**call), error, words, optimizer, w)
        assert scaler.state == before

    def test_inside_evaluation(self):
        scaler = so.LossScaler()
        optimizer = sgd(np.ones(1), ema_decay=0.5)
        with optimizer.evaluation(), pytest.raises(RuntimeError, match="evaluation"):
            optimizer.step(one(1.0), scaler=scaler)
        assert scaler.updated == 0

    @pytest.mark.parametrize("scaler", [8.0, "scaler", so.LossScaler, so.EarlyStopping()])
    def test_what_is_no_scaler(self, scaler, refused):
        w = np.ones(1)
        optimizer = sgd(w)
        refused(
            lambda: optimizer.step(one(1.0), scaler=scaler),
            TypeError, ["it must be a LossScaler"], optimizer, w,
        )  # fmt: skip

    def test_a_loss_scale_is_a_number_and_no_schedule(self):
        for value in ("8", so.constant(8.0)):
            with pytest.raises(TypeError, match=r"^loss_scale is .*; it must be a number$"):
                sgd(np.ones(1)).step(one(1.0), loss_scale=value)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"initial_scale": 0.0}, "initial_scale is 0; it must be in"),
            ({"initial_scale": math.inf}, "initial_scale"),
            ({"initial_scale": 2.0**127}, "initial_scale"),
            ({"growth_factor": 1.0}, "growth_factor is 1; it must be finite and > 1"),
            ({"backoff_factor": 1.0}, "backoff_factor"),
            ({"growth_interval": 0}, "growth_interval"),
            ({"growth_interval": 1.5}, "growth_interval is 1.5; it must be a whole number"),
            ({"minimum": 0.0}, "minimum is 0"),
            ({"maximum": 2.0**127}, "maximum"),
            ({"minimum": 4.0, "maximum": 2.0}, "maximum is 2; it must be at least the minimum"),
            ({"initial_scale": 2.0, "minimum": 4.0}, "initial_scale"),
        ],
    )
    def test_settings(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            so.LossScaler(**arguments)

    def test_types_of_settings(self):
        with pytest.raises(TypeError, match="initial_scale is '8'; it must be a number"):
            so.LossScaler("8")
        with pytest.raises(TypeError, match="dynamic is 1; it must be True or False"):
            so.LossScaler(dynamic=1)


class TestState:
    @pytest.mark.parametrize("how", ["state", "pickle", "deepcopy"])
    @given(steps=st.lists(st.booleans(), max_size=60), at=st.integers(0, 60))
    def test_goes_on_as_if_it_had_never_stopped(self, how, steps, at):
        def make():
            return so.LossScaler(1024.0, growth_interval=4)

        whole, first = make(), make()
        expected = [whole.update(skipped) for skipped in steps]
        for skipped in steps[:at]:
            first.update(skipped)
        if how == "state":
            second = make()
            second.load_state(first.state)
        else:
            second = pickle.loads(pickle.dumps(first)) if how == "pickle" else copy.deepcopy(first)
        assert [second.update(skipped) for skipped in steps[at:]] == expected[at:]
        assert second.state == whole.state

    @given(at=st.integers(0, 12), seed=st.integers(0, 1000))
    def test_training_resumes_to_the_same_bits(self, at, seed):
        values = np.random.default_rng(seed).choice([1.0, 2.5, np.inf], 12, p=[0.4, 0.4, 0.2])

        def train(optimizer, scaler, values):
            for value in values:
                gradient = np.array([scaler.scale(value)]).astype(np.float16)
                optimizer.step({"w": gradient}, scaler=scaler)

        def make(w):
            return so.Adam({"w": w}, lr=0.1, accumulate=2), so.LossScaler(64.0, growth_interval=2)

        whole, halves = np.ones(1, np.float16), np.ones(1, np.float16)
        train(*make(whole), values)
        optimizer, scaler = make(halves)
        train(optimizer, scaler, values[:at])
        again, other = make(halves)
        again.load_state(copied_state(optimizer))
        other.load_state(scaler.state)
        train(again, other, values[at:])
        assert halves.tobytes() == whole.tobytes()

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"scale": 0.0}, ValueError),
            ({"scale": 2.0**-127}, ValueError),
            ({"scale": 2.0**127}, ValueError),
            ({"scale": math.inf}, ValueError),
            ({"scale": math.nan}, ValueError),
            ({"scale": 0.1}, ValueError),  # no float32 number
            ({"scale": None}, TypeError),
            ({"good_steps": -1}, ValueError),
            ({"good_steps": 0.5}, ValueError),
            ({"updated": "1"}, TypeError),
            ({"skipped": True}, TypeError),
            ({"growth": 1}, ValueError),
        ],
    )
    def test_hostile_ones_are_refused_and_change_nothing(self, changes, error):
        scaler = so.LossScaler(8.0)
        before = scaler.state
        (name,) = changes
        with pytest.raises(error, match=name):
            scaler.load_state({**before, **changes})
        assert scaler.state == before

    def test_a_longer_interval_may_have_counted(self):
        scaler = so.LossScaler(8.0, growth_interval=3)
        scaler.load_state({"scale": 8.0, "good_steps": 10, "updated": 10, "skipped": 0})
        assert scaler.update(False) == 16.0
