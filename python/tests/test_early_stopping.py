"""EarlyStopping: when it says to stop, and the weights that it keeps.

Expected values are worked out by hand from the rules in its docstring.
"""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

metrics = st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, 1.0, 2.0]))
quiet = pytest.mark.filterwarnings("ignore:EarlyStopping. the metric:RuntimeWarning")


class TestStopping:
    def test_at_the_last_observation_of_patience(self):
        stopping = so.EarlyStopping(patience=2, min_delta=0.5)
        losses = [3.0, 2.6, 2.4, 2.1, 1.9]
        assert [stopping.observe(loss) for loss in losses] == [False] * 4 + [True]
        assert (stopping.best, stopping.best_observation, stopping.observations) == (2.4, 2, 5)

    def test_nothing_before_the_first_observation(self):
        stopping = so.EarlyStopping()
        assert (stopping.best, stopping.best_observation) == (None, None)
        assert (stopping.observations, stopping.should_stop) == (0, False)

    @pytest.mark.parametrize("patience", [0, 1])
    def test_the_least_patience(self, patience):
        stopping = so.EarlyStopping(patience)
        assert [stopping.observe(loss) for loss in (2.0, 1.0, 1.0)] == [False, False, True]

    def test_an_improvement_after_all_takes_it_back(self):
        stopping = so.EarlyStopping(1, mode="max")
        assert [stopping.observe(score) for score in (0.5, 0.4, 0.6)] == [False, True, False]
        assert not stopping.should_stop
        assert stopping.best_observation == 2

    @given(losses=st.lists(metrics, max_size=30), patience=st.integers(0, 4),
           delta=st.sampled_from([0.0, 0.5]), mode=st.sampled_from(["min", "max"]))  # fmt: skip
    @quiet
    def test_against_the_rule_itself(self, losses, patience, delta, mode):
        stopping = so.EarlyStopping(patience, min_delta=delta, mode=mode)
        best = best_index = None
        for index, loss in enumerate(losses):
            if math.isfinite(loss) and (
                best is None or (loss < best - delta if mode == "min" else loss > best + delta)
            ):
                best, best_index = loss, index
            last = -1 if best_index is None else best_index
            assert stopping.observe(loss) == (index - last >= max(1, patience))
            assert (stopping.best, stopping.best_observation) == (best, best_index)

    @pytest.mark.parametrize("metric", [math.nan, math.inf, -math.inf])
    def test_a_metric_that_is_not_finite_is_no_improvement_and_said(self, metric):
        w = np.ones(1)
        stopping = so.EarlyStopping(1, params=[w])
        with pytest.warns(RuntimeWarning, match="EarlyStopping: the metric of observation 0 is"):
            assert stopping.observe(metric)
        assert (stopping.best, stopping.state["nonfinite"]) == (None, 1)
        with pytest.raises(ValueError, match="no metric has been finite"):
            stopping.restore()

    @pytest.mark.parametrize("metric", ["2", None, [2.0], np.ones(1), True])
    def test_no_numbers(self, metric):
        stopping = so.EarlyStopping()
        with pytest.raises(TypeError, match="metric is"):
            stopping.observe(metric)
        assert stopping.observations == 0

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"patience": -1}, "patience is -1"),
            ({"min_delta": -0.1}, r"min_delta is -0\.1; it must be finite and >= 0"),
            ({"mode": "maximum"}, "mode is 'maximum'"),
            ({"path": "best.safetensors"}, "give params too"),
        ],
    )
    def test_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            so.EarlyStopping(**arguments)


class TestState:
    def test_is_a_plain_dict_with_copies(self):
        w = np.ones(2)
        stopping = so.EarlyStopping(params={"w": w})
        assert stopping.state == {
            "best": None, "bad_observations": 0, "observations": 0, "nonfinite": 0,
            "best_params": {},
        }  # fmt: skip
        stopping.observe(2.0)
        state = stopping.state
        state["best_params"]["w"][:] = 9
        stopping.restore()
        assert w.tolist() == [1, 1]
        assert so.EarlyStopping().state.keys() == state.keys() - {"best_params"}

    @pytest.mark.parametrize("how", ["state", "pickle", "deepcopy"])
    @given(losses=st.lists(metrics, max_size=20), at=st.integers(0, 20))
    @quiet
    def test_goes_on_as_if_it_had_never_stopped(self, how, losses, at):
        def run(stopping, w, begin, end):
            told = []
            for index, loss in enumerate(losses[begin:end], begin):
                w[0] = index
                told.append(stopping.observe(loss))
            return told

        whole_w, w = np.full(1, -1.0), np.full(1, -1.0)
        whole, first = (so.EarlyStopping(2, params=[array]) for array in (whole_w, w))
        expected = run(whole, whole_w, 0, None)
        run(first, w, 0, at)
        if how == "state":
            second = so.EarlyStopping(2, params=[w])
            second.load_state(first.state)
        elif how == "pickle":
            second, w = pickle.loads(pickle.dumps((first, w)))
        else:
            second, w = copy.deepcopy((first, w))
        assert run(second, w, at, None) == expected[at:]
        if whole.best is not None:
            whole.restore()
            second.restore()
            assert w[0] == whole_w[0] == whole.best_observation

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"best": math.inf}, ValueError, "best is inf"),
            ({"best": None}, ValueError, "best_params"),
            ({"bad_observations": -1}, ValueError, "bad_observations"),
            ({"observations": 1.5}, ValueError, "observations"),
            ({"nonfinite": True}, TypeError, "nonfinite"),
            ({"more": 1}, ValueError, "'more' is unknown"),
            ({"best_params": None}, TypeError, "best_params"),
            ({"best_params": {}}, ValueError, "best_params"),
            ({"best_params": {"v": np.ones(2)}}, ValueError, r"has \['v'\]; it must have \['w'\]"),
            ({"best_params": {"w": np.ones(3)}}, ValueError, r"\['w'\] has shape \(3,\)"),
            ({"best_params": {"w": np.ones(2, np.float32)}}, ValueError, "float32"),
            ({"best_params": {"w": "11"}}, ValueError, r"\['w'\] has shape"),
        ],
    )
    def test_hostile_ones_are_refused_and_change_nothing(self, changes, error, message):
        w = np.ones(2)
        stopping = so.EarlyStopping(params={"w": w})
        stopping.observe(1.0)
        before = stopping.state
        with pytest.raises(error, match=message):
            stopping.load_state({**before, **changes})
        after = stopping.state
        assert after.pop("best_params")["w"].tolist() == before.pop("best_params")["w"].tolist()
        assert after == before

    def test_one_without_weights_does_not_take_one_with_them(self):
        stopping = so.EarlyStopping(params=[np.ones(1)])
        with pytest.raises(ValueError, match="'best_params' is unknown"):
            so.EarlyStopping().load_state(stopping.state)
        with pytest.raises(ValueError, match="'best_params' is missing"):
            stopping.load_state(so.EarlyStopping().state)
