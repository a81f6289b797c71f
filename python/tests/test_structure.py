"""The arrays that parameters, gradients and state may be, and copies of all of them."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, bits, class_of, copied_state, make_gradients

all_rules = pytest.mark.parametrize("name", RULES)


class Tagged(np.ndarray):
    """A subclass that must be neither copied nor turned into its base."""


class TestArrays:
    @pytest.mark.parametrize("gradient", [np.array(2.0), np.array(2.0, np.float32), 2.0])
    def test_zero_dimensional(self, gradient):
        bias = np.array(1.0)
        so.SGD({"bias": bias}, lr=0.5).step({"bias": gradient})
        assert bias == 0.0
        assert bias.shape == ()

    def test_subclasses(self):
        w = np.zeros(3).view(Tagged)
        address = w.ctypes.data
        optimizer = so.SGD([w], lr=1.0)
        optimizer.step([np.ones(3).view(Tagged)])
        assert isinstance(w, Tagged)
        assert w.ctypes.data == address
        assert w.tolist() == [-1.0, -1.0, -1.0]

    def test_memory_maps(self, tmp_path):
        mapped = np.memmap(tmp_path / "w", np.float32, "w+", shape=(4,))
        optimizer = so.SGD([mapped], lr=1.0)
        optimizer.step([np.ones(4, np.float32)])
        optimizer.close()
        mapped.flush()
        assert np.fromfile(tmp_path / "w", np.float32).tolist() == [-1.0] * 4

    def test_disjoint_views_of_one_block(self):
        block = np.zeros(10)
        params = {"w": block[:6].reshape(2, 3), "b": block[6:9]}
        so.SGD(params, lr=1.0).step({"w": np.full((2, 3), 1.0), "b": np.full(3, 2.0)})
        assert block.tolist() == [-1.0] * 6 + [-2.0] * 3 + [0.0]

    def test_empty_arrays(self):
        params = [np.zeros(0), np.zeros((0, 5), np.float32), np.zeros((3, 0))]
        optimizer = so.Adam(params, clip_norm=1.0)
        assert optimizer.step([np.zeros_like(p) for p in params]).grad_norm == 0.0
        assert optimizer.state["1"]["exp_avg"].shape == (0, 5)

    def test_mixed_dtypes_in_one_optimizer(self):
        params = [np.zeros(3, np.float32), np.zeros(3, np.float64)]
        optimizer = so.Adam(params, lr=0.5)
        optimizer.step([np.ones(3, np.float64), np.ones(3, np.float32)])
        assert [optimizer.state[n]["exp_avg"].dtype for n in "01"] == [np.float32, np.float64]
        np.testing.assert_allclose(params, -0.5, rtol=1e-6)

    def test_memory_is_given_back(self):
        w = np.zeros(3)
        held = weakref.ref(w)
        optimizer = so.SGD([w])
        optimizer.step([np.ones(3)])
        del optimizer, w
        gc.collect()
        assert held() is None


class TestState:
    def test_it_is_read_only_and_its_arrays_are_not(self):
        optimizer = so.Adam({"w": np.zeros(2)}, lr=1.0)
        with pytest.raises(TypeError):
            optimizer.state["w"] = {}
        with pytest.raises(TypeError):
            optimizer.state["w"]["exp_avg"] = np.zeros(2)
        with pytest.raises(AttributeError):
            optimizer.state = {}
        optimizer.state["w"]["exp_avg"][:] = 100.0
        optimizer.step({"w": np.zeros(2)})
        np.testing.assert_array_equal(optimizer.state["w"]["exp_avg"], 0.9 * 100.0)

    @all_rules
    def test_load_state_takes_what_state_gives(self, name):
        grads = [[g["p9"]] for g in make_gradients([9], 3)]
        first, second = (class_of(name)([np.ones(9)], **BUSY_OPTIONS[name]) for _ in range(2))
        for g in grads:
            first.step(g)
        arrays = dict(second.state["0"])
        second.load_state(copied_state(first))
        assert second.step_count == 3
        for slot, array in second.state["0"].items():
            assert array.tobytes() == first.state["0"][slot].tobytes()
            assert np.shares_memory(array, arrays[slot])

    def test_load_state_copies(self):
        optimizer = so.Adam([np.zeros(2)])
        state = copied_state(optimizer)
        optimizer.load_state(state)
        optimizer.step([np.ones(2)])
        assert state["0"]["step"] == 0
        assert state["0"]["exp_avg"].tolist() == [0.0, 0.0]

    def test_loading_its_own_state_changes_nothing(self, frozen):
        optimizer = so.Adam([np.zeros(2)])
        optimizer.step([np.ones(2)])
        with frozen(optimizer=optimizer):
            optimizer.load_state(optimizer.state)


class Model:
    def __init__(self):
        self.w = np.ones(4, np.float32)
        self.layers = [{"b": np.ones(2)}]
        self.optimizer = so.Adam({"w": self.w, "b": self.layers[0]["b"]}, lr=0.1, clip_norm=1.0)

    def train(self):
        self.optimizer.step({"w": np.ones(4, np.float32), "b": np.ones(2)})

    def bits(self):
        return bits(self.optimizer, {"w": self.w, "b": self.layers[0]["b"]})


@pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, *(
        lambda model, protocol=protocol: pickle.loads(pickle.dumps(model, protocol))
        for protocol in (2, pickle.HIGHEST_PROTOCOL)
    )],
    ids=["deepcopy", "pickle2", "pickle"],
)  # fmt: skip
def test_a_copied_model_trains_its_own_arrays(duplicate):
    model = Model()
    model.train()
    before = model.bits()
    twin = duplicate(model)
    assert twin.bits() == before
    assert twin.optimizer.param_groups[0]["params"][0] is twin.w
    twin.train()
    assert model.bits() == before
    model.train()
    assert twin.bits() == model.bits()
    twin.optimizer.lr = 0.5
    assert model.optimizer.lr == 0.1
