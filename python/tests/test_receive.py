"""Gradients that are handed over one by one.

Expected values: the same step with all gradients given at once.
"""

import numpy as np
import pytest

import swiftopt as so


class TestReceive:
    def test_it_is_a_step_with_these_gradients(self):
        rng = np.random.default_rng(3)
        params = {"a": rng.standard_normal((40, 50)), "b": [rng.standard_normal(7)]}
        twin = {"a": params["a"].copy(), "b": [params["b"][0].copy()]}
        one, other = so.Adam(params, clip_norm=1.0), so.Adam(twin, clip_norm=1.0)
        for _ in range(3):
            a, b = rng.standard_normal((40, 50)), rng.standard_normal(7)
            other.receive("b.0", b)
            other.receive("a", a)
            assert one.step({"a": a, "b": [b]}) == other.step()
        assert params["a"].tobytes() == twin["a"].tobytes()
        assert params["b"][0].tobytes() == twin["b"][0].tobytes()

    def test_what_was_not_received_stays(self):
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0)
        optimizer.receive("b", np.array([5.0]))
        optimizer.receive("b", np.array([1.0]))
        optimizer.step()
        assert (params["a"][0], params["b"][0]) == (0.0, -1.0)
        with pytest.raises(ValueError, match="bind"):
            optimizer.step()

    def test_loss_scale(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0, clip_norm=1.0)
        optimizer.receive("0", np.array([2048.0]))
        assert optimizer.step(loss_scale=1024.0).grad_norm == 2.0
        assert w[0] == -1.0

    def test_given_gradients_count_instead(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.receive("0", np.array([5.0]))
        optimizer.step([np.array([1.0])])
        assert w[0] == -1.0
        with pytest.raises(ValueError, match="bind"):
            optimizer.step()

    def test_a_replaced_array_keeps_them(self):
        w, other = np.zeros(1), np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.receive("0", np.array([5.0]))
        optimizer.step(params=[other])
        assert (w[0], other[0]) == (0.0, -5.0)

    def test_refusals(self, refused):
        w = np.zeros(2)
        optimizer = so.SGD([w])
        rows = [
            (("1", np.ones(2)), ValueError, "'1'"),
            (("0", np.ones(3)), ValueError, "shape"),
            (("0", np.ones(2, int)), TypeError, "int64"),
            (("0", 1.0), TypeError, "'0'"),
        ]
        for arguments, error, word in rows:
            refused(
                lambda arguments=arguments: optimizer.receive(*arguments),
                error, [word], optimizer, w,
            )  # fmt: skip
        with pytest.raises(ValueError, match="accumulate"):
            so.SGD([w], accumulate=2).receive("0", np.ones(2))
        with pytest.raises(ValueError, match="without params"):
            so.SGD().receive("0", np.ones(2))
