"""ReduceOnPlateau: when it reduces, what it refuses, and how its state goes on.

Expected values are worked out by hand from the rules in its docstring; when it reduces is
also compared with torch, in test_peers_control.py.
"""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

metrics = st.one_of(
    st.floats(0, 4), st.sampled_from([math.nan, math.inf, -math.inf, 1.0, -1.0, 1e300])
)
settings = st.fixed_dictionaries(
    {
        "factor": st.sampled_from([0.1, 0.5, 0.9]),
        "mode": st.sampled_from(["min", "max"]),
        "patience": st.integers(0, 3),
        "threshold": st.sampled_from([0.0, 1e-4, 0.3]),
        "threshold_mode": st.sampled_from(["rel", "abs"]),
        "cooldown": st.integers(0, 3),
        "minimum": st.sampled_from([0.0, 0.2]),
    }
)
quiet = pytest.mark.filterwarnings("ignore:ReduceOnPlateau. the metric:RuntimeWarning")


def values(plateau, losses):
    return [(plateau.observe(loss), plateau.value)[1] for loss in losses]


class TestReducing:
    def test_after_more_than_patience_bad_observations(self):
        plateau = so.ReduceOnPlateau(0.5, patience=1)
        losses = [3.0, 2.0, 2.0, 2.5, 2.0, 1.0, 1.0, 1.0]
        assert values(plateau, losses) == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]
        assert plateau.best == 1.0
        assert plateau.observations == 8

    def test_observe_tells_it(self):
        plateau = so.ReduceOnPlateau(0.5, patience=0)
        assert [plateau.observe(1.0) for _ in range(3)] == [False, True, True]

    def test_a_greater_metric_may_be_better(self):
        plateau = so.ReduceOnPlateau(0.5, patience=0, mode="max", threshold=0.0)
        assert values(plateau, [0.5, 0.6, 0.6, 0.7]) == [1, 1, 0.5, 0.5]

    def test_never_below_the_minimum(self):
        plateau = so.ReduceOnPlateau(0.5, patience=0, minimum=0.3)
        assert values(plateau, [1.0] * 5) == [1, 0.5, 0.3, 0.3, 0.3]
        assert [plateau.observe(1.0), plateau.state["reductions"]] == [False, 2]

    def test_a_relative_threshold_has_the_right_sign_below_zero(self):
        """torch takes -100 -> -99.995 for an improvement: its bound is -100 * (1 - 1e-4)."""
        plateau = so.ReduceOnPlateau(0.5, patience=0)
        assert values(plateau, [-100.0, -99.995, -100.02]) == [1, 0.5, 0.5]
        assert plateau.best == -100.02

    @given(settings=settings, losses=st.lists(metrics, max_size=40))
    @quiet
    def test_the_value_is_always_in_its_range_and_never_rises(self, settings, losses):
        plateau = so.ReduceOnPlateau(**settings)
        before = 1.0
        for loss in losses:
            reduced = plateau.observe(loss)
            assert settings["minimum"] <= plateau.value <= before
            assert reduced == (plateau.value < before)
            before = plateau.value


class TestMetrics:
    @pytest.mark.parametrize("metric", [math.nan, math.inf, -math.inf, np.float32("nan")])
    def test_one_that_is_not_finite_is_no_improvement_and_said(self, metric):
        plateau = so.ReduceOnPlateau(0.5, patience=0)
        plateau.observe(3.0)
        with pytest.warns(RuntimeWarning, match=r"ReduceOnPlateau: the metric of observation 1 is"):
            assert plateau.observe(metric)
        assert plateau.best == 3.0
        assert plateau.state["nonfinite"] == 1

    def test_a_warning_that_is_an_error_changes_nothing(self):
        plateau = so.ReduceOnPlateau()
        with pytest.raises(RuntimeWarning):
            plateau.observe(math.nan)  # pytest turns warnings into errors
        assert plateau.state == so.ReduceOnPlateau().state

    @pytest.mark.parametrize(
        "metric", [2, 2.0, np.float16(2), np.float64(2), np.int8(2), np.array(2), np.array(2.0)]
    )
    def test_numbers_of_all_kinds(self, metric):
        plateau = so.ReduceOnPlateau()
        plateau.observe(metric)
        assert plateau.best == 2.0

    def test_bfloat16(self, bfloat16):
        array = np.array(0x4000, np.uint16)  # 2.0
        metric = so.bfloat16_view(array) if bfloat16 is None else array.view(bfloat16)
        plateau = so.ReduceOnPlateau()
        plateau.observe(metric)
        assert plateau.best == 2.0

    @pytest.mark.parametrize("metric", ["2", None, [2.0], np.ones(1), True, 1j, {}])
    def test_no_numbers(self, metric):
        plateau = so.ReduceOnPlateau()
        with pytest.raises(TypeError, match=r"^metric is .*; it must be a number$"):
            plateau.observe(metric)
        assert plateau.observations == 0


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"factor": 1.0}, r"^factor is 1; it must be > 0 and < 1$"),
            ({"factor": 0.0}, "factor"),
            ({"factor": math.nan}, "factor is nan"),
            ({"mode": "least"}, "mode is 'least'; it must be 'min' or 'max'"),
            ({"patience": -1}, "patience is -1; it must be a whole number"),
            ({"patience": 2.5}, "patience is 2.5"),
            ({"threshold": -1e-4}, "threshold"),
            ({"threshold_mode": "relative"}, "threshold_mode"),
            ({"cooldown": math.inf}, "cooldown"),
            ({"minimum": 1.5}, r"minimum is 1.5; it must be in \[0, 1\]"),
        ],
    )
    def test_values(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            so.ReduceOnPlateau(**arguments)

    def test_types(self):
        with pytest.raises(TypeError, match=r"factor is '0\.1'; it must be a number"):
            so.ReduceOnPlateau("0.1")
        with pytest.raises(TypeError, match="patience is True"):
            so.ReduceOnPlateau(patience=True)

    def test_repr_is_the_call(self):
        assert repr(so.ReduceOnPlateau()) == "ReduceOnPlateau()"
        plateau = so.ReduceOnPlateau(0.5, mode="max", cooldown=2)
        assert repr(plateau) == "ReduceOnPlateau(factor=0.5, mode='max', cooldown=2)"

    def test_settings_and_values_can_not_be_set(self):
        plateau = so.ReduceOnPlateau()
        for name in ("value", "best", "patience"):
            with pytest.raises(AttributeError):
                setattr(plateau, name, 1)


class TestState:
    def test_is_a_plain_dict(self):
        plateau = so.ReduceOnPlateau(0.5, patience=0, cooldown=3)
        assert plateau.state == {
            "value": 1.0, "best": None, "bad_observations": 0, "cooldown_left": 0,
            "observations": 0, "nonfinite": 0, "reductions": 0,
        }  # fmt: skip
        plateau.observe(2.0)
        plateau.observe(2.0)
        assert plateau.state == {
            "value": 0.5, "best": 2.0, "bad_observations": 0, "cooldown_left": 3,
            "observations": 2, "nonfinite": 0, "reductions": 1,
        }  # fmt: skip

    @pytest.mark.parametrize("how", ["state", "pickle", "deepcopy"])
    @given(settings=settings, losses=st.lists(metrics, max_size=40), at=st.integers(0, 40))
    @quiet
    def test_goes_on_as_if_it_had_never_stopped(self, how, settings, losses, at):
        whole, first = so.ReduceOnPlateau(**settings), so.ReduceOnPlateau(**settings)
        expected = [(whole.observe(loss), whole.value) for loss in losses]
        for loss in losses[:at]:
            first.observe(loss)
        if how == "state":
            second = so.ReduceOnPlateau(**settings)
            second.load_state(first.state)
        else:
            second = pickle.loads(pickle.dumps(first)) if how == "pickle" else copy.deepcopy(first)
        assert repr(second) == repr(first)
        actual = [(second.observe(loss), second.value) for loss in losses[at:]]
        assert actual == expected[at:]
        assert second.state == whole.state

    def test_shallow_copies_would_share_it(self):
        for machine in (so.ReduceOnPlateau(), so.EarlyStopping(), so.LossScaler()):
            with pytest.raises(TypeError, match="deepcopy"):
                copy.copy(machine)

    def test_numpy_numbers_will_do(self):
        plateau = so.ReduceOnPlateau()
        plateau.observe(3.0)
        other = so.ReduceOnPlateau()
        other.load_state({name: np.array(float(number)) for name, number in plateau.state.items()})
        assert other.state == plateau.state

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"value": 0.0}, ValueError, r"^state: value is 0; it must be in \[minimum, 1\]$"),
            ({"value": 1.1}, ValueError, "value"),
            ({"value": None}, TypeError, r"state\['value'\] is None"),
            ({"value": math.nan}, ValueError, r"state\['value'\] is nan"),
            ({"best": math.inf}, ValueError, "best is inf"),
            ({"best": math.nan}, ValueError, "best"),
            ({"best": "1"}, TypeError, "best"),
            ({"bad_observations": -1}, ValueError, "bad_observations is -1"),
            ({"bad_observations": 0.5}, ValueError, "bad_observations"),
            ({"cooldown_left": 2**60}, ValueError, "cooldown_left"),
            ({"observations": True}, TypeError, "observations"),
            ({"nonfinite": 10**400}, ValueError, "nonfinite"),
            ({"extra": 1}, ValueError, "'extra' is unknown to a ReduceOnPlateau"),
        ],
    )
    def test_hostile_ones_are_refused_and_change_nothing(self, changes, error, message):
        plateau = so.ReduceOnPlateau(minimum=0.1)
        plateau.observe(2.0)
        before = plateau.state
        with pytest.raises(error, match=message):
            plateau.load_state({**before, **changes})
        assert plateau.state == before

    @pytest.mark.parametrize("state", [None, [], "state", {}, {"value": 1.0}])
    def test_other_things_are_refused(self, state):
        with pytest.raises((TypeError, ValueError), match="state"):
            so.ReduceOnPlateau().load_state(state)

    def test_the_one_of_another_machine_is_refused(self):
        with pytest.raises(ValueError, match="missing"):
            so.ReduceOnPlateau().load_state(so.EarlyStopping().state)
