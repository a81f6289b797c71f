"""Steps with a LossScaler: divided, checked, skipped or made, and the scale moved.

Expected values are worked out by hand from the rules in its docstring.
"""

import gc
import signal

import numpy as np
import pytest

import swiftopt as so

from .cases import RULES, class_of

INFINITE = np.array([np.inf])


def one(value, dtype=np.float64):
    return {"w": np.array([value], dtype)}


def sgd(w, **options):
    return so.SGD({"w": w}, lr=1.0, **options)


class TestStep:
    def test_divides_by_the_scale(self):
        w, scaler = np.zeros(1), so.LossScaler(1024.0)
        report = sgd(w, report_norm=True).step(one(2048.0), scaler=scaler)
        assert w[0] == -2.0
        assert (report.status, report.grad_norm, report.loss_scale) == ("updated", 2.0, 1024.0)

    def test_the_report_has_the_new_scale(self):
        w, scaler = np.zeros(1), so.LossScaler(8.0, growth_interval=2)
        optimizer = sgd(w)
        reports = [
            optimizer.step(one(scaler.loss_scale * value), scaler=scaler)
            for value in (1.0, 1.0, np.nan, 1.0)
        ]
        assert [report.loss_scale for report in reports] == [8, 16, 8, 8]
        assert [report.status for report in reports] == ["updated", "updated", "skipped", "updated"]
        assert [report.first_bad for report in reports] == [None, None, "w", None]
        assert w[0] == -3.0
        assert optimizer.step(one(1.0)).loss_scale is None

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_bad_gradient_skips_whatever_skip_nonfinite_is(self, value, frozen):
        w, scaler = np.ones(1), so.LossScaler(8.0)
        optimizer = sgd(w, skip_nonfinite=False)
        with frozen(w, optimizer=optimizer):
            assert optimizer.step(one(value), scaler=scaler).status == "skipped"
        assert scaler.state == {"scale": 4.0, "good_steps": 0, "updated": 0, "skipped": 1}
        assert not optimizer.skip_nonfinite
        assert optimizer.step(one(value)).status == "updated"  # as it was asked for

    def test_schedules_do_not_advance(self):
        w, scaler = np.zeros(1), so.LossScaler(8.0)
        optimizer = so.SGD({"w": w}, lr=so.piecewise_constant([1.0, 10.0], boundaries=[1]))
        lrs = [optimizer.step(one(v), scaler=scaler).lr for v in (np.inf, 8.0, np.inf, 8.0)]
        assert lrs == [1.0, 1.0, 10.0, 10.0]

    @pytest.mark.parametrize("name", RULES)
    @pytest.mark.parametrize("dtype", [np.float32, np.float16])
    def test_every_rule_steps_as_without(self, name, dtype):
        """A power of two makes no rounding error, and float16 parameters have masters."""
        start = np.linspace(-1, 1, 12).reshape(3, 4).astype(dtype)
        gradient = np.linspace(0.5, -0.25, 12).reshape(3, 4).astype(np.float16)
        w, v, scaler = start.copy(), start.copy(), so.LossScaler(64.0)
        scaled, plain = class_of(name)({"w": w}), class_of(name)({"w": v})
        for _ in range(3):
            scaled.step({"w": (gradient * np.float16(64))}, scaler=scaler)
            plain.step({"w": gradient})
        assert w.tobytes() == v.tobytes()
        for slot, array in plain.state["w"].items():
            assert scaled.state["w"][slot].tobytes() == array.tobytes(), slot

    def test_float16_gradients_that_would_underflow(self):
        """1e-8 is 0 in float16 and 6.6e-4 after scaling; the master keeps what it adds up to."""
        w, scaler = np.ones(1, np.float16), so.LossScaler(65536.0)
        optimizer = so.SGD({"w": w}, lr=1.0)
        assert np.float16(1e-8) == 0
        for _ in range(1000):
            gradient = np.array([scaler.scale(np.float32(1e-8))]).astype(np.float16)
            assert optimizer.step({"w": gradient}, scaler=scaler).status == "updated"
        # float16 rounds the scaled gradient by 2**-11, the master each sum by 2**-25.
        total = 1000 * float(gradient[0]) / 65536
        assert abs(total - 1e-5) < 1e-5 * 2.0**-11
        assert abs(1 - float(optimizer.state["w"]["master"][0]) - total) < 1000 * 2.0**-25

    def test_a_run_finds_its_scale(self):
        """Gradients of 3 overflow float16 above a scale of 16384: two steps are skipped."""
        w, scaler = np.zeros(1, np.float16), so.LossScaler(65536.0, growth_interval=5)
        optimizer = sgd(w)
        statuses = []
        for _ in range(9):
            with np.errstate(over="ignore"):
                gradient = np.array([scaler.scale(3.0)]).astype(np.float16)
            statuses.append(optimizer.step({"w": gradient}, scaler=scaler).status[0])
        assert "".join(statuses) == "ssuuuuusu"
        assert (scaler.loss_scale, w[0]) == (16384.0, -18.0)

    def test_bound_and_received_gradients(self):
        w, scaler, gradient = np.zeros(1), so.LossScaler(8.0), np.array([8.0])
        optimizer = sgd(w)
        optimizer.bind({"w": gradient})
        assert optimizer.step(scaler=scaler).loss_scale == 8.0
        for value, status in ((np.inf, "skipped"), (4.0, "updated")):
            optimizer.receive("w", np.array([value]))
            assert optimizer.step(scaler=scaler).status == status
        gradient[0] = 4.0
        optimizer.step(scaler=scaler)
        assert w[0] == -3.0

    def test_two_optimizers_with_a_loss_each(self):
        a, b, scaler = np.zeros(1), np.zeros(1), so.LossScaler(8.0, growth_interval=1)
        for w in (a, b):
            sgd(w).step(one(scaler.scale(1.0)), scaler=scaler)
        assert (a[0], b[0], scaler.loss_scale) == (-1.0, -1.0, 32.0)

    def test_an_interrupt_comes_between_no_step_and_its_scaler(self):
        w, gradient = np.ones(50_000), [np.ones(50_000)]
        optimizer, scaler = so.SGD([w], lr=1e-9), so.LossScaler()

        def interrupt(number, frame):
            raise KeyboardInterrupt

        old = signal.signal(signal.SIGALRM, interrupt)
        interrupts = 0
        gc.disable()
        try:
            for delay in np.linspace(2e-5, 2e-4, 400):
                try:
                    signal.setitimer(signal.ITIMER_REAL, delay)
                    for _ in range(20):
                        optimizer.step(gradient, scaler=scaler)
                except KeyboardInterrupt:
                    interrupts += 1
                assert optimizer.step_count == scaler.updated
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
            gc.enable()
        assert interrupts > 100


class TestAccumulation:
    def test_the_scale_moves_at_the_end_of_a_window(self):
        w, scaler = np.zeros(1), so.LossScaler(8.0, growth_interval=1)
        optimizer = sgd(w, accumulate=2)
        reports = [optimizer.step(one(8.0 * g), scaler=scaler) for g in (1.0, 3.0)]
        assert [(r.status, r.loss_scale) for r in reports] == [
            ("accumulating", 8.0), ("updated", 16.0),
        ]  # fmt: skip
        assert w[0] == -2.0
        assert optimizer.step(one(16.0)).loss_scale is None

    @pytest.mark.parametrize("bad", [0, 1, 2])
    def test_a_bad_micro_batch_discards_the_window(self, bad):
        w, scaler = np.zeros(1), so.LossScaler(8.0)
        optimizer = sgd(w, accumulate=3)
        values = [8.0, 8.0, 8.0]
        values[bad] = np.inf
        reports = [optimizer.step(one(value), scaler=scaler, samples=2) for value in values]
        assert [report.status for report in reports] == ["accumulating"] * 2 + ["skipped"]
        assert [report.loss_scale for report in reports] == [8.0, 8.0, 4.0]
        for value in (4.0, 8.0, 12.0):
            report = optimizer.step(one(value), scaler=scaler)
        assert (report.status, w[0]) == ("updated", -2.0)


class TestLazyAndFunctional:
    def test_update(self):
        w, scaler, optimizer = np.zeros(1), so.LossScaler(8.0), so.SGD(lr=1.0)
        report = optimizer.update("w", w, np.array([16.0]), scaler=scaler)
        assert (w[0], report.loss_scale) == (-2.0, 8.0)
        assert optimizer.update("w", w, INFINITE, scaler=scaler).loss_scale == 4.0

    def test_several_keys_would_be_divided_by_a_scale_that_has_moved(self, refused):
        w, v, scaler, optimizer = np.zeros(1), np.zeros(1), so.LossScaler(8.0), so.SGD(lr=1.0)
        optimizer.update("w", w, np.array([16.0]), scaler=scaler)
        before = scaler.state
        refused(
            lambda: optimizer.update("v", v, np.array([16.0]), scaler=scaler),
            ValueError, ["'v'", "scaler.update()"], optimizer, w, v,
        )  # fmt: skip
        assert scaler.state == before
        static = so.LossScaler(16.0, dynamic=False)
        assert optimizer.update("v", v, np.array([16.0]), scaler=static).status == "updated"
        assert v[0] == -1.0

    def test_apply(self):
        scaler, optimizer, params = so.LossScaler(8.0), so.SGD(lr=1.0), one(0.0)
        state = optimizer.init(params)
        new, state, report = optimizer.apply(params, one(16.0), state, scaler=scaler)
        assert (new["w"][0], report.loss_scale, scaler.updated) == (-2.0, 8.0, 1)
        same, _, report = optimizer.apply(new, one(np.nan), state, scaler=scaler)
        assert (same["w"][0], report.status, report.loss_scale) == (-2.0, "skipped", 4.0)
