"""What one step does besides its rule: clipping, skipping, reports, settings."""

import copy
import math
import pickle

import numpy as np
import pytest

import swiftopt as so

from .cases import (
    BUSY_OPTIONS,
    OF_MATRICES,
    OF_WHOLE_TENSORS,
    RULES,
    class_of,
    make_gradients,
    make_params,
)

all_rules = pytest.mark.parametrize("name", RULES)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def one_step(gradient, dtype=np.float64, **options):
    """The steps that SGD with lr 1 makes from 0: the prepared gradient itself."""
    params = [np.zeros(len(g), dtype) for g in gradient]
    report = so.SGD(params, lr=1.0, **options).step([np.array(g, dtype) for g in gradient])
    return [-p for p in params], report


class TestReport:
    def test_fields(self):
        w = np.ones(2)
        report = so.SGD([w], lr=0.5, momentum=0.9).step([np.array([3.0, 4.0])])
        assert report.status == "updated"
        assert report.step == 1
        assert report.lr == 0.5
        assert report.grad_norm is None
        assert report.clip_coefficient == 1.0
        assert report.first_bad is None
        assert report.update_norm is None
        (group,) = report.groups
        assert group["lr"] == 0.5
        assert group["momentum"] == 0.9
        assert group["weight_decay"] == 0.0
        assert isinstance(report, so.Report)
        assert isinstance(report, tuple)

    def test_step_counts_completed_updates(self):
        optimizer = so.SGD([np.ones(2)], skip_nonfinite=True)
        good, bad = [np.ones(2)], [np.array([1.0, np.inf])]
        steps = [optimizer.step(grads).step for grads in (good, bad, good, bad)]
        assert steps == [1, 1, 2, 2]
        assert optimizer.step_count == 2

    def test_report_outlives_its_optimizer(self):
        optimizer = so.SGD([np.ones(2)], lr=0.25)
        report = optimizer.step([np.ones(2)])
        optimizer.lr = 0.5
        optimizer.step([np.ones(2)])
        optimizer.close()
        assert (report.lr, report.groups[0]["lr"], report.step) == (0.25, 0.25, 1)

    def test_reports_can_be_copied(self):
        report = so.SGD([np.ones(2)], clip_norm=1.0).step([np.ones(2)])
        assert pickle.loads(pickle.dumps(report)) == copy.deepcopy(report) == report


class TestClipping:
    """The numbers are Pythagorean, so that norms are exact."""

    def test_clip_norm(self):
        steps, report = one_step([[3.0], [4.0]], clip_norm=1.0)
        assert report.grad_norm == 5.0
        assert report.clip_coefficient == 0.2
        np.testing.assert_array_equal(steps, [[3.0 * 0.2], [4.0 * 0.2]])

    @pytest.mark.parametrize("limit", [5.0, 5.1, math.inf])
    def test_a_norm_within_the_limit_changes_no_bit(self, limit):
        steps, report = one_step([[3.0], [4.0]], clip_norm=limit)
        assert report.clip_coefficient == 1.0
        np.testing.assert_array_equal(steps, [[3.0], [4.0]])

    def test_clip_tensor_norm_looks_at_each_tensor(self):
        steps, report = one_step([[3.0, 4.0], [0.6, 0.8]], clip_tensor_norm=1.0)
        np.testing.assert_array_equal(steps[0], np.array([3.0, 4.0]) * 0.2)
        np.testing.assert_array_equal(steps[1], [0.6, 0.8])
        assert report.clip_coefficient == 1.0
        assert report.grad_norm == pytest.approx(math.sqrt(26), rel=1e-15)

    def test_clip_value(self):
        steps, report = one_step([[3.0, -0.5, -4.0]], clip_value=1.0)
        np.testing.assert_array_equal(steps, [[1.0, -0.5, -1.0]])
        assert report.grad_norm is None

    def test_order_tensor_norm_then_norm_then_value(self):
        steps, report = one_step(
            [[30.0, 40.0], [0.0, 1.0]], clip_tensor_norm=5.0, clip_norm=2.6, clip_value=1.8
        )
        # (3, 4) and (0, 1) after the tensors' norms: together √26.
        coefficient = 2.6 / math.sqrt(26)
        assert report.clip_coefficient == pytest.approx(coefficient, rel=1e-14)
        expected = np.array([[3.0, 4.0], [0.0, 1.0]]) * coefficient
        np.testing.assert_allclose(steps, np.minimum(expected, 1.8), rtol=1e-14)
        assert steps[0][1] == 1.8

    @both_dtypes
    def test_clipping_happens_before_decay_and_after_nothing(self, dtype):
        w = np.full(2, 8.0, dtype)
        gradient = np.array([3.0, 4.0], dtype)
        so.SGD([w], lr=1.0, weight_decay=0.25, clip_value=1.0, maximize=True).step([gradient])
        # clip to (1, 1), turn around, add 0.25 * 8.
        np.testing.assert_array_equal(w, 8.0 - (np.array([-1.0, -1.0]) + 2.0))
        np.testing.assert_array_equal(gradient, [3.0, 4.0])

    def test_zero_gradients_have_norm_zero(self):
        steps, report = one_step([[0.0], []], clip_norm=1.0, clip_tensor_norm=1.0)
        assert report.grad_norm == 0.0
        assert report.clip_coefficient == 1.0
        assert [step.tolist() for step in steps] == [[0.0], []]

    def test_missing_gradients_do_not_count(self):
        params = [np.zeros(1), np.zeros(1)]
        report = so.SGD(params, clip_norm=1.0).step([None, np.array([2.0])])
        assert report.grad_norm == 2.0
        assert report.clip_coefficient == 0.5


BAD_PLACES = [("a", 0), ("a", 4999), ("b", 0), ("b", 2100), ("b", 2999)]
CHECKS = [{"skip_nonfinite": True}, {"clip_norm": 1.0}, {"clip_tensor_norm": 1.0}]


class TestNonfinite:
    @all_rules
    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: next(iter(check)))
    def test_the_step_is_skipped_without_a_trace(self, name, check, frozen):
        for value in (np.inf, -np.inf, np.nan):
            for tensor, index in BAD_PLACES:
                params = {"a": np.ones(5000, np.float32), "b": np.ones(3000)}
                optimizer = class_of(name)(params, **BUSY_OPTIONS[name], **check)
                grads = {"a": np.full(5000, 0.1, np.float32), "b": np.full(3000, 0.1)}
                optimizer.step(grads)
                grads[tensor][index] = value
                with frozen(params, grads, optimizer=optimizer):
                    report = optimizer.step(grads)
                    assert report.status == "skipped"
                    assert report.first_bad == tensor
                    assert report.step == 1
                    assert not math.isfinite(report.grad_norm)
                grads[tensor][index] = 0.1
                assert optimizer.step(grads).status == "updated"

    def test_the_first_bad_tensor_is_named(self):
        optimizer = so.SGD([np.ones(2) for _ in range(4)], skip_nonfinite=True)
        good, bad = np.ones(2), np.array([0.0, np.nan])
        assert optimizer.step([good, None, bad, bad]).first_bad == "2"

    @both_dtypes
    def test_an_overflowing_norm_is_not_a_bad_gradient(self, dtype):
        # 1e200 squared overflows float64; float32's largest doesn't, its sum stays finite.
        large = {np.float32: 3e38, np.float64: 1e200}[dtype]
        w = np.zeros(3, dtype)
        report = so.SGD([w], lr=1.0, skip_nonfinite=True).step([np.full(3, large, dtype)])
        assert report.status == "updated"
        assert report.first_bad is None
        np.testing.assert_array_equal(w, np.full(3, -large, dtype))
        expected = math.inf if dtype == np.float64 else math.sqrt(3) * large
        assert report.grad_norm == pytest.approx(expected, rel=1e-6)

    def test_clipping_an_overflowing_norm_scales_by_zero(self):
        """limit / ∞ = 0: the gradient is lost, but nothing that isn't finite is written."""
        w = np.ones(3)
        report = so.SGD([w], lr=1.0, clip_norm=1.0).step([np.full(3, 1e200)])
        assert (report.status, report.clip_coefficient) == ("updated", 0.0)
        np.testing.assert_array_equal(w, [1.0, 1.0, 1.0])

    def test_an_overflowing_norm_leaves_the_other_limits_on(self):
        params = [np.zeros(1), np.zeros(2)]
        optimizer = so.SGD(params, lr=1.0, clip_tensor_norm=3.0, clip_norm=1.0)
        assert optimizer.step([np.array([1e200]), np.array([3.0, 4.0])]).status == "updated"
        total = math.sqrt(sum(float(np.sum(p**2)) for p in params))
        assert total <= 1.0 + 1e-15

    def test_float64_gradient_that_overflows_its_float32_parameter(self, frozen):
        w = np.zeros(2, np.float32)
        optimizer = so.SGD([w], skip_nonfinite=True)
        with frozen([w], optimizer=optimizer):
            assert optimizer.step([np.array([1.0, 1e39])]).status == "skipped"

    @all_rules
    def test_without_a_check_nonfinite_gradients_spread(self, name):
        w = np.ones(3)
        report = class_of(name)([w]).step([np.array([np.nan, 1.0, 1.0])])
        assert report.status == "updated"
        if name in OF_WHOLE_TENSORS - OF_MATRICES:  # to which a vector is no matrix
            assert np.isnan(w).all()
        else:
            assert report.first_bad is None
            assert np.isnan(w).tolist() == [True, False, False]

    @pytest.mark.parametrize("name", sorted(OF_MATRICES))
    def test_they_spread_over_a_whole_matrix(self, name):
        w, g = np.ones((3, 3)), np.ones((3, 3))
        g[0, 0] = np.nan
        class_of(name)([w]).step([g])
        assert np.isnan(w).all()

    def test_report_norm_only_observes(self):
        outcomes = []
        for report_norm in (False, True):
            w = np.ones(3)
            optimizer = so.Adam([w], report_norm=report_norm)
            optimizer.step([np.array([3.0, 0.0, 4.0])])
            report = optimizer.step([np.array([np.inf, 0.0, 4.0])])
            assert report.status == "updated"
            outcomes.append(w.tobytes())
        assert outcomes[0] == outcomes[1]
        assert report.first_bad == "0"
        assert report.grad_norm == math.inf


class TestGradients:
    @all_rules
    def test_maximize_mirrors_minimize(self, name):
        """Of the negated gradients, bit by bit."""
        (gradient,) = make_gradients([50], 1)
        down, up = make_params([50]), make_params([50])
        minimizer = class_of(name)(down, **BUSY_OPTIONS[name])
        maximizer = class_of(name)(up, **BUSY_OPTIONS[name], maximize=True)
        for _ in range(3):
            minimizer.step({"p50": -gradient["p50"]})
            maximizer.step({"p50": gradient["p50"]})
        assert down["p50"].tobytes() == up["p50"].tobytes()

    @all_rules
    def test_a_tensor_without_gradient_and_its_state_stay(self, name, frozen):
        params = {"a": np.ones(20), "b": np.ones(20)}
        optimizer = class_of(name)(params, **BUSY_OPTIONS[name])
        gradient = np.full(20, 0.5)
        optimizer.step({"a": gradient, "b": gradient})
        b_state = dict(optimizer.state["b"])
        with frozen(params["b"], b_state):
            report = optimizer.step({"a": gradient, "b": None})
        assert report.step == optimizer.step_count == 2
        assert (optimizer.state["a"]["step"], optimizer.state["b"]["step"]) == (2, 1)
        # b's second update is then what a's second one was: bias corrections count its own.
        optimizer.step({"a": None, "b": gradient})
        assert params["a"].tobytes() == params["b"].tobytes()

    def test_no_gradient_at_all_is_an_update_of_nothing(self):
        w = np.ones(2)
        report = so.Adam([w]).step([None])
        assert (report.status, w.tolist()) == ("updated", [1.0, 1.0])

    def test_one_gradient_array_for_two_parameters(self):
        params = [np.zeros(2), np.zeros(2)]
        gradient = np.array([1.0, 2.0])
        so.SGD(params, lr=1.0).step([gradient, gradient])
        np.testing.assert_array_equal(params, [-gradient, -gradient])

    def test_read_only_gradients_are_welcome(self):
        w, gradient = np.zeros(2), np.ones(2)
        gradient.flags.writeable = False
        so.SGD([w], lr=1.0).step([gradient])
        np.testing.assert_array_equal(w, [-1.0, -1.0])
