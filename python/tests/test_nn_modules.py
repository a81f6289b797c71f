"""Modules as containers of arrays: names, modes, dtypes, copies, checkpoints."""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn
from swiftopt._dtypes import decoded, kind_of


def network():
    return nn.Sequential(
        nn.Linear(4, 6),
        nn.BatchNorm(6),
        nn.ReLU(),
        nn.Residual(nn.Sequential(nn.Dropout(0.2), nn.Linear(6, 6, bias=False))),
        nn.Linear(6, 3),
    ).reset_parameters(3)


def batch(seed=0, rows=16):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, 4)).astype(np.float32)
    return x, rng.integers(0, 3, rows)


def train(net, optimizer, steps, seed=0):
    loss, values = nn.CrossEntropyLoss(), []
    for index in range(steps):
        x, labels = batch(seed + index)
        values.append(loss(net(x), labels))
        net.backward(loss.backward())
        optimizer.step(net.gradients())
    return values


def test_names_and_shapes():
    net = network()
    shapes = {name: array.shape for name, array in net.named_parameters().items()}
    assert shapes == {
        "0.weight": (6, 4),
        "0.bias": (6,),
        "1.weight": (6,),
        "1.bias": (6,),
        "3.branch.1.weight": (6, 6),
        "4.weight": (3, 6),
        "4.bias": (3,),
    }
    assert {name: array.shape for name, array in net.gradients().items()} == shapes
    assert set(net.buffers()) == {"1.running_mean", "1.running_var", "3.branch.0.random"}
    assert set(net.state_dict()) == set(shapes) | set(net.buffers())
    assert net.named_parameters()["0.weight"] is net[0].weight


def test_the_same_seed_gives_the_same_parameters_in_place():
    first, second = network(), network()
    for name, array in first.named_parameters().items():
        np.testing.assert_array_equal(array, second.named_parameters()[name])
    arrays = first.named_parameters()
    first.reset_parameters(np.random.default_rng(4))
    assert all(array is arrays[name] for name, array in first.named_parameters().items())
    assert not np.array_equal(first[0].weight, second[0].weight)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [(nn.Linear(300, 200, rng=0), 300), (nn.Conv2d(6, 90, 5, groups=2, rng=0), 75)],
)
def test_initial_parameters_are_uniform_as_in_torch(layer, inputs):
    # torch.nn.init.kaiming_uniform_ with a = sqrt(5): within 1 / sqrt(inputs), variance / 3.
    bound = 1 / np.sqrt(inputs)
    for array in (layer.weight, layer.bias):
        assert np.abs(array).max() <= bound
    # A variance over n samples of a uniform has a relative deviation of 0.9 / sqrt(n).
    assert abs(layer.weight.var() / (bound**2 / 3) - 1) < 5 * 0.9 / np.sqrt(layer.weight.size)


def test_modes():
    net, (x, _) = network(), batch()
    statistics = net[1].running_mean.copy()
    assert not np.array_equal(net(x).copy(), net(x))  # dropout goes on
    assert not np.array_equal(net[1].running_mean, statistics)
    net.eval()
    assert not any(module.training for module in net.named_modules().values())
    statistics = net[1].running_mean.copy()
    np.testing.assert_array_equal(net(x).copy(), net(x))
    np.testing.assert_array_equal(net[1].running_mean, statistics)
    assert net.train() is net
    assert net[3].branch[0].training


def test_a_part_in_evaluation_mode_stays_as_it_is():
    net, (x, _) = network(), batch()
    net(x)
    net[1].eval()
    statistics = net[1].running_mean.copy()
    net(x)
    np.testing.assert_array_equal(net[1].running_mean, statistics)
    net[1].train()
    net(x)
    assert not np.array_equal(net[1].running_mean, statistics)


def test_running_statistics_are_those_of_the_batches():
    layer, x = nn.BatchNorm(4, momentum=0.5), batch()[0]
    layer(x)
    np.testing.assert_allclose(layer.running_mean, 0.5 * x.mean(0), rtol=1e-5, atol=1e-7)
    expected = 0.5 + 0.5 * x.var(0, ddof=1)
    np.testing.assert_allclose(layer.running_var, expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float32"])
def test_to_converts_what_has_the_networks_dtype(dtype):
    net = network()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    assert net.to(dtype) is net
    number = "float64" if dtype == "float64" else "float32"
    for name, array in net.state_dict().items():
        if name.endswith("random"):
            assert array.dtype == np.uint64
            continue
        is_matrix = array.ndim > 1
        assert kind_of(array) == (dtype if is_matrix else number), name
        spacing = 2.0**-8 if is_matrix and dtype == "bfloat16" else 0
        np.testing.assert_allclose(decoded(array), before[name], rtol=spacing)
    assert {str(array.dtype) for array in net.gradients().values()} == {number}


def test_bfloat16_without_ml_dtypes(bfloat16):
    net = network().to("bfloat16").eval()
    exact = network().eval()
    x = batch()[0]
    output = net(x)
    assert kind_of(output) == "bfloat16"
    assert kind_of(net[0].weight) == "bfloat16"
    # Each of the three products rounds weights and results to 8 bits: 2^-9 relative each.
    np.testing.assert_allclose(decoded(output), exact(x), rtol=0.03, atol=0.03)
    given = so.cast(x, "bfloat16")
    np.testing.assert_array_equal(decoded(net(given)), decoded(output))


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(27, 2)),
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(25, 2)),
    ],
)
def test_bfloat16_networks_give_the_gradient_of_a_float32_input(build):
    x = np.random.default_rng(0).standard_normal((2, 5, 5, 1)).astype(np.float32)
    found = []
    for dtype in ("float32", "bfloat16"):
        net = build().reset_parameters(0).to(dtype)
        output = net(x)
        gradient = so.cast(np.ones(output.shape, np.float32), dtype)
        found.append(decoded(net.backward(gradient, input_gradient=True)).copy())
    assert found[1].shape == x.shape
    # Weights and the gradients between layers have 8 bits.
    np.testing.assert_allclose(found[1], found[0], rtol=0.02, atol=0.01)


def test_bfloat16_networks_learn_with_float32_masters():
    # Steps of lr 1e-4 change weights above 0.25 by less than half a bfloat16 ULP (2^-9): without
    # masters they would stay.
    exact, rounded = network(), network().to("bfloat16")
    losses = []
    for net in (exact, rounded):
        optimizer = so.AdamW(net.named_parameters(), lr=1e-4, low_precision="master")
        before = decoded(net[0].weight).copy()
        losses.append(train(net, optimizer, 60))
        moved = np.abs(decoded(net[0].weight) - before)[np.abs(before) > 0.25]
        assert moved.max() > 1e-3
    np.testing.assert_allclose(losses[1], losses[0], atol=0.05)


def test_training_lowers_the_loss():
    net = network()
    x, labels = batch()
    loss, optimizer = nn.CrossEntropyLoss(), so.AdamW(net.named_parameters(), lr=1e-2)
    first = loss(net(x), labels)
    for _ in range(150):
        last = loss(net(x), labels)
        net.backward(loss.backward())
        optimizer.step(net.gradients())
    assert last < first / 3


def test_bound_gradients_serve_all_steps():
    nets = network(), network()
    optimizers = [so.AdamW(net.named_parameters(), lr=1e-2) for net in nets]
    optimizers[0].bind(nets[0].gradients())
    loss = nn.CrossEntropyLoss()
    for index in range(3):
        x, labels = batch(index)
        for number, net in enumerate(nets):
            loss(net(x), labels)
            net.backward(loss.backward())
            optimizers[number].step(*([] if number == 0 else [net.gradients()]))
    for name, array in nets[0].named_parameters().items():
        np.testing.assert_array_equal(array, nets[1].named_parameters()[name])


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))]
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_copies_go_on_with_the_same_bits(duplicate, dtype):
    net = network().to(dtype)
    optimizer = so.AdamW(net.named_parameters(), lr=1e-2)
    train(net, optimizer, 3)
    other, other_optimizer = duplicate((net, optimizer))
    assert not np.shares_memory(other[0].weight, net[0].weight)
    assert train(other, other_optimizer, 4) == train(net, optimizer, 4)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(decoded(array), decoded(other.state_dict()[name]))


def test_checkpoints_go_on_with_the_same_bits(tmp_path):
    pytest.importorskip("safetensors")
    net = network()
    optimizer = so.AdamW(net.named_parameters(), lr=1e-2)
    train(net, optimizer, 3)
    path = tmp_path / "run.safetensors"
    so.save(path, params=net.state_dict(), optimizer=optimizer)
    expected = train(net, optimizer, 4)
    other = network().reset_parameters(99)
    other_optimizer = so.AdamW(other.named_parameters(), lr=1e-2)
    so.load(path, params=other.state_dict(), optimizer=other_optimizer)
    assert train(other, other_optimizer, 4) == expected


def test_load_state_dict_copies():
    net, other = network(), network().reset_parameters(9).to("bfloat16")
    other.load_state_dict(net.state_dict())
    assert kind_of(other[0].weight) == "bfloat16"
    rounded = decoded(so.cast(net[0].weight, "bfloat16"))
    np.testing.assert_array_equal(decoded(other[0].weight), rounded)
    np.testing.assert_array_equal(other[0].bias, net[0].bias)


def test_load_state_dict_refuses_other_names_and_shapes():
    net = network()
    state = {name: array.copy() for name, array in net.state_dict().items()}
    before = net[0].weight.copy()
    state["0.weight"] += 1
    for change, message in [
        (lambda s: s.pop("4.bias"), "the state lacks 4.bias"),
        (lambda s: s.update(extra=np.zeros(1)), "the module has no extra"),
        (lambda s: s.update({"4.bias": np.zeros(5, np.float32)}), r"4.bias has shape \(5,\)"),
    ]:
        changed = dict(state)
        change(changed)
        with pytest.raises((KeyError, ValueError), match=message):
            net.load_state_dict(changed)
        np.testing.assert_array_equal(net[0].weight, before)


def test_dropout_is_counted_and_kept_apart():
    x = np.ones((50, 40), np.float32)
    first, second = nn.Dropout(0.5, rng=1), nn.Dropout(0.5, rng=2)
    masks = [first(x) != 0, first(x) != 0, second(x) != 0]
    assert first.random[1] == 2
    for one in range(3):
        for other in range(one):
            # Independent masks agree on half of 2000 elements, 22 give or take.
            assert abs((masks[one] == masks[other]).sum() - 1000) < 6 * 23
    first.random[1] = 0
    np.testing.assert_array_equal(first(x) != 0, masks[0])


def test_repr_shows_the_layers():
    assert repr(network()) == (
        "Sequential(\n"
        "  (0): Linear(4, 6)\n"
        "  (1): BatchNorm(6)\n"
        "  (2): ReLU()\n"
        "  (3): Residual(\n"
        "    (branch): Sequential(\n"
        "      (0): Dropout(p=0.2)\n"
        "      (1): Linear(6, 6, bias=False)\n"
        "    )\n"
        "  )\n"
        "  (4): Linear(6, 3)\n"
        ")"
    )


def test_summary_counts(capsys):
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, bias=False),
        nn.BatchNorm(32),
        nn.ReLU(),
        nn.SeparableConv2d(32, 64, 3, padding=1, bias=False),
        nn.GlobalAvgPool2d(),
        nn.Linear(64, 10),
    )
    net.summary((128, 28, 28, 1))
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    pixels = 128 * 28 * 28
    assert f"{pixels * 32 * 9 * 2 / 1e6:.3g} M" in lines["0"]
    assert "128 x 28 x 28 x 32" in lines["1"]
    assert "with the above" in lines["2"]
    assert f"{pixels * 32 * 9 * 2 / 1e6:.3g} M" in lines["3.depthwise"]
    assert f"{pixels * 32 * 64 * 2 / 1e6:.3g} M" in lines["3.pointwise"]
    assert " 650 " in lines["5"]
    assert f"{9 * 32 + 64 + 9 * 32 + 32 * 64 + 650:,}" in lines["total"]
    assert not net._plans


def test_output_shapes():
    net = nn.Sequential(nn.Embedding(9, 4), nn.LSTM(4, 6), nn.Linear(6, 2))
    assert net.output_shape((3, 7)) == (3, 7, 2)
    assert nn.MaxPool2d(3, stride=2, padding=1).output_shape((2, 8, 7, 5)) == (2, 4, 4, 5)
    with pytest.raises(ValueError, match="positive ints"):
        net.output_shape((0, 7))
