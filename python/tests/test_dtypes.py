"""Which dtypes parameters, gradients and copies may have.

Expected values are NumPy's casts; those of bfloat16 are written out as bits.
"""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import decoded, kind_of, write, zeros

from .arrays import KINDS, make
from .cases import BUSY_OPTIONS, RULES, class_of, learning_rate

all_rules = pytest.mark.parametrize("name", RULES)
all_kinds = pytest.mark.parametrize("kind", KINDS)


class TestBfloat16:
    def test_a_view_shares_memory(self):
        bits = np.array([0x3F80, 0x4000], np.uint16)
        view = so.bfloat16_view(bits)
        assert isinstance(view, so.BFloat16View)
        assert np.shares_memory(bits, view)
        assert kind_of(view) == kind_of(view[1:]) == "bfloat16"
        assert decoded(view).tolist() == [1.0, 2.0]
        # Views of it in other dtypes have its class only.
        assert kind_of(view.view(np.float16)) == "float16"
        assert kind_of(view.view(np.uint8)) is None
        assert kind_of(bits) is None

    @pytest.mark.parametrize(
        "value", [np.ones(2, np.int16), np.ones(2, ">u2"), np.ones(2, np.float32), [1, 2], 1]
    )
    def test_what_is_no_uint16_array(self, value):
        with pytest.raises(TypeError, match="uint16"):
            so.bfloat16_view(value)

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
    def test_copies_are_views_too(self, duplicate):
        assert kind_of(duplicate(so.bfloat16_view(np.ones(2, np.uint16)))) == "bfloat16"

    @pytest.mark.parametrize(
        ("value", "bits"),
        [
            (1.0, 0x3F80),
            (1 + 2.0**-8, 0x3F80),  # a tie, to even
            (1 + 3 * 2.0**-8, 0x3F82),  # a tie, to even
            (1 + 2.0**-8 + 2.0**-23, 0x3F81),
            (-1 - 2.0**-7, 0xBF81),
            (-0.0, 0x8000),
            (2.0**-133, 0x0001),  # the least number
            (2.0**-134, 0x0000),
            (3.4e38, 0x7F80),  # beyond the greatest
            (np.inf, 0x7F80),
            (-np.inf, 0xFF80),
        ],
    )
    def test_rounding_is_to_the_nearest(self, value, bits):
        for target in (np.zeros((), np.uint16), np.zeros(3, np.uint16)):
            write(so.bfloat16_view(target), value)
            assert (target == bits).all()

    def test_rounding_agrees_with_ml_dtypes(self):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        bits = np.random.default_rng(2).integers(0, 2**32, 10_000, np.uint32)
        values = bits.view(np.float32)
        target = np.zeros(values.shape, np.uint16)
        write(so.bfloat16_view(target), values)
        with np.errstate(all="ignore"):
            expected = values.astype(ml_dtypes.bfloat16)
        is_nan = np.isnan(values)
        np.testing.assert_array_equal(target[~is_nan], expected.view(np.uint16)[~is_nan])
        assert np.isnan(decoded(so.bfloat16_view(target))[is_nan]).all()

    def test_every_number_comes_back(self):
        bits = np.arange(2**16, dtype=np.uint16)
        numbers = decoded(so.bfloat16_view(bits))
        again = np.zeros_like(bits)
        write(so.bfloat16_view(again), numbers)
        is_nan = np.isnan(numbers)
        np.testing.assert_array_equal(again[~is_nan], bits[~is_nan])

    def test_new_arrays_are_those_of_the_package_if_there_is_one(self, bfloat16):
        new = zeros((2, 3), "bfloat16")
        assert kind_of(new) == "bfloat16"
        assert (type(new) is so.BFloat16View) == (bfloat16 is None)
        assert new.shape == (2, 3)


class TestParameters:
    @all_kinds
    @all_rules
    def test_every_rule_trains_every_kind(self, name, kind, bfloat16):
        w = make(kind, [1.0, -2.0, 4.0], bfloat16)
        address = w.ctypes.data
        optimizer = class_of(name)([w], **{**BUSY_OPTIONS[name], "lr": learning_rate(name, 0.5)})
        before = decoded(w).copy()
        report = optimizer.step([np.array([1.0, -1.0, 1.0], np.float32)])
        assert report.status == "updated"
        assert w.ctypes.data == address
        moved = decoded(w) - before
        assert (np.sign(moved) == [-1.0, 1.0, -1.0]).all()
        computation = "float64" if kind == "float64" else "float32"
        for slot, array in optimizer.state["0"].items():
            assert kind_of(array) == ("float64" if array.ndim == 0 else computation), slot

    @all_kinds
    @pytest.mark.parametrize("gradient_kind", KINDS)
    def test_gradients_of_every_kind(self, kind, gradient_kind, bfloat16):
        w = make(kind, [1.0, -2.0], bfloat16)
        so.SGD([w], lr=0.5).step([make(gradient_kind, [2.0, -1.0], bfloat16)])
        assert decoded(w).tolist() == [0.0, -1.5]

    def test_kinds_can_be_mixed(self, bfloat16):
        params = {kind: make(kind, [4.0], bfloat16) for kind in KINDS}
        so.Adam(params, lr=1.0, eps=0.0).step({kind: np.ones(1) for kind in KINDS})
        for array in params.values():
            np.testing.assert_allclose(decoded(array), 3.0, rtol=1e-6)

    def test_zero_dimensional_and_empty(self, bfloat16):
        params = [make("bfloat16", 2.0, bfloat16), make("bfloat16", np.zeros((0, 3)), bfloat16)]
        optimizer = so.Adam(params, lr=1.0, state_dtype="block8", ema_decay=0.5)
        optimizer.step([np.array(1.0), np.zeros((0, 3))])
        assert decoded(params[0]) == 1.0
        assert optimizer.state["1"]["exp_avg_scale"].shape == (0,)

    def test_bits_that_are_not_declared_are_refused(self):
        with pytest.raises(TypeError, match=r"'w' has dtype uint16.*bfloat16_view"):
            so.SGD({"w": np.zeros(2, np.uint16)})

    def test_an_array_is_replaced_by_one_of_its_kind(self, bfloat16):
        w, other = make("bfloat16", [1.0], bfloat16), make("bfloat16", [1.0])
        optimizer = so.SGD({"w": w}, lr=0.5)
        optimizer.rebind({"w": other})
        optimizer.step({"w": np.ones(1)})
        assert (decoded(w)[0], decoded(other)[0]) == (1.0, 0.5)
        with pytest.raises(ValueError, match=r"dtype float16; .* dtype bfloat16"):
            optimizer.rebind({"w": np.ones(1, np.float16)})


class TestPublish:
    @pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
    @pytest.mark.parametrize("parameter_kind", KINDS)
    def test_copies_are_the_nearest(self, kind, parameter_kind, bfloat16):
        w = make(parameter_kind, [1.0, 2.0], bfloat16)
        copied = make(kind, [0.0, 0.0], bfloat16)
        optimizer = so.SGD({"w": w}, lr=0.5, publish={"w": copied})
        assert decoded(copied).tolist() == [1.0, 2.0]
        optimizer.step({"w": np.array([1.0, 1.0])})
        assert decoded(copied).tolist() == decoded(w).tolist() == [0.5, 1.5]
        assert set(optimizer.state["w"]) <= {"step", "master"}

    def test_it_rounds(self):
        w, copied = np.array([1.0], np.float32), np.zeros(1, np.float16)
        so.SGD([w], lr=2.0**-20, publish=[copied]).step([np.array([-(2.0**10) * 1.5])])
        assert w[0] == 1 + 1.5 * 2.0**-10
        assert copied[0] == np.float16(1 + 2 * 2.0**-10)  # a tie, to even

    def test_nests_and_dotted_names(self):
        params = {"a": {"w": np.ones(2)}, "b": [np.ones(1)]}
        nested, dotted = np.zeros(2, np.float16), np.zeros(1, np.float16)
        optimizer = so.SGD(params, publish={"a": {"w": nested}, "b.0": dotted})
        assert (nested.tolist(), dotted.tolist()) == ([1.0, 1.0], [1.0])
        assert optimizer.publish["a.w"] is nested

    def test_it_can_be_set(self):
        w, first, second = np.ones(1, np.float32), np.zeros(1, np.float16), np.zeros(1, np.float16)
        optimizer = so.SGD({"w": w}, lr=0.5, publish={"w": first})
        optimizer.publish = {"w": second}
        optimizer.step({"w": np.ones(1)})
        assert (first[0], second[0]) == (1.0, 0.5)
        optimizer.publish = None
        optimizer.step({"w": np.ones(1)})
        assert (second[0], optimizer.publish) == (0.5, {})

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
    def test_a_copied_model_publishes_to_its_own_arrays(self, duplicate):
        w, copied = np.ones(1, np.float32), np.zeros(1, np.float16)
        optimizer = so.SGD({"w": w}, lr=0.5, publish={"w": copied})
        twin, twin_copied = duplicate((optimizer, copied))
        twin.step({"w": np.ones(1)})
        assert (copied[0], twin_copied[0]) == (1.0, 0.5)

    @pytest.mark.parametrize(
        ("publish", "error", "word"),
        [
            ({"v": np.ones(2, np.float16)}, ValueError, "'v'"),
            ({"w": np.ones(3, np.float16)}, ValueError, "shape"),
            ({"w": np.ones(2)}, TypeError, "float64"),
            ({"w": np.ones(2, np.uint16)}, TypeError, "uint16"),
            ({"w": 1.0}, TypeError, "publish['w']"),
            ({"w": np.ones(4, np.float16)[::2]}, ValueError, "contiguous"),
        ],
    )
    def test_refusals(self, publish, error, word, frozen):
        w = np.ones(2)
        with frozen(w, publish), pytest.raises(error) as caught:
            so.SGD({"w": w}, publish=publish)
        assert word in str(caught.value)
        with pytest.raises(ValueError, match="publish is for an optimizer that is made with"):
            so.SGD(publish=publish)
