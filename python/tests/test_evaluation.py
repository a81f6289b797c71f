"""Averaged weights: how ema_decay keeps them, and how evaluation() shows them.

Expected values: ema = d * ema + (1 - d) * p after each update, in float64, from the start.
"""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of, copied_state, make_gradients, make_params

all_rules = pytest.mark.parametrize("name", RULES)


def sgd(w, **options):
    return so.SGD({"w": w}, lr=1.0, **{"ema_decay": 0.5, **options})


def one(value):
    return {"w": np.array([value], np.float64)}


class TestMean:
    @all_rules
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_of_the_parameters_after_each_update(self, name, dtype):
        params = make_params([33], dtype)
        optimizer = class_of(name)(params, **{**BUSY_OPTIONS[name], "lr": 0.1}, ema_decay=0.75)
        expected = params["p33"].astype(np.float64)
        for grads in make_gradients([33], 10, dtype):
            optimizer.step(grads)
            expected = 0.75 * expected + 0.25 * params["p33"]
        ema = optimizer.state["p33"]["ema"]
        assert ema.dtype == dtype
        # Each step rounds three times, relative to parameters of at most 8.
        np.testing.assert_allclose(ema, expected, rtol=0, atol=30 * 8 * np.finfo(dtype).eps / 2)

    def test_the_parameters_themselves_are_what_they_are_without(self):
        plain, averaged = make_params([300]), make_params([300])
        first, second = so.Adam(plain), so.Adam(averaged, ema_decay=0.9)
        for grads in make_gradients([300], 3):
            first.step(grads)
            second.step(grads)
        assert plain["p300"].tobytes() == averaged["p300"].tobytes()

    def test_a_schedule(self):
        w = np.array([8.0])
        optimizer = sgd(w, ema_decay=so.piecewise_constant([0.0, 0.5], boundaries=[1]))
        optimizer.step(one(4.0))
        assert optimizer.state["w"]["ema"][0] == 4.0
        optimizer.step(one(2.0))
        assert optimizer.state["w"]["ema"][0] == 0.5 * 4.0 + 0.5 * 2.0

    def test_the_schedules_made_for_it(self):
        # The mean of every second one from the third on, and a mean that begins as a copy.
        w = np.zeros(1)
        equal = sgd(w, ema_decay=so.swa(2, every=2))
        means = []
        for _ in range(8):  # w goes 1, 2, ... 8
            equal.step(one(-1.0))
            means.append(equal.state["w"]["ema"][0])
        assert means == pytest.approx([1, 2, 3, 3, 4, 4, 5, 5], rel=1e-15)
        schedule, mean, w = so.ema_warmup(0.9), 0.0, np.zeros(1)
        growing = sgd(w, ema_decay=schedule)
        for n in range(30):
            growing.step(one(-1.0))
            mean = schedule(n) * mean + (1 - schedule(n)) * (n + 1)
            assert growing.state["w"]["ema"][0] == pytest.approx(mean, rel=1e-14)

    def test_skipped_steps_do_not_count(self):
        w = np.array([8.0])
        optimizer = sgd(w, skip_nonfinite=True)
        optimizer.step(one(np.nan))
        assert optimizer.state["w"]["ema"][0] == 8.0

    def test_it_can_be_switched_on_and_off(self):
        w = np.array([8.0])
        optimizer = sgd(w, ema_decay=None)
        optimizer.step(one(4.0))
        assert "ema" not in optimizer.state["w"]
        optimizer.ema_decay = 0.5
        optimizer.step(one(2.0))
        assert optimizer.state["w"]["ema"][0] == 0.5 * 4.0 + 0.5 * 2.0
        optimizer.ema_decay = None
        optimizer.step(one(1.0))
        assert optimizer.state["w"]["ema"][0] == 3.0
        with pytest.raises(ValueError, match="no averaged weights"), optimizer.evaluation():
            pass

    def test_groups_decide_for_themselves(self):
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0, overrides={"b": {"ema_decay": 0.5}})
        optimizer.step({"a": np.ones(1), "b": np.ones(1)})
        assert "ema" not in optimizer.state["a"]
        with optimizer.evaluation():
            assert (params["a"][0], params["b"][0]) == (-1.0, -0.5)

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
    def test_copies_and_states_have_it(self, duplicate):
        w = np.array([8.0])
        optimizer = sgd(w)
        optimizer.step(one(4.0))
        twin, other = duplicate(optimizer), sgd(np.array([0.0]))
        other.load_state(copied_state(optimizer))
        for o in (twin, other):
            assert o.state["w"]["ema"][0] == 6.0
            with o.evaluation():
                assert o.param_groups[0]["params"][0][0] == 6.0


class TestEvaluation:
    def test_every_bit_comes_back(self):
        rng = np.random.default_rng(4)
        bits = rng.integers(0, 2**32, 1000, np.uint32)
        w = bits.view(np.float32)  # nan, inf and denormal numbers among them
        optimizer = so.SGD([w], ema_decay=0.5)
        optimizer.state["0"]["ema"][:] = 7.0
        before = w.tobytes()
        with optimizer.evaluation():
            assert (w == 7.0).all()
        assert w.tobytes() == before

    def test_also_after_an_error(self):
        w = np.array([8.0])
        optimizer = sgd(w)
        optimizer.step(one(4.0))
        with pytest.raises(KeyError), optimizer.evaluation():
            raise KeyError
        assert w[0] == 4.0
        optimizer.step(one(1.0))
        assert w[0] == 3.0

    def test_nothing_changes_the_optimizer_inside(self, frozen):
        w = np.array([8.0])
        optimizer = sgd(w)
        optimizer.bind(one(1.0))
        state = copied_state(optimizer)
        calls = [
            optimizer.step,
            lambda: optimizer.step(one(1.0)),
            lambda: optimizer.step(one(1.0), params={"w": w}),
            lambda: optimizer.step(one(1.0), loss_scale=2.0),
            lambda: optimizer.receive("w", np.ones(1)),
            lambda: optimizer.rebind({"w": np.ones(1)}),
            lambda: optimizer.set_params({"w": w}),
            lambda: optimizer.load_state(state),
            lambda: pickle.dumps(optimizer),
            lambda: optimizer.evaluation().__enter__(),
        ]
        with optimizer.evaluation(), frozen(w, optimizer=optimizer):
            for call in calls:
                with pytest.raises(RuntimeError, match="evaluation"):
                    call()
        assert optimizer.step().status == "updated"

    def test_nothing_to_show(self, frozen):
        w = np.array([8.0])
        optimizer = sgd(w, ema_decay=None)
        with frozen(w, optimizer=optimizer), pytest.raises(ValueError, match="ema_decay="):
            optimizer.evaluation().__enter__()
        assert optimizer.step(one(1.0)).status == "updated"

    def test_the_state_can_be_read_inside(self):
        w = np.array([8.0])
        optimizer = sgd(w)
        optimizer.step(one(4.0))
        with optimizer.evaluation():
            assert copied_state(optimizer)["w"]["ema"][0] == w[0] == 6.0

    def test_low_precision_parameters_show_the_nearest(self):
        w = np.array([1.0], np.float16)
        optimizer = so.SGD([w], ema_decay=0.5)
        optimizer.state["0"]["ema"][:] = 1 + 0.75 * 2.0**-10
        with optimizer.evaluation():
            assert w[0] == np.float16(1 + 2.0**-10)
        assert w[0] == 1.0

    def test_published_copies_too(self):
        w, copied = np.array([8.0], np.float32), np.zeros(1, np.float16)
        optimizer = sgd(w, publish={"w": copied})
        optimizer.step(one(4.0))
        with optimizer.evaluation():
            assert (w[0], copied[0]) == (6.0, 6.0)
        assert (w[0], copied[0]) == (4.0, 4.0)

    def test_without_params(self):
        optimizer, w = so.SGD(lr=1.0, ema_decay=0.5), np.array([8.0])
        optimizer.update("w", w, np.array([4.0]))
        with optimizer.evaluation():
            assert w[0] == 6.0
            with pytest.raises(RuntimeError, match="evaluation"):
                optimizer.update("w", w, np.array([4.0]))
        assert w[0] == 4.0

    def test_a_rule_with_means_of_its_own(self):
        class Doubled(so.SGD):
            def _averaged(self, parameter, slots, group):
                assert group["momentum"] == 0.5
                assert slots["step"] == 1
                return parameter + 2 * slots["momentum_buffer"]

        w = np.array([8.0], np.float32)
        optimizer = Doubled([w], lr=1.0, momentum=0.5)
        optimizer.step([np.array([4.0])])
        with optimizer.evaluation():
            assert w[0] == 4.0 + 2 * 4.0
        assert w[0] == 4.0
