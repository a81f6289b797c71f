"""What a plan promises: memory once, the caller's arrays in place, a plan per shape."""

import tracemalloc

import numpy as np
import pytest

from swiftopt import nn
from swiftopt.nn._memory import assign_slots
from swiftopt.nn._plan import Recording, _needed
from swiftopt.nn._values import Value


def perceptron():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).reset_parameters(0)


def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.Residual(
            nn.Sequential(nn.SeparableConv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm(4))
        ),
        nn.ReLU(),
        nn.Dropout(0.1, rng=0),
        nn.GlobalAvgPool2d(),
        nn.Linear(4, 3),
    ).reset_parameters(0)


def images(batch, seed=0):
    return np.random.default_rng(seed).standard_normal((batch, 8, 8, 1)).astype(np.float32)


def rows(batch, seed=0):
    return np.random.default_rng(seed).standard_normal((batch, 6)).astype(np.float32)


def step(net, loss, x, labels):
    value = loss(net(x), labels)
    net.backward(loss.backward())
    return value


@pytest.mark.parametrize(("build", "data"), [(perceptron, rows), (convolutional, images)])
def test_steps_allocate_nothing(build, data):
    net, loss = build(), nn.CrossEntropyLoss()
    x, labels = data(5), np.array([0, 1, 2, 0, 1])
    batches = [x, data(5, 1), data(5, 2)]
    for batch in batches:
        step(net, loss, batch, labels)
    arrays = [*net.gradients().values(), net(x), loss.backward()]
    addresses = [array.ctypes.data for array in arrays]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            for batch in batches:
                step(net, loss, batch, labels)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 2000  # floats and frames that live on, not 60 times any array
    after = [*net.gradients().values(), net(x), loss.backward()]
    assert [array.ctypes.data for array in after] == addresses


def test_the_input_is_read_where_it_is():
    net, x = perceptron().eval(), rows(4)
    before = net(x).copy()
    x *= 2
    doubled = net(x).copy()
    assert not np.array_equal(before, doubled)
    np.testing.assert_array_equal(net(x.copy()), doubled)
    np.testing.assert_array_equal(net(rows(4)), before)


def test_weights_are_read_where_they_are():
    net, x = perceptron(), rows(4)
    net(x)
    for array in net.named_parameters().values():
        array[...] = 0
    assert not net(x).any()


def test_each_batch_size_has_a_plan_of_its_own():
    net, loss = perceptron(), nn.CrossEntropyLoss()
    gradients = {}
    for batch in (5, 3, 5, 1, 3):
        step(net, loss, rows(batch), np.zeros(batch, np.int64))
        found = {name: array.copy() for name, array in net.gradients().items()}
        for name, array in gradients.setdefault(batch, found).items():
            np.testing.assert_array_equal(found[name], array)
    assert len(net._plans) == 3


def test_only_a_few_plans_are_kept():
    net = perceptron()
    for batch in range(1, 30):
        assert net(rows(batch)).shape == (batch, 3)
    assert len(net._plans) == 6


def test_backward_needs_a_forward_pass_of_its_own():
    net, x, gradient = perceptron(), rows(4), np.ones((4, 3), np.float32)
    with pytest.raises(RuntimeError, match="needs a forward pass in training mode"):
        net.backward(gradient)
    net(x)
    net.backward(gradient)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        net.backward(gradient)
    net.eval()(x)
    with pytest.raises(RuntimeError, match="evaluation mode"):
        net.backward(gradient)


def test_a_refused_gradient_changes_nothing():
    net, x, gradient = perceptron(), rows(4), np.ones((4, 3), np.float32)
    net(x)
    with pytest.raises(ValueError, match=r"shape \(13,\), the output \(4, 3\)"):
        net.backward(np.ones(13, np.float32))
    with pytest.raises(ValueError, match=r"grad_output has shape \(3, 4\)"):
        net.backward(np.ones((3, 4), np.float32))
    with pytest.raises(TypeError, match="grad_output has dtype float64, the output float32"):
        net.backward(np.ones((4, 3)))
    with pytest.raises(ValueError, match="grad_output is not C-contiguous"):
        net.backward(np.ones((3, 4), np.float32).T)
    net.backward(gradient)
    expected = {name: array.copy() for name, array in net.gradients().items()}
    net(x)
    net.backward(gradient)
    for name, array in net.gradients().items():
        np.testing.assert_array_equal(array, expected[name])


def test_the_callers_gradient_stays_as_it_is():
    net = nn.Sequential(nn.Linear(6, 3), nn.ReLU(), nn.Dropout(0.5))
    gradient = np.ones((4, 3), np.float32)
    net(rows(4))
    net.backward(gradient)
    assert (gradient == 1).all()


def test_the_input_gradient_is_computed_if_asked_for():
    net, x, gradient = perceptron(), rows(4), np.ones((4, 3), np.float32)
    net(x)
    assert net.backward(gradient) is None
    parameters = {name: array.copy() for name, array in net.gradients().items()}
    net(x)
    found = net.backward(gradient, input_gradient=True)
    assert found.shape == x.shape
    mask = (x @ net[0].weight.T + net[0].bias) > 0
    expected = (gradient @ net[2].weight * mask) @ net[0].weight
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for name, array in net.gradients().items():
        np.testing.assert_array_equal(array, parameters[name])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("build", "shape"), [(perceptron, (5, 6)), (convolutional, (5, 8, 8, 1))])
def test_values_that_are_needed_at_the_same_time_share_no_memory(build, shape, training):
    recording = Recording(build().train(training), shape, "float32")
    calls = (*recording.forward, *recording.backward)
    slots = assign_slots(calls, recording.kept())
    holder = {}
    # Follow the slots through the calls: what is read must be what was written there last.
    for call in calls:
        for _, is_written, _, operand in call.operands():
            if isinstance(operand, Value) and not is_written and operand.storage in slots:
                assert holder[slots[operand.storage]] is operand.storage
        for _, is_written, _, operand in call.operands():
            if isinstance(operand, Value) and is_written:
                slot = slots[operand.storage]
                assert slot.nbytes >= operand.storage.nbytes
                holder[slot] = operand.storage
    if build is convolutional:
        assert len(set(slots.values())) < len(slots)


FUSED = [
    (
        [nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)],
        ["matmul", "matmul"],
        ["column_sums", "matmul", "matmul", "_narrow", "matmul"],
    ),
    (
        [nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3, bias=False)],
        ["matmul", "matmul"],
        ["matmul", "matmul", "_narrow", "matmul"],
    ),
    (
        [nn.Linear(6, 8, bias=False), nn.BatchNorm(8), nn.ReLU(), nn.Linear(8, 3, bias=False)],
        ["matmul", "batch_norm", "matmul"],
        ["matmul", "matmul", "batch_norm_backward", "matmul"],
    ),
    (
        [nn.Residual(nn.Sequential(nn.Linear(6, 6, bias=False), nn.BatchNorm(6))), nn.ReLU()],
        ["matmul", "batch_norm"],
        ["batch_norm_backward", "matmul"],
    ),
    (
        [nn.Residual(nn.Linear(6, 6, bias=False)), nn.ReLU()],
        ["matmul"],
        ["relu_backward", "matmul"],
    ),
]


@pytest.mark.parametrize("case", range(len(FUSED)))
def test_what_can_be_computed_together_is(case):
    layers, forward, backward = FUSED[case]
    net = nn.Sequential(*layers)
    net(rows(5))
    plan = net._current
    kinds = {type(built).__name__ for built in (*plan._forward, *plan._backward)}
    assert kinds <= {"LayerCall", "_BoundAction"}
    recording = plan.recording
    assert [call.function.name for call in recording.forward] == forward
    assert len(plan._backward) == len(backward)
    names = [call.function.name for call in recording.backward]
    assert [name for name in names if name in backward][: len(backward)] == backward


def test_a_batch_norm_reads_the_gradient_of_the_pooled():
    net = nn.Sequential(nn.BatchNorm(1), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Linear(1, 3))
    net(images(5))
    plan = net._current
    names = [call.function.name for call in _needed(plan.recording.backward, set())]
    assert names == ["column_sums", "matmul", "matmul", "batch_norm_backward"]


def test_a_changed_layer_is_planned_anew():
    net, x = perceptron().eval(), rows(4)
    before = net(x).copy()
    net[0].weight = np.zeros((8, 6), np.float32)
    assert not np.array_equal(net(x), before)
    net[0].bias = None
    np.testing.assert_array_equal(net(x), np.broadcast_to(net[2].bias, (4, 3)))
    assert "0.bias" not in net.named_parameters()
    assert "0.bias" not in net.gradients()


def test_a_layer_alone_is_a_network():
    layer = nn.Linear(6, 2, rng=0)
    x = rows(3)
    np.testing.assert_allclose(layer(x), x @ layer.weight.T + layer.bias, rtol=1e-5, atol=1e-6)
    layer.backward(np.ones((3, 2), np.float32))
    np.testing.assert_array_equal(layer.gradients()["bias"], [3, 3])


def test_networks_without_calls_return_their_input():
    x = rows(3)
    for net in (nn.Sequential(), nn.Sequential(nn.Dropout(0.5)).eval(), nn.Flatten()):
        np.testing.assert_array_equal(net(x), x)
        other = rows(3, 1)
        np.testing.assert_array_equal(net(other), other)
