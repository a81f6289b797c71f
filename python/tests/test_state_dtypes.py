"""Which dtypes states may have, and how they are loaded.

Expected values are NumPy's casts.
"""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import decoded, kind_of, write

from .cases import BUSY_OPTIONS, RULES, class_of, copied_state

all_rules = pytest.mark.parametrize("name", RULES)


class TestStateDtypes:
    @pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16"])
    def test_all_slots(self, kind, bfloat16):
        w = np.zeros(3, np.float32)
        slots = so.Adam([w], amsgrad=True, state_dtype=kind).state["0"]
        for slot in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
            assert kind_of(slots[slot]) == kind
            assert slots[slot].shape == (3,)

    def test_one_slot(self, bfloat16):
        slots = so.Adam([np.zeros(3)], state_dtype={"exp_avg": "float16"}).state["0"]
        assert [kind_of(slots[slot]) for slot in ("exp_avg", "exp_avg_sq")] == [
            "float16", "float64",
        ]  # fmt: skip

    @pytest.mark.parametrize("value", [np.float16, np.dtype("float16"), "float16"])
    def test_dtypes_of_numpy(self, value):
        slots = so.Lion([np.zeros(3)], state_dtype=value).state["0"]
        assert slots["exp_avg"].dtype == np.float16

    def test_the_dtype_of_ml_dtypes(self):
        ml_dtypes = pytest.importorskip("ml_dtypes")
        slots = so.Lion([np.zeros(3)], state_dtype=ml_dtypes.bfloat16).state["0"]
        assert slots["exp_avg"].dtype == ml_dtypes.bfloat16

    @pytest.mark.parametrize(("size", "blocks"), [(1, 1), (256, 1), (257, 2), (1000, 4)])
    def test_blocks(self, size, blocks):
        slots = so.Lion([np.zeros((size, 1))], state_dtype="block8").state["0"]
        assert slots["exp_avg"].shape == (size, 1)
        assert slots["exp_avg"].dtype == np.uint8
        assert slots["exp_avg_scale"].shape == (blocks,)
        assert slots["exp_avg_scale"].dtype == np.float32

    def test_blocks_that_start_at_a_value(self):
        """The greatest code stands for the scale itself."""
        slots = so.Adagrad(
            [np.zeros(300)], state_dtype="block8", initial_accumulator_value=0.5
        ).state["0"]
        assert (slots["sum"] == 255).all()
        assert slots["sum_scale"].tolist() == [0.5, 0.5]
        w = np.zeros(1)
        so.Adagrad([w], lr=1.0, state_dtype="block8", initial_accumulator_value=3.0).step(
            [np.ones(1)]
        )
        np.testing.assert_allclose(w, -1 / 2, rtol=1e-6)  # 1 / sqrt(3 + 1)

    def test_values_that_start_at_one_in_bfloat16(self, bfloat16):
        slots = so.Adagrad(
            [np.zeros(3)], state_dtype="bfloat16", initial_accumulator_value=0.5
        ).state["0"]
        assert decoded(slots["sum"]).tolist() == [0.5] * 3

    @pytest.mark.parametrize(
        ("cls", "value", "words"),
        [
            (so.Adam, "float16", ["'exp_avg_sq'", "bfloat16", "{'exp_avg': 'float16'}"]),
            (so.Adagrad, np.float16, ["'sum'", "bfloat16"]),
            (so.Adam, {"exp_avg_sq": "float16"}, ["state_dtype['exp_avg_sq']"]),
            (so.Adam, {"momentum": "float16"}, ["'momentum'", "exp_avg, exp_avg_sq"]),
            (so.Adam, {"exp_avg": "int4"}, ["state_dtype['exp_avg']", "'block8'"]),
        ],
    )
    def test_refusals(self, cls, value, words):
        with pytest.raises(ValueError, match="state_dtype") as caught:
            cls([np.zeros(3)], state_dtype=value)
        for word in words:
            assert word in str(caught.value)

    @all_rules
    @pytest.mark.parametrize("kind", ["bfloat16", "block8"])
    def test_training_is_close_to_that_with_float32_states(self, name, kind, bfloat16):
        """The loss |w - 1|² falls as far, to a tenth of its start."""
        outcomes = []
        for state_dtype in (None, kind):
            w = np.zeros(64, np.float32)
            options = {**BUSY_OPTIONS[name], "lr": 0.02}
            optimizer = class_of(name)([w], **options, state_dtype=state_dtype)
            for _ in range(100):
                optimizer.step([2 * (w - 1)])
            outcomes.append(np.mean((w - 1) ** 2))
        assert abs(outcomes[1] - outcomes[0]) < 0.1

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
    @pytest.mark.parametrize("kind", ["bfloat16", "block8"])
    def test_copies_go_on_alike(self, duplicate, kind, bfloat16):
        w = np.ones(300, np.float32)
        optimizer = so.Adam([w], lr=0.1, state_dtype=kind)
        optimizer.step([np.linspace(-1, 1, 300)])
        twin = duplicate(optimizer)
        other_w = w.copy()
        other = so.Adam([other_w], lr=0.1, state_dtype=kind)
        other.load_state(copied_state(optimizer))
        for o in (optimizer, twin, other):
            o.step([np.linspace(-1, 2, 300)])
        assert twin.param_groups[0]["params"][0].tobytes() == w.tobytes()
        assert other_w.tobytes() == w.tobytes()


class TestLoading:
    def test_bfloat16_of_all_three_forms(self, bfloat16):
        optimizer = so.Lion([np.zeros(2)], state_dtype="bfloat16")
        bits = np.array([0x3F80, 0x4000], np.uint16)
        sources = [bits, so.bfloat16_view(bits)]
        if bfloat16 is not None:
            sources.append(bits.view(bfloat16))
        for source in sources:
            write(optimizer.state["0"]["exp_avg"], 0.0)
            optimizer.load_state({"0": {**optimizer.state["0"], "exp_avg": source}})
            assert decoded(optimizer.state["0"]["exp_avg"]).tolist() == [1.0, 2.0]

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int16])
    def test_other_dtypes_are_refused(self, dtype, refused):
        optimizer = so.Lion([np.zeros(2)], state_dtype="bfloat16")
        state = {"0": {**copied_state(optimizer)["0"], "exp_avg": np.zeros(2, dtype)}}
        words = [np.dtype(dtype).name, "bfloat16"]
        refused(lambda: optimizer.load_state(state), ValueError, words, optimizer)

    def test_float16_is_not_bits(self, refused):
        optimizer = so.Lion([np.zeros(2)], state_dtype="float16")
        state = {"0": {**copied_state(optimizer)["0"], "exp_avg": np.zeros(2, np.uint16)}}
        refused(lambda: optimizer.load_state(state), ValueError, ["uint16"], optimizer)
