"""The averaged weights of the Schedule-Free optimizers, against the sequence x itself.

The references solve x for y and z at each step, as the library does. Here x is a sequence of
its own, as in Defazio et al. 2024, equations 1-3, and y comes from it.
"""

import numpy as np
import pytest

import swiftopt as so

BETAS = {"constant": [0.9] * 12, "changing": [0.9, 0.5, 0.95, 0.9] * 3}
RATES = {"constant": [0.1] * 12, "warm-up": [0.0, 0.0, 0.05, *[0.1] * 9], "falling": [
    0.1 / (n + 1) for n in range(12)]}  # fmt: skip


def schedule(values):
    return so.piecewise_constant(values, boundaries=range(1, len(values)))


class Sequences:
    """x, y and z, and the sums of the weights; directions are those of gradient descent."""

    def __init__(self, start):
        self.x, self.y, self.z = start.copy(), start.copy(), start.copy()
        self.largest = self.total = 0.0

    def step(self, direction, lr, beta):
        self.z = self.z - lr * direction
        self.largest = max(self.largest, lr)
        self.total += self.largest**2
        c = self.largest**2 / self.total if self.total else 0.0
        self.x = (1 - c) * self.x + c * self.z
        self.y = (1 - beta) * self.z + beta * self.x


def train(make, start, rates, betas, weight_decay=0.0):
    w = start.copy()
    name = "momentum" if make is so.ScheduleFreeSGD else "betas"
    option = schedule(betas) if name == "momentum" else (schedule(betas), 0.99)
    optimizer = make([w], lr=schedule(rates), weight_decay=weight_decay, **{name: option})
    sequences, v, power = Sequences(start), np.zeros_like(start), 1.0
    generator = np.random.default_rng(6)
    for lr, beta in zip(rates, betas, strict=True):
        gradient = generator.standard_normal(start.shape)
        direction = gradient
        if make is so.ScheduleFreeAdamW:
            v, power = 0.99 * v + 0.01 * gradient**2, power * 0.99
            direction = gradient / (np.sqrt(v / (1 - power)) + 1e-8)
        sequences.step(direction + weight_decay * sequences.y, lr, beta)
        optimizer.step([gradient])
    return w, optimizer, sequences


@pytest.mark.parametrize("make", [so.ScheduleFreeSGD, so.ScheduleFreeAdamW])
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("betas", BETAS)
def test_parameters_are_y_and_evaluation_shows_x(make, rates, betas):
    start = np.random.default_rng(5).standard_normal(100)
    w, optimizer, expected = train(make, start, RATES[rates], BETAS[betas], weight_decay=0.1)
    # 12 steps of some ten roundings on numbers below 8; x has the error of y over beta.
    np.testing.assert_allclose(w, expected.y, rtol=0, atol=1e-13)
    y = w.copy()
    with optimizer.evaluation():
        np.testing.assert_allclose(w, expected.x, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(w, y)


def test_equal_weights_give_the_mean_of_z():
    """Gradients of 1 move z by lr, so x is the mean of 1 ... 4 steps of it."""
    w = np.zeros(3)
    optimizer = so.ScheduleFreeSGD([w], lr=1.0)
    for _ in range(4):
        optimizer.step([np.ones(3)])
    with optimizer.evaluation():
        np.testing.assert_allclose(w, -2.5, rtol=1e-15)


def test_infinite_weights_stay_infinite_in_evaluation():
    w = np.array([np.inf, -np.inf, 1.0], np.float32)
    optimizer = so.ScheduleFreeSGD([w], lr=0.5)
    optimizer.step([np.ones(3, np.float32)])
    with optimizer.evaluation():
        assert w.tolist() == [np.inf, -np.inf, 0.5]


def test_low_precision_parameters_are_averaged_in_float32():
    start = np.random.default_rng(5).standard_normal(50).astype(np.float16)
    w = start.copy()
    optimizer = so.ScheduleFreeSGD([w], lr=0.01)
    sequences = Sequences(start.astype(np.float64))
    for _ in range(20):
        sequences.step(np.ones(50), 0.01, 0.9)
        optimizer.step([np.ones(50, np.float32)])
    assert optimizer.state["0"]["z"].dtype == np.float32
    with optimizer.evaluation():
        # Half a place of float16, whose numbers here are below 4.
        np.testing.assert_allclose(w.astype(np.float64), sequences.x, rtol=0, atol=2**-10)


@pytest.mark.parametrize("make", [so.ScheduleFreeSGD, so.ScheduleFreeAdamW])
@pytest.mark.parametrize("decay", ["coupled", "decoupled", "independent"])
def test_another_decay_is_refused(make, decay):
    with pytest.raises(ValueError, match="decay"):
        make([np.ones(3)], decay=decay)
