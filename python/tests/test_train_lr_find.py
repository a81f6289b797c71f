"""The range test: its numbers, and that everything is back afterwards."""

import sys

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import Batches, as_bits, network, problem

LOSS = nn.CrossEntropyLoss()


def quadratic(w, scale):
    def model(noise):
        return 0.5 * float(scale @ (w + noise) ** 2), [scale * (w + noise)]

    return model


def reference(w, scale, noises, rates):
    """SGD at rising rates, in plain Python floats."""
    w, losses = [float(value) for value in w], []
    for rate, noise in zip(rates, noises, strict=False):
        losses.append(0.5 * sum(s * (x + noise) ** 2 for s, x in zip(scale, w, strict=True)))
        w = [x - rate * s * (x + noise) for s, x in zip(scale, w, strict=True)]
    return losses


def test_losses_are_those_of_rising_rates():
    w, scale = np.array([3.0, -1.0]), np.array([1.0, 0.25])
    noises = np.linspace(-0.1, 0.1, 7)
    found = so.train.lr_find(
        quadratic(w, scale),
        noises,
        optimizer=so.SGD([w], lr=0.5),
        lowest=1e-3,
        highest=1.0,
        steps=31,
        smoothing=0.5,
    )
    np.testing.assert_allclose(found.rates, 10 ** np.linspace(-3, 0, 31), rtol=1e-13)
    expected = reference(w, scale, [noises[i % 7] for i in range(31)], found.rates)
    # Up to 31 updates of a few float64 roundings each, in a contraction.
    np.testing.assert_allclose(found.losses, expected, rtol=1e-13)
    # The mean without bias, as the weighted mean that it is.
    for index in range(31):
        weights = 0.5 ** np.arange(index, -1, -1)
        mean = np.average(expected[: index + 1], weights=weights)
        np.testing.assert_allclose(found.smoothed[index], mean, rtol=1e-12)
    assert found.minimum == found.rates[found.smoothed.argmin()]


def test_the_suggestion_is_the_steepest_descent_before_the_minimum():
    rates = np.geomspace(1e-4, 1.0, 41)
    # Falls most steeply at 1e-2, is least at 0.1, and rises then.
    losses = 2 - 1 / (1 + (1e-2 / rates) ** 2) + np.maximum(rates - 0.1, 0) * 9
    found = so.train.RangeTest(rates, losses, 0.0)
    np.testing.assert_array_equal(found.smoothed, losses)
    assert found.suggestion == pytest.approx(1e-2, rel=1e-12)
    assert found.minimum == pytest.approx(0.1, rel=1e-12)
    rising = so.train.RangeTest(rates, rates, 0.0)
    assert rising.suggestion is None
    assert "suggestion=None" in repr(rising)
    assert repr(found) == ("RangeTest(41 rates from 0.0001 to 1, suggestion=0.01, minimum=0.1)")


def test_it_ends_when_training_diverges():
    w = np.array([1.0])
    found = so.train.lr_find(
        lambda x: (0.5 * float(w @ w), [w.copy()]),
        [0],
        optimizer=so.SGD([w], lr=0.5),
        lowest=0.1,
        highest=1e6,
        steps=100,
    )
    assert len(found.rates) < 50
    smoothed = found.smoothed
    assert smoothed[-1] > 4 * smoothed.min()
    assert (smoothed[:-1] <= np.maximum(4 * np.minimum.accumulate(smoothed[:-1]), 0.5)).all()


def test_it_ends_at_the_first_number_that_is_not_finite():
    losses = iter([3.0, 2.0, np.inf, 1.0])
    found = so.train.lr_find(
        lambda x: (next(losses), [np.ones(1)]), [0], optimizer=so.SGD([np.zeros(1)])
    )
    assert found.losses.tolist() == [3.0, 2.0]
    gradients = iter([1.0, np.nan, 1.0])
    found = so.train.lr_find(
        lambda x: (1.0, [np.array([next(gradients)])]), [0], optimizer=so.SGD([np.zeros(1)])
    )
    assert found.losses.tolist() == [1.0]
    with pytest.raises(FloatingPointError, match="is inf or nan at the rate 1e-07"):
        so.train.lr_find(lambda x: (np.nan, [np.ones(1)]), [0], optimizer=so.SGD([np.zeros(1)]))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_back_afterwards(dtype, fails, frozen):
    net, published = network(dtype), {"4.weight": np.zeros((3, 16), np.float32)}
    plateau = so.ReduceOnPlateau(patience=0)
    optimizer = so.AdamW(
        net.named_parameters(),
        lr=so.warmup(0.01, warmup=4) * plateau,
        ema_decay=0.9,
        accumulate=2,
        publish=published,
        overrides={"*.bias": {"weight_decay": 0.0}},
    )
    data = Batches(*problem(), 16)
    so.train.fit(net, data, optimizer=optimizer, loss=LOSS)  # half a window is open
    iterator = iter(data)
    next(iterator)  # in the midst of an epoch
    position, groups = data.state, [dict(group) for group in optimizer.param_groups]
    options = {"loss": LOSS, "steps": 20, "lowest": 1e-4, "highest": 0.1}
    with frozen(net.state_dict(), published, optimizer=optimizer):
        if fails:
            broken = [next(iter(Batches(*problem(), 16))), (np.zeros((2, 7), np.float32), None)]
            with pytest.raises((TypeError, ValueError)):
                so.train.lr_find(net, broken, optimizer=optimizer, **options)
        else:
            first = so.train.lr_find(net, data, optimizer=optimizer, **options)
    assert data.state == position
    assert [dict(group) for group in optimizer.param_groups] == groups
    assert optimizer.skip_nonfinite is False
    assert net.training
    if not fails:
        again = so.train.lr_find(net, data, optimizer=optimizer, **options)
        np.testing.assert_array_equal(again.losses, first.losses)
        assert len(first.losses) == 20


def test_training_goes_on_with_the_same_bits():
    def train(with_test):
        net, data = network(), Batches(*problem(), 16)
        optimizer = so.AdamW(net.named_parameters(), lr=0.01)
        options = {"optimizer": optimizer, "loss": LOSS}
        so.train.fit(net, data, **options)
        if with_test:
            so.train.lr_find(net, data, steps=30, **options)
        so.train.fit(net, data, **options)
        return as_bits(net.state_dict())

    assert train(True) == train(False)


def test_functions_scalers_and_generators_are_back(frozen):
    params = {"w": np.full(3, 0.5, np.float16), "count": np.zeros(1, np.int64)}
    scaler, rng = so.LossScaler(2.0**20), np.random.default_rng(0)
    optimizer = so.SGD({"w": params["w"]}, lr=0.1)

    def model(x):
        params["count"] += 1
        gradient = scaler.scale(params["w"].astype(np.float32) + rng.standard_normal(3))
        with np.errstate(over="ignore"):
            return float(np.sum(params["w"] ** 2)), {"w": gradient.astype(np.float16)}

    state, numbers = scaler.state, rng.bit_generator.state
    with frozen(params, optimizer=optimizer):
        found = so.train.lr_find(
            model, [0], optimizer=optimizer, scaler=scaler, params=params, rng=rng, highest=0.1
        )
    assert len(found.losses) == 100  # the steps in which the scale came down included
    assert (scaler.state, rng.bit_generator.state) == (state, numbers)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lowest": 0}, ValueError, "lowest"),
        ({"highest": "x"}, TypeError, "highest"),
        ({"lowest": 1.0, "highest": 1.0}, ValueError, "lowest must be the smaller one"),
        ({"steps": 1}, ValueError, "steps is 1"),
        ({"smoothing": 1.0}, ValueError, r"smoothing is 1.0; it must be in \[0, 1\)"),
        ({"smoothing": "x"}, ValueError, "smoothing is 'x'"),
        ({"loss": None}, TypeError, "a network needs a loss"),
        ({"data": []}, ValueError, "data gave no batch in epoch 1"),
        ({"optimizer": None}, TypeError, "optimizer is None"),
        ({"rng": [1]}, TypeError, "rng: 1 must be"),
    ],
)
def test_mistakes(options, error, message, frozen):
    net = network()
    optimizer = so.SGD(net.named_parameters())
    call = {"data": Batches(*problem(), 16), "optimizer": optimizer, "loss": LOSS, **options}
    with frozen(net.state_dict(), optimizer=optimizer), pytest.raises(error, match=message):
        so.train.lr_find(net, **call)


def test_the_plot(tmp_path):
    pytest.importorskip("matplotlib")
    rates = np.geomspace(1e-4, 1.0, 41)
    losses = 2 - 1 / (1 + (1e-2 / rates) ** 2)
    so.train.RangeTest(rates, losses, 0.0).plot(tmp_path / "range.svg")
    text = (tmp_path / "range.svg").read_text()
    assert text.startswith("<?xml")
    so.train.RangeTest(rates, rates, 0.0).plot(tmp_path / "range.png")
    assert (tmp_path / "range.png").read_bytes().startswith(b"\x89PNG")


def test_the_plot_without_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        ImportError, match=r"plot needs the package matplotlib; install swiftopt\[t"
    ):
        so.train.RangeTest([0.1, 1.0], [1.0, 0.5], 0.5).plot(tmp_path / "x.png")
