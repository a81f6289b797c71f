"""A loss or a gradient that isn't finite: what is said, and that nothing was changed."""

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import as_bits, network, problem

X, LABELS = problem()
BATCHES = [(X[i : i + 10], LABELS[i : i + 10]) for i in range(0, 100, 10)]


class Saboteur:
    """Does something to a network at the beginning of a step."""

    def __init__(self, batches, at, action):
        self.batches, self.at, self.action = batches, at, action

    def __iter__(self):
        for number, batch in enumerate(self.batches, 1):
            if number == self.at:
                batch = self.action(*batch) or batch
            yield batch


def fit(net, data, **options):
    optimizer = so.Adam(net.named_parameters(), lr=0.0125)
    before = []

    def remember(info):
        before[:] = [as_bits(net.named_parameters()), optimizer.step_count]

    with pytest.raises(FloatingPointError) as caught:
        so.train.fit(
            net,
            data,
            optimizer=optimizer,
            loss=nn.CrossEntropyLoss(),
            callbacks=remember,
            **options,
        )
    if before:  # what the step before left
        assert optimizer.step_count == before[1]
    assert optimizer.skip_nonfinite is False
    return str(caught.value), before


def test_data_that_is_not_finite():
    bad = X[:10].copy()
    bad[3, 2] = np.inf
    net = network()
    message, before = fit(net, Saboteur(BATCHES, 4, lambda x, y: (bad, y)))
    assert message.startswith(
        "step 4 (batch 4 of epoch 1): the loss is nan, and nothing was updated; the first that is "
        "not finite: the data (batch[0]); last finite losses: "
    )
    assert message.endswith("; lr 0.0125")
    assert as_bits(net.named_parameters()) == before[0]
    assert len(message.partition("losses: ")[2].split(", ")) == 3


def test_a_parameter_that_is_not_finite():
    net = network()

    def spoil(x, y):
        net[4].bias[1] = np.nan

    message, _ = fit(net, Saboteur(BATCHES * 2, 12, spoil))
    assert message.startswith("step 12 (batch 12 of epoch 1): the loss is nan")
    assert "the first that is not finite: parameter '4.bias' (Linear); last" in message
    assert len(message.partition("losses: ")[2].split("; ")[0].split(", ")) == 5


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_layer_that_overflows_first(dtype):
    net = nn.Sequential(
        nn.Linear(6, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 3)
    ).reset_parameters(0)
    net.to(dtype)
    parameters = so.cast(net[1][1].weight, "float32") if dtype == "bfloat16" else net[1][1].weight
    huge = np.full_like(parameters, 3e38)

    def spoil(x, y):
        so.cast(huge, out=net[1][1].weight) if dtype == "bfloat16" else np.copyto(
            net[1][1].weight, huge
        )
        return np.full_like(x, 9.0) * np.sign(so.cast(net[0].weight, "float32")[0]), y

    message, _ = fit(net, Saboteur(BATCHES, 2, spoil))
    assert "the first that is not finite: the output of layer '1.1' (Linear)" in message


def test_a_gradient_that_is_not_finite():
    class Loss(nn.MSELoss):
        def backward(self):
            gradient = super().backward()
            gradient[0, 0] = np.inf
            return gradient

    net = nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 1)).reset_parameters(0)
    optimizer = so.SGD(net.named_parameters(), lr=0.5)
    before = as_bits(net.named_parameters())
    with pytest.raises(
        FloatingPointError,
        match=r"step 1 \(batch 1 of epoch 1\): the gradient of '1\.bias' \(Linear\) \(and of 3 "
        r"parameters before it\) is inf or nan, and nothing was updated; last finite losses: "
        r"\d\.\d+; lr 0\.5",
    ):
        so.train.fit(net, [(X, X[:, :1].copy())], optimizer=optimizer, loss=Loss())
    assert as_bits(net.named_parameters()) == before
    assert optimizer.step_count == 0


def test_a_limit_on_the_norm_does_not_hide_it():
    w = np.ones(2)
    optimizer = so.SGD({"w": w}, lr=1.0, clip_norm=1.0)
    with pytest.raises(FloatingPointError, match="the gradient of 'w' is inf or nan"):
        so.train.fit(lambda x: (1.0, {"w": x}), [np.array([np.nan, 0.0])], optimizer=optimizer)
    np.testing.assert_array_equal(w, 1.0)


def test_functions_tell_the_parameter():
    w = np.array([np.inf])
    with pytest.raises(FloatingPointError, match=r"loss is inf.*parameter '0'; last"):
        so.train.fit(lambda x: (w[0], [x]), [np.ones(1)], optimizer=so.SGD([w], lr=1.0))


def gradients(*values):
    return [np.array([value]) for value in values]


def test_an_optimizer_that_skips_goes_on():
    w = np.zeros(1)
    optimizer = so.SGD(w, lr=1.0, skip_nonfinite=True)
    history = so.train.fit(
        lambda x: (float(x[0]), x), gradients(1.0, np.nan, 2.0, np.inf), optimizer=optimizer
    )
    assert w[0] == -3.0
    assert history["skipped"] == [2]
    assert history["loss"] == [1.5]  # of those that are finite
    assert history["grad_norm"] == [1.5]


def test_an_epoch_of_skipped_steps():
    optimizer = so.SGD(np.zeros(1), lr=1.0, skip_nonfinite=True)
    history = so.train.fit(lambda x: (np.inf, x), gradients(np.inf) * 3, optimizer=optimizer)
    assert np.isnan(history["loss"][0])
    assert (history["skipped"], history["updates"], history["grad_norm"]) == ([3], [0], [None])


@pytest.mark.parametrize("options", [{"skip_nonfinite": True}, {}, {"accumulate": 2}])
def test_a_loss_with_finite_gradients_is_not_skipped(options):
    w = np.zeros(1)
    optimizer = so.SGD(w, lr=1.0, **options)
    with pytest.raises(
        FloatingPointError,
        match=r"^step 2 .*is nan, but all gradients are finite, and nothing was updated; last",
    ):
        so.train.fit(
            lambda x: (np.nan if x[0] == 2 else 0.0, x), gradients(1.0, 2.0), optimizer=optimizer
        )
    assert (w[0], optimizer.step_count) == ((0, 0) if "accumulate" in options else (-1, 1))


def test_a_loss_with_finite_gradients_is_not_skipped_by_a_scaler():
    w, scaler = np.zeros(1), so.LossScaler()
    with pytest.raises(FloatingPointError, match="loss is inf, but all gradients are finite"):
        so.train.fit(
            lambda x: (np.inf, x), gradients(1.0), optimizer=so.SGD(w, lr=1.0), scaler=scaler
        )
    assert w[0] == 0
    assert scaler.state == so.LossScaler().state


def test_a_scaler_skips():
    w, scaler = np.zeros(1, np.float16), so.LossScaler(65536.0)

    def model(x):
        with np.errstate(over="ignore"):
            return 2.0, [np.array([scaler.scale(2.0)]).astype(np.float16)]

    history = so.train.fit(
        model, gradients(0.0) * 3, optimizer=so.SGD([w], lr=0.125), scaler=scaler
    )
    assert history["skipped"] == [2]  # 131072 and 65536 are inf in float16
    assert w[0] == -0.25
    assert scaler.loss_scale == 16384.0


def test_a_window_with_a_bad_gradient():
    w = np.zeros(1)
    optimizer = so.SGD({"w": w}, lr=1.0, accumulate=2)
    with pytest.raises(FloatingPointError, match=r"^step 4 .*gradient of 'w'"):
        so.train.fit(
            lambda x: (1.0, {"w": x}), gradients(1.0, 3.0, np.inf, 1.0), optimizer=optimizer
        )
    assert w[0] == -2.0
