"""The weights that EarlyStopping keeps, in memory or in a file, and gives back."""

import sys

import numpy as np
import pytest

import swiftopt as so


class TestWeights:
    @pytest.mark.parametrize(
        "nest",
        [
            lambda a, b: [a, b],
            lambda a, b: {"a": a, "b": b},
            lambda a, b: {"layers": [{"w": a}, (b,)]},
            lambda a, b: [{"params": [a]}, {"params": [b], "lr": 0.1}],
        ],
    )
    def test_the_best_come_back_in_place(self, nest):
        a, b = np.ones(3), np.ones((), np.float32)
        stopping = so.EarlyStopping(params=nest(a, b))
        for value, loss in ((1.0, 3.0), (2.0, 1.0), (3.0, 2.0)):
            a[:], b[...] = value, value
            stopping.observe(loss)
        stopping.restore()
        assert (a.tolist(), float(b)) == ([2.0] * 3, 2.0)

    def test_one_array(self):
        w = np.zeros(2)
        stopping = so.EarlyStopping(params=w)
        stopping.observe(1.0)
        w[:] = 5
        stopping.restore()
        assert w.tolist() == [0, 0]

    def test_every_bit_comes_back(self):
        rng = np.random.default_rng(4)
        w = rng.integers(0, 2**32, 1000, np.uint32).view(np.float32)  # nan and inf among them
        before = w.tobytes()
        stopping = so.EarlyStopping(params=[w])
        stopping.observe(1.0)
        w[:] = 0
        stopping.restore()
        assert w.tobytes() == before

    def test_bfloat16(self, bfloat16):
        bits = np.arange(0, 2**16, 97, dtype=np.uint16)
        w = so.bfloat16_view(bits) if bfloat16 is None else bits.view(bfloat16)
        before = bits.copy()
        stopping = so.EarlyStopping(params={"w": w})
        stopping.observe(1.0)
        bits[:] = 0
        other = so.EarlyStopping(params={"w": w})
        other.load_state(stopping.state)
        for machine in (stopping, other):
            bits[:] = 0
            machine.restore()
            np.testing.assert_array_equal(bits, before)

    def test_entries_of_a_dict_may_be_replaced(self):
        params = {"w": np.ones(2)}
        stopping = so.EarlyStopping(params=params)
        params["w"] = np.full(2, 7.0)
        stopping.observe(1.0)
        params["w"] = np.zeros(2)
        stopping.restore()
        assert params["w"].tolist() == [7, 7]

    def test_a_replacement_of_another_shape_is_refused(self):
        params = {"v": np.ones(2), "w": np.ones(2)}
        stopping = so.EarlyStopping(params=params)
        stopping.observe(1.0)
        for other in (np.ones(3), np.ones(2, np.float32)):
            params["w"], params["v"][:] = other, 5.0
            with pytest.raises(ValueError, match="parameter 'w' has shape"):
                stopping.restore()
            assert params["v"].tolist() == [5, 5]

    def test_averaged_weights_are_kept_inside_evaluation(self):
        w = np.array([8.0])
        optimizer = so.SGD([w], lr=1.0, ema_decay=0.5)
        stopping = so.EarlyStopping(params=[w])
        optimizer.step([np.array([4.0])])
        with optimizer.evaluation():
            stopping.observe(1.0)
        assert w[0] == 4.0
        stopping.restore()
        assert w[0] == 6.0

    def test_a_master_overwrites_what_was_restored_and_a_new_optimizer_does_not(self):
        """As the docstring of restore() says."""
        w = np.array([1.0], np.float16)
        optimizer = so.SGD([w], lr=1.0)
        stopping = so.EarlyStopping(params=[w])
        stopping.observe(1.0)
        optimizer.step([np.array([0.5])])
        stopping.restore()
        assert w[0] == 1.0
        optimizer.step([np.zeros(1)])
        assert w[0] == 0.5
        stopping.restore()
        so.SGD([w], lr=1.0).step([np.zeros(1)])
        assert w[0] == 1.0

    def test_without_params(self):
        stopping = so.EarlyStopping()
        stopping.observe(1.0)
        with pytest.raises(ValueError, match="make the EarlyStopping with params="):
            stopping.restore()

    def test_arrays_that_could_not_be_restored(self):
        w = np.ones(2)
        w.flags.writeable = False
        with pytest.raises(ValueError, match="parameter '0' is read-only"):
            so.EarlyStopping(params=[w])
        with pytest.raises(TypeError, match="parameter '0' is a float"):
            so.EarlyStopping(params=[1.0])

    def test_a_failed_copy_does_not_count(self):
        params = {"w": np.ones(2)}
        stopping = so.EarlyStopping(params=params)
        stopping.observe(2.0)
        before = stopping.state
        del params["w"]
        with pytest.raises(ValueError, match="'w' is missing"):
            stopping.observe(1.0)
        params["w"] = np.zeros(2)
        assert stopping.state["best"] == before["best"] == 2.0
        assert stopping.observations == 1
        stopping.restore()
        assert params["w"].tolist() == [1, 1]


class TestFile:
    def test_the_best_come_back_from_it(self, tmp_path):
        w, path = np.zeros(3, np.float32), tmp_path / "best.safetensors"
        stopping = so.EarlyStopping(params=[{"params": [w]}], path=path)
        for value, loss in ((1.0, 3.0), (2.0, 1.0), (3.0, 2.0)):
            w[:] = value
            stopping.observe(loss)
        assert path.exists()
        assert "best_params" not in stopping.state
        again = so.EarlyStopping(params=[{"params": [w]}], path=path)
        again.load_state(stopping.state)
        again.restore()
        assert w.tolist() == [2, 2, 2]

    def test_what_would_fail_at_the_first_improvement_is_told_before_training(self, monkeypatch):
        with pytest.raises(TypeError, match="path is 3; it must be a str"):
            so.EarlyStopping(params=[np.ones(1)], path=3)
        monkeypatch.setitem(sys.modules, "safetensors", None)  # importing it raises ImportError
        with pytest.raises(ImportError, match=r"install swiftopt\[checkpoint\]"):
            so.EarlyStopping(params=[np.ones(1)], path="best.safetensors")
        so.EarlyStopping(params=[np.ones(1)])  # in memory it needs no package

    def test_a_save_that_fails_does_not_count(self, tmp_path):
        stopping = so.EarlyStopping(params=[np.ones(1)], path=tmp_path / "none" / "best")
        before = stopping.state
        with pytest.raises(OSError, match="none"):
            stopping.observe(1.0)
        assert stopping.state == before
