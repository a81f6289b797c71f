"""Averages whose decay varies, against NumPy in float64, and what evaluation() shows of them.

A running mean with decay d is ``ema = d * ema + (1 - d) * p``. With d = k / (k + 1) after k
snapshots it is their equal mean (Izmailov et al. 2018, "Averaging weights leads to wider
optima", section 3), 0 copies and 1 leaves alone.
"""

import numpy as np
import pytest

import swiftopt as so

from .cases import RULES, class_of, make_gradients, make_params

STEPS = 40


def varying_decay(steps):
    """A different decay at each step, ends included."""
    decays = np.random.default_rng(8).random(steps)
    decays[[0, 5, 6, 9]] = [0.0, 1.0, 1.0, 0.0]
    return decays.tolist()


def equal_mean(steps, start, every=1):
    """The decays of the mean of the parameters after update `start`, start + every, ..."""
    decays, snapshots = [], 0
    for n in range(steps):
        if n < start or (n - start) % every:
            decays.append(0.0 if n < start else 1.0)
        else:
            decays.append(snapshots / (snapshots + 1))
            snapshots += 1
    return decays


def as_schedule(decays):
    return so.piecewise_constant(decays, boundaries=range(1, len(decays)))


def trained(optimizer, param, gradients):
    """The parameter after each step, in float64."""
    history = []
    for grads in gradients:
        optimizer.step(grads)
        history.append(np.array(param, np.float64))
    return history


def warmed_up(steps, decay, gamma, power):
    """timm's decays, of ModelEmaV3 with use_warmup."""
    return [min(decay, 1 - (1 + n / gamma) ** -power) for n in range(steps)]


class TestEMA:
    @pytest.mark.parametrize("name", RULES)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_a_decay_that_varies(self, name, dtype):
        params, decays = make_params([33], dtype), varying_decay(STEPS)
        start = params["p33"].astype(np.float64)
        optimizer = class_of(name)(params, ema_decay=as_schedule(decays))
        gradients = make_gradients([33], STEPS, dtype)
        expected = start
        for decay, values in zip(decays, trained(optimizer, params["p33"], gradients), strict=True):
            expected = decay * expected + (1 - decay) * values
        # Each step rounds two factors, two products and a sum of numbers up to `size`, and
        # the decay damps what came before; without that they would add up over all steps.
        size = max(np.abs(expected).max(), np.abs(params["p33"]).max(), np.abs(start).max())
        error = np.abs(optimizer.state["p33"]["ema"] - expected).max()
        assert error <= 4 * STEPS * size * np.finfo(dtype).eps / 2

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("decay", [0.0, 1.0])
    def test_the_ends_are_exact_for_every_number(self, dtype, decay):
        special = np.array([np.inf, -np.inf, np.nan, -0.0, 0.0, 1.0, 5e-324, 1e-45], dtype)
        w = np.repeat(special, len(special))
        optimizer = so.SGD({"w": w}, lr=0.0, ema_decay=decay)
        ema = optimizer.state["w"]["ema"]
        ema[:] = np.tile(special, len(special))
        old = ema.copy()
        optimizer.step({"w": np.ones_like(w)})
        assert ema.tobytes() == (w if decay == 0 else old).tobytes()

    @pytest.mark.parametrize(("decay", "gamma", "power"), [(0.9, 1.0, 2 / 3), (0.99, 4.0, 0.75)])
    def test_a_decay_that_warms_up(self, decay, gamma, power):
        params, gradients = make_params([33]), make_gradients([33], STEPS)
        optimizer = so.Adam(params, lr=0.1, ema_decay=so.ema_warmup(decay, gamma, power))
        expected = params["p33"].astype(np.float64)
        history = trained(optimizer, params["p33"], gradients)
        for d, values in zip(warmed_up(STEPS, decay, gamma, power), history, strict=True):
            expected = d * expected + (1 - d) * values
        error = np.abs(optimizer.state["p33"]["ema"] - expected).max()
        assert error <= 4 * STEPS * np.abs(history).max() * 2.0**-24

    def test_off_and_on_again_begins_anew(self):
        """What was averaged before the pause is no mean of what is trained now."""
        w = np.array([8.0])
        optimizer = so.SGD({"w": w}, lr=1.0, ema_decay=0.5)
        optimizer.step({"w": np.array([4.0])})  # ema 6
        optimizer.ema_decay = None
        optimizer.step({"w": np.array([100.0])})
        optimizer.ema_decay = 0.5
        optimizer.step({"w": np.array([4.0])})
        assert optimizer.state["w"]["ema"][0] == 0.5 * -96.0 + 0.5 * -100.0
        with optimizer.evaluation():
            assert w[0] == -98.0

    def test_another_decay_goes_on(self):
        w = np.array([8.0])
        optimizer = so.SGD({"w": w}, lr=1.0, ema_decay=0.5)
        optimizer.step({"w": np.array([4.0])})
        optimizer.ema_decay = 0.75
        optimizer.step({"w": np.array([2.0])})
        assert optimizer.state["w"]["ema"][0] == 0.75 * 6.0 + 0.25 * 2.0

    def test_a_plateau_may_drive_it(self):
        plateau, w = so.ReduceOnPlateau(0.5, patience=0), np.array([8.0])
        optimizer = so.SGD({"w": w}, lr=1.0, ema_decay=1.0 * plateau)
        optimizer.step({"w": np.array([4.0])})
        assert optimizer.state["w"]["ema"][0] == 8.0
        plateau.observe(1.0)
        plateau.observe(1.0)
        optimizer.step({"w": np.array([2.0])})
        assert optimizer.state["w"]["ema"][0] == 0.5 * 8.0 + 0.5 * 2.0


class TestSWA:
    @pytest.mark.parametrize(("start", "every"), [(0, 1), (7, 1), (10, 5)])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_is_the_mean_of_the_snapshots(self, start, every, dtype):
        params = make_params([33], dtype)
        # A cyclic learning rate, as in the paper.
        lr = so.linear(0.1, 0.01, total=every).repeat(every)
        decay = so.swa(start, every)
        assert [decay(n) for n in range(STEPS)] == equal_mean(STEPS, start, every)
        optimizer = so.SGD(params, lr=lr, momentum=0.9, ema_decay=decay)
        history = trained(optimizer, params["p33"], make_gradients([33], STEPS, dtype))
        expected = np.mean(history[start::every], axis=0)
        # Four roundings per snapshot, of numbers as large as the largest.
        snapshots, size = len(history[start::every]), np.abs(history).max()
        error = np.abs(optimizer.state["p33"]["ema"] - expected).max()
        assert error <= 4 * snapshots * size * np.finfo(dtype).eps / 2

    def test_before_the_start_it_follows_the_parameters(self):
        w = np.array([8.0])
        optimizer = so.SGD({"w": w}, lr=1.0, ema_decay=so.swa(3))
        for _ in range(3):
            optimizer.step({"w": np.ones(1)})
            assert optimizer.state["w"]["ema"][0] == w[0]


@pytest.mark.parametrize(
    "decays", [varying_decay(12), equal_mean(12, 4), equal_mean(12, 2, 3)], ids=["ema", "swa", "3"]
)
class TestEvaluation:
    def test_shows_the_mean_and_gives_every_bit_back(self, decays):
        params, copied = make_params([5, 3]), {"p3": np.zeros(3, np.float16)}
        optimizer = so.Adam(params, ema_decay=as_schedule(decays), publish=copied)
        for grads in make_gradients([5, 3], 12):
            optimizer.step(grads)
        before = {name: array.tobytes() for name, array in {**params, "copy": copied["p3"]}.items()}
        with optimizer.evaluation():
            for name, array in params.items():
                assert array.tobytes() == optimizer.state[name]["ema"].tobytes()
            ema = optimizer.state["p3"]["ema"]
            assert copied["p3"].tobytes() == ema.astype(np.float16).tobytes()
        assert before == {
            name: array.tobytes() for name, array in {**params, "copy": copied["p3"]}.items()
        }

    @pytest.mark.parametrize("low_precision", ["master", "kahan", "stochastic", "nearest"])
    def test_low_precision_parameters_have_means_in_float32(self, decays, low_precision):
        w = np.linspace(-1, 1, 33).astype(np.float16)
        expected = w.astype(np.float64)
        optimizer = so.SGD(
            {"w": w}, lr=0.01, low_precision=low_precision, ema_decay=as_schedule(decays)
        )
        for decay, grads in zip(decays, make_gradients([33], 12), strict=True):
            optimizer.step({"w": grads["p33"]})
            trained = optimizer.state["w"].get("master", w).astype(np.float64)
            expected = decay * expected + (1 - decay) * trained
        ema, before = optimizer.state["w"]["ema"], w.tobytes()
        assert ema.dtype == np.float32
        assert np.abs(ema - expected).max() <= 4 * 12 * np.abs(expected).max() * 2.0**-24
        with optimizer.evaluation():
            assert w.tobytes() == ema.astype(np.float16).tobytes()
        assert w.tobytes() == before

    def test_a_run_that_was_resumed_has_the_same_mean(self, decays):
        whole, halves = make_params([33]), make_params([33])
        gradients, schedule = make_gradients([33], 12), as_schedule(decays)
        straight, first = (so.Adam(p, ema_decay=schedule) for p in (whole, halves))
        trained(straight, whole["p33"], gradients)
        trained(first, halves["p33"], gradients[:7])
        second = so.Adam(halves, ema_decay=schedule)
        second.load_state(first.state)
        trained(second, halves["p33"], gradients[7:])
        assert second.state["p33"]["ema"].tobytes() == straight.state["p33"]["ema"].tobytes()
