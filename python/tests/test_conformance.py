"""Every registered rule against its float64 reference, found by discovery.

The error model. One unit of roundoff is u = eps / 2 of the computation's dtype. After N
steps an element has two kinds of error:

- Its own roundings: one per step, so at most N·u·|p|. They are not independent: a step
  that is the same each time is rounded the same way each time.
- Those of the steps. Each has about 16 roundings of its own (constants rounded to the
  dtype among them), and an average that has run for n steps carries up to n·u, since every
  step multiplies its past by a rounded constant. So at most (N + 16)·u of the path that
  the element has gone: the sum of its |steps|.

A quantity of the state is held to (N + 16)·u of its own peak. Where the coupled decay cancels
the gradient, |g| + |λ·p| in place of |g + λ·p| is what the roundings are relative to: the
sum of the one over the sum of the other, over all steps, widens the second bound.

The bounds are computed per element. In float64 the reference has the same error, hence twice
the bound. After one step the bound is sharp: it has no room for a parameter that is rounded
twice, once by the decay.
"""

import inspect
from pathlib import Path

import numpy as np
import pytest

import swiftopt

from .cases import (
    BUSY_OPTIONS,
    RULES,
    VARIANTS_OF_ALL,
    VARIANTS_OF_RULE,
    class_of,
    make_gradients,
    make_params,
    native_options,
    variant_id,
    variants,
)
from .reference import REFERENCES, Reference

DOCS = Path(__file__).parents[2] / "docs" / "optimizers.md"
WIDTH = 16  # elements of the widest vector
TILE = 2048  # elements that are worked on together
SIZES = [0, 1, WIDTH - 1, WIDTH, WIDTH + 1, 2 * TILE + 1]

all_variants = pytest.mark.parametrize(("name", "options"), variants(), ids=variant_id)
all_rules = pytest.mark.parametrize("name", RULES)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class Comparison:
    """Runs an optimizer and its reference side by side, and judges the difference."""

    def __init__(self, name, params, options, *, report_norm=False):
        self.name = name
        self.params = params
        self.dtype = next(iter(params.values())).dtype
        self.optimizer = class_of(name)(params, **options, report_norm=report_norm)
        self.reference = Reference(name, params, **options)
        self.path = {key: np.zeros(array.shape) for key, array in params.items()}
        self.peak = {key: np.abs(array).astype(float) for key, array in params.items()}
        self.slot_peaks = {}
        self.prepared_sum = dict.fromkeys(params, 0.0)  # of |g + λ·p|
        self.magnitude_sum = dict.fromkeys(params, 0.0)  # of |g| + |λ·p|
        self.average = dict.fromkeys(params, 0.0)  # of |gradient|, as Lion averages
        self.is_near_zero = {key: np.zeros(array.shape, bool) for key, array in params.items()}
        self.steps = 0

    def run(self, gradients):
        for grads in gradients:
            report = self.optimizer.step(grads)
            before = dict(self.reference.params)
            momenta = {key: s.get("exp_avg", 0.0) for key, s in self.reference.state.items()}
            grad_norm, coefficient = self.reference.step(grads)
            self.steps += 1
            self.check_report(report, grad_norm, coefficient)
            self.follow(before)
            if self.name == "lion":
                self.mark_near_zero(momenta)

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

    def follow(self, before):
        rule, options = self.reference.rule, self.reference.options
        decay = 0.0 if rule.is_decoupled else options["weight_decay"]
        for key, prepared in self.reference.prepared.items():
            penalty = decay * before[key]
            self.prepared_sum[key] += np.abs(prepared)
            self.magnitude_sum[key] += np.abs(prepared - penalty) + np.abs(penalty)
        for key, after in self.reference.params.items():
            self.path[key] += np.abs(after - before[key])
            np.maximum(self.peak[key], np.abs(after), out=self.peak[key])
            for slot, value in self.reference.state[key].items():
                old = self.slot_peaks.get((key, slot), 0.0)
                self.slot_peaks[key, slot] = np.maximum(old, np.abs(value))

    def mark_near_zero(self, momenta):
        """Lion takes a sign: where its argument is within rounding of 0, both are right."""
        beta1, beta2 = self.reference.options.get("betas", (0.9, 0.99))
        for key, gradient in self.reference.prepared.items():
            magnitude = beta1 * self.average[key] + (1 - beta1) * np.abs(gradient)
            direction = beta1 * momenta[key] + (1 - beta1) * gradient
            doubt = (self.steps + 16) * self.unit * magnitude
            self.is_near_zero[key] |= (np.abs(direction) <= doubt) & (magnitude > 0)
            self.average[key] = beta2 * self.average[key] + (1 - beta2) * np.abs(gradient)

    @property
    def unit(self):
        share = 1.0 if self.dtype == np.float64 else 0.5
        return share * np.finfo(self.dtype).eps

    def relative_bound(self, key):
        """Of the path of a tensor's elements and of their state."""
        prepared, magnitude = self.prepared_sum[key], self.magnitude_sum[key]
        cancellation = np.divide(
            magnitude, prepared, out=np.ones_like(prepared), where=prepared > 0
        )
        return (self.steps + 16) * self.unit * cancellation

    def judge(self):
        for key, array in self.params.items():
            roundings = self.steps * self.unit * self.peak[key]
            bound = roundings + self.relative_bound(key) * self.path[key]
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
                    assert slots[slot] == value  # float64, computed in the same order
                    continue
                assert slots[slot].dtype == self.dtype
                assert slots[slot].shape == self.params[key].shape
                bound = self.relative_bound(key) * self.slot_peaks[key, slot]
                assert np.all(np.abs(slots[slot] - value) <= bound), (key, slot)


@all_variants
@both_dtypes
@pytest.mark.parametrize("steps", [1, 100])
def test_steps_follow_the_reference(name, options, dtype, steps):
    comparison = Comparison(name, make_params(SIZES, dtype), options)
    comparison.run(make_gradients(SIZES, steps, dtype))
    comparison.judge()


@all_rules
@both_dtypes
def test_gradients_of_the_other_dtype(name, dtype):
    other = np.float64 if dtype == np.float32 else np.float32
    params = make_params(SIZES, dtype)
    comparison = Comparison(name, params, BUSY_OPTIONS[name], report_norm=True)
    comparison.run(make_gradients(SIZES, 100, other))
    comparison.judge()


@all_rules
@pytest.mark.large
def test_a_million_elements(name):
    sizes = [1_000_003]
    comparison = Comparison(name, make_params(sizes, np.float32), BUSY_OPTIONS[name])
    comparison.run(make_gradients(sizes, 3, np.float32))
    comparison.judge()


@all_rules
@both_dtypes
@pytest.mark.parametrize("offset", [1, 3])
def test_views_that_start_between_vectors(name, dtype, offset):
    def misaligned(array):
        block = np.zeros(array.size + offset, dtype)
        block[offset:] = array
        return block[offset:]

    params = {key: misaligned(array) for key, array in make_params(SIZES, dtype).items()}
    comparison = Comparison(name, params, BUSY_OPTIONS[name])
    comparison.run(
        {key: misaligned(array) for key, array in grads.items()}
        for grads in make_gradients(SIZES, 10, dtype)
    )
    comparison.judge()


def off_by_a_byte(size, dtype):
    """A writable array of ones whose elements don't start at multiples of their size."""
    dtype = np.dtype(dtype)
    array = np.zeros(size * dtype.itemsize + 1, np.uint8)[1:].view(dtype)
    array[:] = 1
    assert not array.flags.aligned
    return array


@both_dtypes
def test_elements_that_are_not_aligned_are_refused(dtype, frozen):
    crooked, straight = off_by_a_byte(10, dtype), np.ones(10, dtype)
    optimizer = swiftopt.SGD([straight])
    with frozen(crooked, straight, optimizer=optimizer):
        with pytest.raises(ValueError, match=r"'0'.*not aligned"):
            swiftopt.SGD([crooked])
        with pytest.raises(ValueError, match=r"'0'.*not aligned"):
            optimizer.step([crooked])


class TestEveryRuleIsComplete:
    """What a new rule must bring; these fail for one that is registered and no more."""

    @all_rules
    def test_class_with_its_defaults(self, name):
        cls = class_of(name)
        assert cls is not None, f"no public class for the registered rule {name!r}"
        description = RULES[name]
        defaults = {
            key: parameter.default for key, parameter in inspect.signature(cls).parameters.items()
        }
        assert defaults["params"] is None
        assert defaults["lr"] == description["lr"]
        assert defaults["weight_decay"] == description["weight_decay"]
        for index, (parameter, default, *_) in enumerate(description["hyperparameters"]):
            if parameter in ("beta1", "beta2"):
                assert defaults["betas"][index] == default
            elif parameter == "momentum_start_zero":
                assert (defaults["momentum_start"] == "zero") == default
            else:
                assert defaults[parameter] == default, parameter

    @all_rules
    def test_reference_and_variants(self, name):
        assert name in REFERENCES
        assert REFERENCES[name].is_decoupled == (RULES[name]["decay"] == "decoupled")
        assert name in BUSY_OPTIONS
        tried = {
            parameter
            for options in VARIANTS_OF_ALL + VARIANTS_OF_RULE[name]
            for parameter in native_options(options)
        }
        own = {entry[0] for entry in RULES[name]["hyperparameters"]}
        assert own <= tried, f"no variant sets {own - tried}"

    @all_rules
    def test_annotations_and_docstring(self, name):
        cls = class_of(name)
        for parameter in inspect.signature(cls).parameters.values():
            assert parameter.annotation is not parameter.empty, parameter
        for part in ("Parameters", "Raises", "References", "Examples", ">>>"):
            assert part in cls.__doc__, part
        for parameter in inspect.signature(cls).parameters:
            assert parameter in cls.__doc__, f"{parameter} is not documented"

    @all_rules
    def test_documentation_page(self, name):
        headings = [
            line.lstrip("#").strip().strip("`")
            for line in DOCS.read_text("utf-8").splitlines()
            if line.startswith("#")
        ]
        assert class_of(name).__name__ in headings

    @all_rules
    def test_state_slots_as_described(self, name):
        w = np.zeros(3, np.float32)
        slots = class_of(name)([w], **BUSY_OPTIONS[name]).state["0"]
        scalars = dict(RULES[name]["scalars"])
        arrays = {entry[0] for entry in RULES[name]["slots"]}
        assert set(slots) == set(scalars) | arrays
        for scalar, initial in scalars.items():
            assert slots[scalar].shape == ()
            assert slots[scalar].dtype == np.float64
            assert slots[scalar] == initial
