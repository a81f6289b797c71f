"""What is easily got wrong with networks: it is refused, or right all the same."""

import numpy as np
import pytest

from swiftopt import nn
from swiftopt._dtypes import decoded

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 4), (12,), (1, 3), (4, 1)])
def test_gradients_of_another_shape(shape):
    # Products only count elements, and copies would broadcast.
    for net, x in ((nn.Linear(3, 3), X), (nn.LSTM(3, 3), X.reshape(1, 4, 3))):
        output = net(x)
        text = rf"{type(net).__name__}: grad_output has shape .*, the output \({output.shape[0]}, "
        with pytest.raises(ValueError, match=text):
            net.backward(np.ones(shape, np.float32))


def test_gradients_of_another_dtype():
    net = nn.LSTM(3, 2)
    output = net(X.reshape(1, 4, 3))
    with pytest.raises(TypeError, match="grad_output has dtype float64, the output float32"):
        net.backward(np.ones(output.shape))
    with pytest.raises(TypeError, match="grad_output is a list; it must be an array"):
        net.backward(output.tolist())


def test_gradients_that_do_not_fit_leave_the_last_one_in_place():
    net = nn.GRU(3, 3)
    gradient = np.ones((1, 4, 3), np.float32)
    net(X.reshape(1, 4, 3))
    net.backward(gradient)
    expected = {name: array.copy() for name, array in net.gradients().items()}
    net(X.reshape(1, 4, 3))
    with pytest.raises(ValueError, match="grad_output"):
        net.backward(np.zeros((1, 4, 2), np.float32))
    net.backward(gradient)
    for name, array in net.gradients().items():
        np.testing.assert_array_equal(array, expected[name])


def test_networks_that_share_a_dropout():
    # The derivative of what a network computed is its own mask, whatever the other one drew.
    shared = nn.Dropout(0.5, rng=0)
    first, second = nn.Sequential(nn.Flatten(), shared), nn.Sequential(nn.Flatten(), shared)
    ones = np.ones((8, 9), np.float32)
    output = first(ones).copy()
    assert not np.array_equal(second(ones), output)
    np.testing.assert_array_equal(first.backward(ones, input_gradient=True), output)


class Branched(nn.Module):
    """Two layers read the first one's output."""

    def __init__(self, keeps):
        super().__init__()
        self.first, self.relu, self.second = nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)
        self.keeps = keeps

    def plan(self, x, planner):
        hidden = planner.child("first", self.first, x)
        if self.keeps:
            planner.keep(hidden)
        planner.child("relu", self.relu, hidden)
        return planner.child("second", self.second, hidden)


def test_a_value_that_was_computed_over_is_not_read():
    with pytest.raises(ValueError, match=r"planner\.keep") as caught:
        Branched(keeps=False)(X)
    assert caught.value.__notes__ == ["in the layer 'second'"]
    net = Branched(keeps=True)
    np.testing.assert_array_equal(net(X), net.second(net.first(X).copy()))


def test_layers_in_a_list_are_refused():
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(3, 3)]

        def plan(self, x, planner):
            return planner.child("0", self.layers[0], x)

    with pytest.raises(ValueError, match=r"Listed: Linear '0' isn't among children\(\), so no opt"):
        Listed()(X)


def test_layers_set_too_early_are_refused():
    class Early(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 3)

    with pytest.raises(AttributeError, match=r"Early: call super\(\).__init__\(\) before first"):
        Early()


def test_an_unused_layer_is_no_part_of_the_summary(capsys):
    net = Branched(keeps=True)
    net.spare = nn.Linear(3, 3)
    net.summary((4, 3))
    assert "spare" not in capsys.readouterr().out


def test_losses_that_failed_have_no_gradient():
    loss = nn.CrossEntropyLoss()
    loss(X, np.array([0, 1, 2, 0]))
    with pytest.raises(ValueError, match=r"labels\[3\] is 3; it must be in 0 \.\.\. 2"):
        loss(X, np.array([0, 1, 2, 3]))
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        loss.backward()


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint16", "uint32", "uint64"])
def test_other_integers_are_explained(dtype):
    with pytest.raises(TypeError, match=r"uint8, int32 or int64; x\.astype\(np\.int64\) converts"):
        nn.Sequential(nn.Embedding(3, 2))(np.zeros((2, 2), dtype))
    with pytest.raises(TypeError, match=r"int64; targets\.astype\(np\.int64\) converts"):
        nn.CrossEntropyLoss()(X, np.zeros(4, dtype))


# What stands at these places in torch is something else: layers, dropout, dilation, ceil_mode.
@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.LSTM(3, 4, 2),
        lambda: nn.GRU(3, 4, 2),
        lambda: nn.MultiHeadAttention(8, 2, 0.1),
        lambda: nn.Conv2d(8, 8, 3, 1, 1, 1, 8),
        lambda: nn.AvgPool2d(2, 2, 0, False),
        lambda: nn.CrossEntropyLoss(np.ones(3)),
    ],
)
def test_options_that_differ_from_torch_have_names(build):
    with pytest.raises(TypeError, match="positional argument"):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nn.Linear(3.0, 2), "Linear: in_features is 3.0; it must be an int"),
        (lambda: nn.Conv2d(1, 1, 3, padding="same"), "Conv2d: padding is 'same'; it must be an"),
        (lambda: nn.Residual(np.tanh), "Residual: branch is a ufunc; it must be a Module"),
        (
            lambda: nn.Residual(nn.ReLU(), np.tanh),
            "Residual: shortcut is a ufunc; it must be a Module",
        ),
    ],
)
def test_settings_of_another_type_are_explained(build, message):
    with pytest.raises(TypeError, match=message):
        build()


def test_sizes_may_be_a_list():
    assert nn.Conv2d(1, 1, [3, 2]).weight.shape == (1, 3, 2, 1)


@pytest.mark.parametrize("layer", [nn.LSTM(3, 2), nn.GRU(3, 2, return_sequences=False)])
def test_sequences_without_steps_are_refused(layer):
    with pytest.raises(ValueError, match="input has 0 steps; it must have at least 1"):
        layer(np.zeros((2, 0, 3), np.float32))


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("1.random", np.zeros(2, np.int64)),
        ("1.random", np.zeros(2, np.float32)),
        ("0.weight", np.ones((2, 2), np.int64)),
        ("0.weight", np.ones((2, 2), np.uint16)),
        ("0.weight", np.ones((2, 2), np.complex64)),
        ("0.weight", np.ones((2, 2), ">f4")),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_state_of_another_dtype_changes_nothing(name, bad, dtype, bfloat16):
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.3)).to(dtype)
    before = {key: array.copy() for key, array in net.state_dict().items()}
    state = {key: array.copy() for key, array in before.items()}
    state["0.bias"] += 1
    state[name] = bad
    with pytest.raises(TypeError, match=f"{name} has dtype {bad.dtype} in the state"):
        net.load_state_dict(state)
    for key, array in net.state_dict().items():
        np.testing.assert_array_equal(decoded(array), decoded(before[key]))


def test_many_changes_of_an_attribute_leave_nothing_behind():
    net = nn.Sequential(nn.BatchNorm(3))
    for index in range(50):
        net[0].momentum = 1 / (index + 1)
        net(X)
    assert len(net._plans) <= 6
    assert len(net._signatures) <= 7


def test_a_networks_own_output_is_refused_as_its_input():
    # The pass would overwrite what the gradient of the first weight still needs.
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3))
    output = net(X)
    with pytest.raises(ValueError, match=r"what an earlier pass returned.*; pass a copy"):
        net(output)
    net(output.copy())


def test_the_networks_name_is_in_what_is_said_of_arrays():
    net = nn.Sequential(nn.Linear(3, 3))
    with pytest.raises(ValueError, match="Sequential: the input is not C-contiguous"):
        net(np.asfortranarray(X))
    net(X)
    with pytest.raises(ValueError, match="Sequential: grad_output is not C-contiguous"):
        net.backward(np.asfortranarray(X))


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        ("weight", np.zeros((3, 3)), "Linear: weight has dtype float64; it must be float32"),
        ("weight", None, "Linear: weight is a NoneType; it must be an array"),
        ("weight", [[0.0]], "Linear: weight is a list; it must be an array"),
        ("bias", np.zeros(3), "Linear: bias has dtype float64; it must be float32"),
        ("bias", np.zeros(4, np.float32), "bias has 4 elements"),
        ("weight", np.zeros((3, 3), np.float32)[:, ::-1], "not C-contiguous"),
    ],
)
def test_arrays_put_in_place_of_parameters_are_checked(name, bad, message):
    net = nn.Sequential(nn.Linear(3, 3))
    net(X)
    setattr(net[0], name, bad)
    with pytest.raises((TypeError, ValueError), match=message):
        net(X)


def test_a_part_may_stay_in_training_mode():
    # Monte-Carlo dropout, as torch has it: the mode of each layer counts.
    net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5, rng=0), nn.BatchNorm(3)).eval()
    net[1].train()
    assert not np.array_equal(net(X).copy(), net(X))
    net[1].eval()
    net[2].train()
    np.testing.assert_allclose(net(X), (X - X.mean(0)) / X.std(0), atol=1e-3)
    assert net[2].running_mean.any()


def test_a_batch_of_one_has_no_variance():
    net = nn.Sequential(nn.BatchNorm(3))
    with pytest.raises(ValueError, match="BatchNorm: input has 1 row, which has no variance"):
        net(X[:1])
    assert net.eval()(X[:1]).shape == (1, 3)


def test_errors_of_the_library_name_the_layer():
    net = nn.Sequential(nn.Flatten(), nn.LayerNorm(3))
    with pytest.raises(ValueError, match="rows is 0") as caught:
        net(X[:0])
    assert caught.value.__notes__ == ["in the layer '1'"]


def test_the_plan_in_use_outlives_those_of_other_shapes():
    net = nn.Linear(3, 2)
    net(X)
    plan = net._current
    for rows in range(10, 30):
        net(np.zeros((rows, 3), np.float32))
        net(X)
        assert net._current is plan
    assert len(net._plans) <= 6
