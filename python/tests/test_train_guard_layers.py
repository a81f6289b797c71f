"""Which layer is named when a number isn't finite, in networks of every form."""

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn
from swiftopt.nn._plan import Plan

RNG = np.random.default_rng(0)


def images():
    block = nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)
    )
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Residual(nn.Sequential(block, nn.BatchNorm(8))), nn.ReLU(),
        nn.DepthwiseConv2d(8, 3, padding=1), nn.GELU(), nn.AvgPool2d(2),
        nn.Residual(nn.Conv2d(8, 16, 1), nn.Conv2d(8, 16, 1)),
        nn.GlobalAvgPool2d(), nn.Dropout(0.3), nn.Linear(16, 4),
    )  # fmt: skip


def tokens():
    attention = nn.Sequential(nn.LayerNorm(8), nn.MultiHeadAttention(8, 2))
    mlp = nn.Sequential(nn.RMSNorm(8), nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 8))
    return nn.Sequential(
        nn.Embedding(10, 8), nn.PositionalEmbedding(6, 8), nn.Residual(attention),
        nn.Residual(mlp), nn.LSTM(8, 7), nn.GRU(7, 6), nn.Flatten(), nn.Linear(36, 4),
    )  # fmt: skip


class Backwards(nn.Module):
    """Its attributes are in another order than its computation, and it has a call of its own."""

    def __init__(self, middle):
        super().__init__()
        self.last = nn.Linear(8, 4)
        self.middle = middle
        self.first = nn.Linear(6, 8)

    def plan(self, x, planner):
        hidden = planner.child("first", self.first, x)
        return planner.child("last", self.last, planner.child("middle", self.middle, hidden))


def own():
    return Backwards(nn.Residual(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))))


INPUTS = {
    images: RNG.standard_normal((4, 16, 16, 3), dtype=np.float32),
    tokens: RNG.integers(0, 10, (4, 6)),
    own: 50 * RNG.standard_normal((4, 6), dtype=np.float32),
}
LABELS = np.array([0, 1, 2, 3])


def fit(net, x, **options):
    with pytest.raises(FloatingPointError) as caught:
        so.train.fit(
            net,
            [(x, LABELS)],
            loss=nn.CrossEntropyLoss(),
            optimizer=so.SGD(net.named_parameters(), lr=0.1),
            **options,
        )
    return str(caught.value)


@pytest.mark.parametrize(
    ("make", "dtype"),
    [(images, "float32"), (tokens, "float32"), (own, "float32"), (own, "bfloat16")],
)
def test_every_layer_with_parameters_is_found_where_it_overflows(make, dtype):
    names = [name for name, module in make().named_modules().items() if module.parameter_names()]
    for name in names:
        net = make().reset_parameters(0).to(dtype)
        module = net.named_modules()[name]
        for parameter in module.parameter_names():
            array = getattr(module, parameter)
            # Finite numbers, whose sums aren't.
            so.cast(np.full(array.shape, 3e38, np.float32), out=array)
        if name.endswith("LayerNorm") or isinstance(module, nn.Embedding | nn.PositionalEmbedding):
            continue  # finite outputs, which overflow in the layer that follows
        message = fit(net, INPUTS[make])
        assert f"not finite: the output of layer '{name}" in message, (name, message)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("make", INPUTS)
def test_only_what_was_computed_is_looked_at(make, dtype):
    net = make().reset_parameters(0).to(dtype)
    x = INPUTS[make]
    x = x.astype(np.float64) if dtype == "float64" and x.dtype.kind == "f" else x
    plan = Plan(net, x)
    for buffer in plan._memory._buffers.values():
        buffer.fill(255)  # nan in every dtype
    found = {path: so.cast(y, "float64").copy() for path, y in plan.layer_outputs(x)}
    assert all(np.isfinite(y).all() for y in found.values())
    expected = make().reset_parameters(0).to(dtype)(x)  # which drops the same
    np.testing.assert_array_equal(found[""], so.cast(expected, "float64"))


def test_a_network_of_ones_own_inside_a_residual():
    net = nn.Sequential(nn.Linear(6, 6), nn.Residual(nn.Sequential(own(), nn.Linear(4, 6))))
    net.reset_parameters(0)
    net.named_parameters()["1.branch.0.middle.branch.2.weight"][...] = 3e38
    message = fit(net, INPUTS[own])
    assert message.startswith("step 1 (batch 1 of epoch 1): the loss is nan, and nothing was upd")
    assert "; the first that is not finite: the output of layer '1.branch.0.middle" in message


def test_running_statistics_are_not_to_blame():
    net = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm(4)).reset_parameters(0)
    net[0].weight[...] = 3e38
    message = fit(net, INPUTS[own])
    assert not np.isfinite(net[1].running_mean).all()
    assert "the first that is not finite: the output of layer '0' (Linear)" in message


def test_what_can_not_be_copied_hides_nothing():
    class Guarded(Backwards):
        def __deepcopy__(self, memo):
            raise TypeError("not this one")

    net = Guarded(nn.ReLU()).reset_parameters(0)
    net.last.weight[...] = 3e38
    message = fit(net, INPUTS[own] * 100)
    assert "the loss is nan, and nothing was updated; last finite losses" in message


def test_a_call_of_the_networks_own():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(6, 4)

        def plan(self, x, planner):
            y = planner.child("inner", self.inner, x)
            scaled = planner.value(*y.shape)
            planner.action(lambda y, out: np.divide(y, 0.0, out=out), y, scaled)
            planner.on_backward(lambda: planner.add_gradient(y, planner.gradient(scaled)))
            return scaled

    with np.errstate(divide="ignore"):
        message = fit(Scaled().reset_parameters(0), INPUTS[own])
    assert "the first that is not finite: the output of Scaled; last" in message


def test_functions_tell_the_gradients():
    def model(x):
        gradients = {"a": np.ones(2), "b": [np.full(2, np.nan), np.full(1, np.inf)]}
        return float("nan"), gradients

    optimizer = so.SGD({"a": np.ones(2), "b": [np.ones(2), np.ones(1)]})
    with pytest.raises(
        FloatingPointError,
        match=r"loss is nan, and nothing was updated; not finite: gradients\['b'\]\[0\] and 1 m",
    ):
        so.train.fit(model, [np.ones(1)], optimizer=optimizer)


def test_a_parameter_of_several_groups_is_named():
    groups = [{"params": {"a": np.ones(1)}}, {"params": {"b": np.full(1, np.nan)}}]
    with pytest.raises(FloatingPointError, match="the first that is not finite: parameter 'b'"):
        so.train.fit(
            lambda x: (np.nan, [{"a": x}, {"b": x}]), [np.ones(1)], optimizer=so.SGD(groups)
        )
