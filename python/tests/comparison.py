"""An optimizer beside its float64 reference, and how far apart the two may be.

The error model. One unit of roundoff is u = eps / 2 of the computation's dtype. After N
steps an element has two kinds of error:

- Its own roundings: one per step, so at most N·u·|p|. They are not independent: a step
  that is the same each time is rounded the same way each time.
- Those of the steps. Each has about 16 roundings of its own (constants rounded to the
  dtype among them), and an average that has run for n steps carries up to n·u, since every
  step multiplies its past by a rounded constant. So at most (N + 16)·u of the path that
  the element has gone: the sum of its |steps|. A rule whose step is a sum in which terms may
  cancel says what the sum of their magnitudes is, which takes the place of |step|; decay
  beside the rule's step is a term of its own.

Where penalties and coupled decay cancel the gradient, |g| + |λ·p| in place of |g + λ·p| is
what the roundings are relative to. So each step counts in the path as often as the sum of
the one, over all steps up to it, is larger than the sum of the other. Up to it, and not up to
the last: a rule that divides by the size of its gradients makes a full step of the first
one, however little of it cancellation has left.

A quantity of the state is held to (N + 16)·u of its own peak, times the largest of these
ratios; Adan's mean of differences of gradients to as much of the gradients' peak, where
penalties have rounded them. A mean of the parameter has the parameter's bound and three
roundings per step.

Where a decision hangs on a sign (Lion's and Rprop's steps, an L1 penalty), both answers are
right for a number within its own error of 0; such elements are left out from then on. A
cautious step may hold none, since each decides about the factor of all.

The bounds are computed per element. In float64 the reference has the same error, hence twice
the bound. After one step the bound is sharp: it has no room for a parameter that is rounded
twice, once by the decay.
"""

import numpy as np
import pytest

from .cases import class_of
from .reference import Reference


class Comparison:
    """Runs an optimizer and its reference side by side, and judges the difference."""

    def __init__(self, name, params, options, *, report_norm=False, loss_scale=1.0):
        self.name = name
        self.params = params
        self.loss_scale = loss_scale
        self.dtype = next(iter(params.values())).dtype
        self.optimizer = class_of(name)(params, **options, report_norm=report_norm)
        self.reference = Reference(name, params, **options)
        self.path = {key: np.zeros(array.shape) for key, array in params.items()}
        self.peak = {key: np.abs(array).astype(float) for key, array in params.items()}
        self.slot_peaks = {
            (key, slot): np.abs(value)
            for key, slots in self.reference.state.items()
            for slot, value in slots.items()
        }
        self.prepared_sum = dict.fromkeys(params, 0.0)  # of |g + λ·p|
        self.magnitude_sum = dict.fromkeys(params, 0.0)  # of |g| + |λ·p|
        self.cancellation = {key: np.ones(array.shape) for key, array in params.items()}
        self.step_peak = dict.fromkeys(params, 0.0)
        self.average = dict.fromkeys(params, 0.0)  # of |gradient|, as Lion averages
        self.is_near_zero = {key: np.zeros(array.shape, bool) for key, array in params.items()}
        self.steps = 0

    def run(self, gradients):
        for grads in gradients:
            report = self.optimizer.step(grads, loss_scale=self.loss_scale)
            momenta = {key: s.get("exp_avg", 0.0) for key, s in self.reference.state.items()}
            before = dict(self.reference.params)
            grad_norm, coefficient = self.reference.step(grads, self.loss_scale)
            self.steps += 1
            self.check_report(report, grad_norm, coefficient)
            self.mark_near_zero(momenta, before)
            self.follow()

    def check_report(self, report, grad_norm, coefficient):
        assert report.status == "updated"
        assert report.step == self.steps
        # A sum of n terms that are not negative has a relative error of at most n·u; a
        # float64 gradient of a float32 parameter is rounded before, by one u of float32.
        # Norms and coefficients are quotients and roots of such sums.
        count = sum(array.size for array in self.params.values())
        relative = 4 * count * np.finfo(float).eps + 4 * np.finfo(self.dtype).eps
        if report.grad_norm is not None:
            assert report.grad_norm == pytest.approx(grad_norm, rel=relative, abs=0)
        assert report.clip_coefficient == pytest.approx(coefficient, rel=relative, abs=0)

    def follow(self):
        for key, prepared in self.reference.prepared.items():
            penalty = self.reference.penalties[key]
            self.prepared_sum[key] += np.abs(prepared)
            self.magnitude_sum[key] += np.abs(prepared - penalty) + np.abs(penalty)
            cancellation = np.divide(
                self.magnitude_sum[key], self.prepared_sum[key],
                out=np.ones_like(prepared), where=self.prepared_sum[key] > 0,
            )  # fmt: skip
            self.path[key] += cancellation * self.reference.magnitudes[key]
            np.maximum(self.cancellation[key], cancellation, out=self.cancellation[key])
        for key, after in self.reference.params.items():
            np.maximum(self.peak[key], np.abs(after), out=self.peak[key])
            for slot, value in self.reference.state[key].items():
                old = self.slot_peaks.get((key, slot), 0.0)
                self.slot_peaks[key, slot] = np.maximum(old, np.abs(value))

    def mark_near_zero(self, momenta, before):
        """Find the elements whose signs are a matter of rounding."""
        options = self.reference.options
        if self.name not in ("lion", "rprop") and not (
            options.get("l1_penalty") or options.get("cautious")
        ):
            return
        for key, prepared in self.reference.prepared.items():
            magnitude = np.abs(prepared - self.reference.penalties[key])
            magnitude = magnitude + np.abs(self.reference.penalties[key])
            # What the parameter's own error is in the gradient.
            inherited = self.penalty_share * self.parameter_bound(key)
            doubt = self.relative * magnitude + inherited
            marks = self.is_near_zero[key]
            if self.name == "lion":
                marks |= self.is_direction_near_zero(key, prepared, momenta[key])
            if self.name == "rprop" and np.any(self.reference.penalties[key]):
                marks |= np.abs(prepared) <= doubt
            if options.get("l1_penalty"):
                marks |= (np.abs(before[key]) <= self.parameter_bound(key)) & (before[key] != 0)
            if options.get("cautious"):
                step = np.abs(self.reference.steps[key])
                self.step_peak[key] = np.maximum(self.step_peak[key], step)
                is_doubtful = (np.abs(prepared) <= doubt) | (
                    (step > 0) & (step <= self.relative * self.step_peak[key])
                )
                assert not np.any(is_doubtful & (magnitude > 0) | marks)

    def is_direction_near_zero(self, key, gradient, momentum):
        beta1, beta2 = self.reference.options.get("betas", (0.9, 0.99))
        magnitude = beta1 * self.average[key] + (1 - beta1) * np.abs(gradient)
        direction = beta1 * momentum + (1 - beta1) * gradient
        self.average[key] = beta2 * self.average[key] + (1 - beta2) * np.abs(gradient)
        return (np.abs(direction) <= self.relative * magnitude) & (magnitude > 0)

    @property
    def penalty_share(self):
        """λ: how much of the parameter is added to the gradient, at most."""
        options = self.reference.options
        return options["weight_decay"] + options.get("l2_penalty", 0.0)

    @property
    def unit(self):
        share = 1.0 if self.dtype == np.float64 else 0.5
        return share * np.finfo(self.dtype).eps

    @property
    def relative(self):
        """(N + 16)·u."""
        return (self.steps + 16) * self.unit

    def parameter_bound(self, key):
        return self.steps * self.unit * self.peak[key] + self.relative * self.path[key]

    def slot_bound(self, key, slot):
        if slot == "ema":
            return self.parameter_bound(key) + 3 * self.steps * self.unit * self.peak[key]
        peak = self.slot_peaks[key, slot]
        if slot == "exp_avg_diff" and np.any(self.reference.penalties[key]):
            peak = np.maximum(peak, 2 * self.slot_peaks[key, "previous_gradient"])
        return self.relative * self.cancellation[key] * peak

    def judge(self):
        for key, array in self.params.items():
            bound = self.parameter_bound(key)
            error = np.abs(array - self.reference.params[key])
            error[self.is_near_zero[key]] = 0.0
            assert np.all(error <= bound), (key, np.max(error / bound))
        self.judge_state()
        masked = sum(int(mask.sum()) for mask in self.is_near_zero.values())
        # The density of direction / magnitude at 0 is about 1: of all comparisons a share
        # of 2·(N + 16)·u per step is in doubt, in float32 0.15 % over 100 steps.
        total = sum(mask.size for mask in self.is_near_zero.values())
        assert masked <= max(1, 0.005 * total)

    def judge_state(self):
        assert list(self.optimizer.state) == list(self.params)
        for key, expected in self.reference.state.items():
            slots = self.optimizer.state[key]
            assert set(slots) == set(expected)
            for slot, value in expected.items():
                if np.ndim(value) == 0:
                    # float64, computed in the same order; but powers of numbers that are no
                    # whole ones (in mu_product) are off by an ULP now and then.
                    relative = self.steps * np.finfo(float).eps if slot == "mu_product" else 0
                    assert slots[slot] == pytest.approx(value, rel=relative, abs=0)
                    continue
                assert slots[slot].dtype == self.dtype
                assert slots[slot].shape == self.params[key].shape
                error = np.abs(slots[slot] - value)
                error[self.is_near_zero[key]] = 0.0
                assert np.all(error <= self.slot_bound(key, slot)), (key, slot)
