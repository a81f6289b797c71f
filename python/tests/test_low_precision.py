"""How float16 and bfloat16 parameters keep what their dtypes can't hold.

The task of all tests: 1000 steps of 2**-14 from 1 down. In float16 a step is an 8th of the
distance to the next number, in bfloat16 a 64th, so rounding to the nearest would lose every
one of them. All the sums are exact in float32.
"""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import decoded, kind_of, write, zeros

from .cases import copied_state

STEPS = 1000
STEP = 2.0**-14
GOAL = 1 - STEPS * STEP
# Distance of neighbours just below 1.
SPACING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}

both_kinds = pytest.mark.parametrize("kind", SPACING)


def parameter(kind, size=1):
    w = zeros((size,), kind)
    write(w, 1.0)
    return w


def trained(kind, size=1, steps=STEPS, **options):
    w = parameter(kind, size)
    optimizer = so.SGD({"w": w}, lr=STEP, **options)
    for _ in range(steps):
        optimizer.step({"w": np.ones(size, np.float32)})
    return decoded(w), optimizer


@both_kinds
class TestEachWay:
    def test_nearest_stalls(self, kind):
        w, optimizer = trained(kind, low_precision="nearest")
        assert w[0] == 1.0
        assert set(optimizer.state["w"]) == {"step"}

    def test_master_is_the_default_and_exact(self, kind):
        w, optimizer = trained(kind)
        master = optimizer.state["w"]["master"]
        assert (master.dtype, master[0]) == (np.float32, GOAL)
        assert abs(w[0] - GOAL) <= SPACING[kind] / 2
        assert optimizer.low_precision == "master"

    def test_kahan_keeps_the_errors(self, kind):
        w, optimizer = trained(kind, low_precision="kahan")
        compensation = optimizer.state["w"]["compensation"]
        assert kind_of(compensation) == kind
        # The compensation is below a spacing, and rounds by at most 2**-9 of itself in each
        # step.
        slack = STEPS * SPACING[kind] * 2.0**-9
        assert abs(w[0] + decoded(compensation)[0] - GOAL) <= slack
        assert abs(w[0] - GOAL) <= SPACING[kind] + slack

    def test_stochastic_is_right_on_average(self, kind):
        """Each element is a sum of 1000 independent roundings.

        One rounds by a spacing at most, so the variance of an element is at most
        STEPS * STEP * SPACING (a rounding down with probability STEP / SPACING moves by
        SPACING), and the mean of 10 000 elements lies within 6 of its deviations with a
        probability above 1 - 1e-8.
        """
        size = 10_000
        w, optimizer = trained(kind, size, low_precision="stochastic")
        deviation = np.sqrt(STEPS * STEP * SPACING[kind] / size)
        assert abs(np.mean(w, dtype=np.float64) - GOAL) <= 6 * deviation
        assert np.unique(w).size > 3
        assert set(optimizer.state["w"]) == {"step"}

    def test_the_seed_decides(self, kind):
        options = {"low_precision": "stochastic", "size": 300, "steps": 50}
        first, again, other = (trained(kind, seed=seed, **options)[0] for seed in (1, 1, 2))
        assert first.tobytes() == again.tobytes()
        assert first.tobytes() != other.tobytes()

    @pytest.mark.parametrize("way", ["master", "kahan", "stochastic"])
    def test_copies_and_states_go_on_alike(self, kind, way):
        _, optimizer = trained(kind, 300, 50, low_precision=way)
        twins = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
        loaded_w = optimizer.param_groups[0]["params"][0].copy()
        loaded = so.SGD({"w": loaded_w}, lr=STEP, low_precision=way)
        loaded.load_state(copied_state(optimizer))
        for o in (optimizer, *twins, loaded):
            for _ in range(50):
                o.step({"w": np.ones(300)})
        outcome = optimizer.param_groups[0]["params"][0]
        for o in (*twins, loaded):
            assert o.param_groups[0]["params"][0].tobytes() == outcome.tobytes()


class TestMaster:
    def test_it_starts_as_the_parameter(self):
        w = np.array([0.5, -3.0], np.float16)
        assert so.SGD([w]).state["0"]["master"].tolist() == [0.5, -3.0]

    def test_it_is_what_the_mean_is_of(self):
        w = np.array([1.0], np.float16)
        optimizer = so.SGD([w], lr=STEP, ema_decay=0.5)
        optimizer.step([np.ones(1)])
        assert w[0] == 1.0
        assert optimizer.state["0"]["ema"][0] == np.float32(1 - STEP / 2)

    def test_a_group_may_differ(self):
        params = {"w": np.ones(1, np.float16), "v": np.ones(1, np.float16)}
        optimizer = so.SGD(params, overrides={"v": {"low_precision": "kahan"}})
        assert set(optimizer.state["w"]) == {"step", "master"}
        assert set(optimizer.state["v"]) == {"step", "compensation"}

    @pytest.mark.parametrize("way", ["master", "kahan", "stochastic", "nearest"])
    def test_others_do_not_care(self, way):
        outcomes = []
        for options in ({}, {"low_precision": way}):
            params = [np.ones(3, np.float32), np.ones(3)]
            optimizer = so.SGD(params, lr=0.1, **options)
            optimizer.step([np.ones(3), np.ones(3)])
            outcomes.append([array.tobytes() for array in params])
            assert set(optimizer.state["0"]) == {"step"}
        assert outcomes[0] == outcomes[1]

    def test_a_state_without_it_is_refused(self, refused):
        w = np.ones(1, np.float16)
        optimizer = so.SGD([w])
        refused(
            lambda: optimizer.load_state({"0": {"step": np.zeros(())}}),
            ValueError, ["'master' is missing"], optimizer, w,
        )  # fmt: skip
