"""Gradient accumulation: means over micro-batches, weighted by their samples.

Expected values: SGD with the mean as its gradient, in float64; the numbers are small
integers and powers of two, so the sums are exact.
"""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of, copied_state, make_gradients, make_params

all_rules = pytest.mark.parametrize("name", RULES)
WINDOW = ["micro_batches", "samples", "accumulated"]


def window_of(optimizer, name="0"):
    return [float(optimizer.state[name][slot]) for slot in WINDOW]


def sgd(w, accumulate=2, **options):
    return so.SGD([w], lr=1.0, accumulate=accumulate, **options)


def g(*values):
    return [np.array(values, np.float64)]


class TestMean:
    def test_of_equal_batches(self):
        w = np.zeros(2)
        optimizer = sgd(w, 4)
        reports = [optimizer.step(g(n, -n)) for n in (1.0, 2.0, 3.0, 6.0)]
        assert [report.status for report in reports] == ["accumulating"] * 3 + ["updated"]
        assert [report.step for report in reports] == [0, 0, 0, 1]
        assert w.tolist() == [-3.0, 3.0]

    def test_of_uneven_batches(self):
        w = np.zeros(1)
        optimizer = sgd(w, 3)
        for value, samples in ((1.0, 3), (2.0, 4), (9.0, 1)):
            optimizer.step(g(value), samples=samples)
        assert w[0] == -(3 * 1 + 4 * 2 + 1 * 9) / 8

    def test_each_window_begins_anew(self):
        w = np.zeros(1)
        optimizer = sgd(w)
        for value in (1.0, 3.0, 10.0, 30.0):
            optimizer.step(g(value))
        assert w[0] == -2.0 - 20.0
        assert window_of(optimizer) == [0.0, 0.0, 0.0]

    def test_each_micro_batch_may_have_its_loss_scale(self):
        w = np.zeros(1)
        optimizer = sgd(w)
        optimizer.step(g(64.0), loss_scale=64)
        optimizer.step(g(96.0), loss_scale=32)
        assert w[0] == -2.0

    def test_a_gradient_that_is_missing_counts_as_zero(self):
        params = {"a": np.zeros(1), "b": np.zeros(1), "c": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0, accumulate=2)
        optimizer.step({"a": np.array([2.0]), "b": None, "c": None})
        assert window_of(optimizer, "a") == [1.0, 1.0, 1.0]
        assert window_of(optimizer, "b") == [1.0, 1.0, 0.0]
        optimizer.step({"a": None, "b": np.array([4.0]), "c": None})
        assert [array[0] for array in params.values()] == [-1.0, -2.0, 0.0]
        # In all of them, it leaves the parameter and its step count alone.
        assert [optimizer.state[name]["step"] for name in "abc"] == [1, 1, 0]

    @all_rules
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_every_rule_steps_with_the_mean(self, name, dtype):
        options = {**BUSY_OPTIONS[name], "clip_norm": 1.0}
        mean_params, params = make_params([40, 3], dtype), make_params([40, 3], dtype)
        one, other = (
            class_of(name)(mean_params, **options),
            class_of(name)(params, **options, accumulate=2),
        )
        gradients = make_gradients([40, 3], 6, dtype)
        for first, second in zip(gradients[::2], gradients[1::2], strict=True):
            # Halves of sums round as sums of halves do.
            one.step({key: (first[key] + second[key]) / 2 for key in first})
            other.step(first)
            other.step(second)
        tolerance = {np.float32: 1e-6, np.float64: 1e-14}[dtype]
        for key, array in mean_params.items():
            np.testing.assert_allclose(params[key], array, rtol=tolerance, atol=tolerance)


class TestReports:
    def test_of_a_micro_batch(self):
        w = np.zeros(1)
        optimizer = sgd(w, clip_norm=1.0, report_norm=True)
        report = optimizer.step(g(3.0))
        assert report == ("accumulating", 0, 1.0, report.groups, None, 1.0, None, None, None)
        assert isinstance(report, so.Report)
        assert report.groups[0]["lr"] == 1.0
        assert w[0] == 0.0

    def test_limits_and_norms_are_of_the_mean(self):
        w = np.zeros(1)
        optimizer = sgd(w, clip_norm=1.0)
        optimizer.step(g(3.0))
        report = optimizer.step(g(5.0))
        assert (report.grad_norm, report.clip_coefficient) == (4.0, 0.25)
        assert w[0] == -1.0

    def test_schedules_count_updates(self):
        w = np.zeros(1)
        optimizer = sgd(w)
        optimizer.lr = so.piecewise_constant([1.0, 10.0], boundaries=[1])
        assert [optimizer.step(g(1.0)).lr for _ in range(4)] == [1.0, 1.0, 10.0, 10.0]
        assert w[0] == -11.0
        assert optimizer.step_count == 2


class TestSkipping:
    def test_one_bad_micro_batch_discards_its_window(self):
        w = np.zeros(1)
        optimizer = sgd(w, skip_nonfinite=True)
        optimizer.step(g(np.nan))
        report = optimizer.step(g(1.0))
        assert (report.status, report.step, report.first_bad) == ("skipped", 0, "0")
        assert w[0] == 0.0
        assert window_of(optimizer) == [0.0, 0.0, 0.0]
        optimizer.step(g(1.0))
        assert optimizer.step(g(3.0)).status == "updated"
        assert w[0] == -2.0

    def test_a_refused_micro_batch_is_not_counted(self, refused):
        w = np.zeros(1)
        optimizer = sgd(w)
        optimizer.step(g(1.0))
        for grads in (g(1.0, 2.0), g(1.0) * 2, [np.ones(1, int)], None):
            refused(
                lambda grads=grads: optimizer.step(grads),
                (TypeError, ValueError), [], optimizer, w,
            )  # fmt: skip
        optimizer.step(g(3.0))
        assert w[0] == -2.0


def by_state(optimizer, w):
    twin_w = w.copy()
    twin = sgd(twin_w, 3)
    twin.load_state(copied_state(optimizer))
    return twin, twin_w


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda o, w: pickle.loads(pickle.dumps((o, w))),
        lambda o, w: copy.deepcopy((o, w)),
        by_state,
    ],
    ids=["pickle", "deepcopy", "state"],
)
def test_the_position_in_a_window_survives(duplicate):
    w = np.zeros(2)
    optimizer = sgd(w, 3)
    optimizer.step(g(1.0, 0.1))
    optimizer.step(g(5.0, 0.1), samples=2)
    twin, twin_w = duplicate(optimizer, w)
    assert window_of(twin) == [2.0, 3.0, 1.0]
    for o in (optimizer, twin):
        assert o.step(g(-3.0, 0.3)).status == "updated"
    assert w[0] == -(1.0 + 2 * 5.0 - 3.0) / 4
    assert w.tobytes() == twin_w.tobytes()


def test_loading_the_state_before_a_window_discards_it():
    w = np.zeros(1)
    optimizer = sgd(w)
    start = copied_state(optimizer)
    optimizer.step(g(100.0))
    optimizer.load_state(start)
    optimizer.step(g(1.0))
    optimizer.step(g(3.0))
    assert w[0] == -2.0


@pytest.mark.parametrize("value", [-1.0, 0.5, np.nan])
def test_a_state_with_an_impossible_count_is_refused(value, refused):
    w = np.zeros(1)
    optimizer = sgd(w)
    state = copied_state(optimizer)
    state["0"]["micro_batches"][...] = value
    refused(lambda: optimizer.load_state(state), ValueError, ["micro_batches"], optimizer, w)


class TestArrays:
    def test_accumulators_are_state(self):
        params = {"w": np.zeros(3, np.float32), "v": np.zeros(2)}
        optimizer = so.SGD(params, accumulate=2)
        optimizer.step({"w": np.ones(3, np.float32), "v": np.ones(2)}, samples=4)
        slots = optimizer.state["w"]
        assert set(slots) == {"step", "accumulator", *WINDOW}
        assert slots["accumulator"].dtype == np.float32
        assert slots["accumulator"].tolist() == [4.0] * 3
        assert optimizer.state["v"]["accumulator"].dtype == np.float64

    def test_there_is_nothing_of_it_without(self):
        assert set(so.SGD([np.zeros(1)]).state["0"]) == {"step"}

    def test_replaced_arrays_go_on_in_the_window(self):
        w, other = np.zeros(1), np.zeros(1)
        optimizer = sgd(w)
        optimizer.step(g(1.0))
        optimizer.step(g(3.0), params=[other])
        assert (w[0], other[0]) == (0.0, -2.0)

    def test_new_parameters_join_the_window(self):
        params = {"w": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0, accumulate=2)
        optimizer.step({"w": np.array([1.0])})
        params["v"] = np.zeros(1)
        optimizer.set_params(params)
        optimizer.step({"w": np.array([3.0]), "v": np.array([4.0])})
        assert (params["w"][0], params["v"][0]) == (-2.0, -2.0)

    def test_bound_gradients(self):
        w, gradient = np.zeros(1), np.zeros(1)
        optimizer = sgd(w)
        optimizer.bind([gradient])
        for value in (1.0, 3.0):
            gradient[:] = value
            optimizer.step()
        assert w[0] == -2.0

    def test_lazy_keys_have_windows_of_their_own(self):
        optimizer = so.SGD(lr=1.0, accumulate=2)
        a, b = np.zeros(1), np.zeros(1)
        calls = [("a", a, 1.0), ("b", b, 2.0), ("a", a, 3.0)]
        status = [optimizer.update(key, w, *g(value)).status for key, w, value in calls]
        assert status == ["accumulating", "accumulating", "updated"]
        assert (a[0], b[0]) == (-2.0, 0.0)

    def test_the_functional_form_accumulates_in_its_state(self):
        optimizer = so.SGD(lr=1.0, accumulate=2)
        params = [np.zeros(1)]
        state = optimizer.init(params)
        middle, state, report = optimizer.apply(params, g(1.0), state, samples=3)
        assert (report.status, middle[0][0]) == ("accumulating", 0.0)
        end, _, report = optimizer.apply(middle, g(5.0), state, samples=1)
        assert (report.status, end[0][0]) == ("updated", -2.0)
