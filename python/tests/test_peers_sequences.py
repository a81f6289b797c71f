"""Agreement of softmax, cross entropy, embedding, attention and cells with torch in float64."""

import numpy as np
import pytest

from swiftopt.nn import functional

torch = pytest.importorskip("torch", reason="torch is not installed; it is an optional peer")

# Both are right to some roundings of sums of a few dozen terms of the order of one.
TOLERANCE = {"rtol": 1e-12, "atol": 1e-13}


def tensors(*arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def assert_same(ours, theirs):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), **TOLERANCE)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_softmax(rng):
    x, dy = rng.standard_normal((2, 7, 33))
    (tensor,) = tensors(x)
    result = torch.softmax(tensor, -1)
    result.backward(torch.tensor(dy))
    y = functional.softmax(x)
    assert_same(y, result)
    assert_same(functional.softmax_backward(dy, y), tensor.grad)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignored", [-100, 2])
def test_cross_entropy(rng, smoothing, ignored):
    logits = 3 * rng.standard_normal((19, 21))
    labels = rng.integers(0, 21, 19)
    labels[4] = 2
    settings = {"label_smoothing": smoothing, "ignore_index": ignored}
    (tensor,) = tensors(logits)
    result = torch.nn.functional.cross_entropy(tensor, torch.tensor(labels), **settings)
    result.backward()
    gradient = np.empty_like(logits)
    assert_same(functional.cross_entropy(logits, labels, grad_logits=gradient, **settings), result)
    assert_same(gradient, tensor.grad)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_of_probabilities(rng, smoothing):
    logits = 3 * rng.standard_normal((19, 21))
    target = rng.dirichlet(np.ones(21), 19)
    target[3] *= 2  # need not sum to 1
    (tensor,) = tensors(logits)
    result = torch.nn.functional.cross_entropy(
        tensor, torch.tensor(target), label_smoothing=smoothing
    )
    result.backward()
    gradient = np.empty_like(logits)
    settings = {"label_smoothing": smoothing}
    assert_same(functional.cross_entropy(logits, target, grad_logits=gradient, **settings), result)
    assert_same(gradient, tensor.grad)


@pytest.mark.parametrize("padding", [None, 1])
def test_embedding(rng, padding):
    table, indices = rng.standard_normal((5, 18)), rng.integers(0, 5, (6, 7))
    dy = rng.standard_normal((6, 7, 18))
    (tensor,) = tensors(table)
    result = torch.nn.functional.embedding(torch.tensor(indices), tensor, padding_idx=padding)
    result.backward(torch.tensor(dy))
    assert_same(functional.embedding(indices, table), result)
    assert_same(functional.embedding_backward(dy, indices, 5, padding_idx=padding), tensor.grad)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("time", [1, 33, 200])
def test_attention(rng, is_causal, time):
    heads, dim = 2, 12
    qkv = rng.standard_normal((2, time, 3 * heads * dim))
    dy = rng.standard_normal((2, time, heads * dim))
    (tensor,) = tensors(qkv)
    query, key, value = tensor.view(2, time, 3, heads, dim).permute(2, 0, 3, 1, 4)
    result = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=is_causal
    )
    result = result.transpose(1, 2).reshape(2, time, heads * dim)
    result.backward(torch.tensor(dy))
    saved = np.empty((2, heads, time))
    y = functional.attention(qkv, heads, is_causal=is_causal, log_sum_exp=saved)
    assert_same(y, result)
    gradient = functional.attention_backward(dy, qkv, y, saved, heads, is_causal=is_causal)
    assert_same(gradient, tensor.grad)


def cell_arrays(rng, gates):
    shapes = [(3, 4), (3, 5), (gates * 5, 4), (gates * 5, 5), (gates * 5,), (gates * 5,)]
    return [rng.standard_normal(shape) for shape in shapes]


def test_lstm_cell(rng):
    x, hidden, *weights = cell_arrays(rng, 4)
    cell, of_hidden, of_cell = rng.standard_normal((3, 3, 5))
    inputs = tensors(x, hidden, cell, *weights)
    outputs = torch.lstm_cell(inputs[0], (inputs[1], inputs[2]), *inputs[3:])
    torch.autograd.backward(outputs, [torch.tensor(of_hidden), torch.tensor(of_cell)])
    saved = np.empty((3, 20))
    ours = functional.lstm_cell(x, (hidden, cell), *weights, activations=saved)
    for mine, theirs in zip(ours, outputs, strict=True):
        assert_same(mine, theirs)
    gradients = functional.lstm_cell_backward(
        of_hidden, of_cell, x, (hidden, cell), ours[1], saved, *weights[:2]
    )
    for mine, tensor in zip(gradients, inputs[:-1], strict=True):
        assert_same(mine, tensor.grad)
    assert_same(gradients.bias, inputs[-1].grad)


def test_gru_cell(rng):
    x, hidden, *weights = cell_arrays(rng, 3)
    of_hidden = rng.standard_normal((3, 5))
    inputs = tensors(x, hidden, *weights)
    output = torch.gru_cell(*inputs)
    output.backward(torch.tensor(of_hidden))
    saved = np.empty((3, 20))
    assert_same(functional.gru_cell(x, hidden, *weights, activations=saved), output)
    gradients = functional.gru_cell_backward(of_hidden, x, hidden, saved, *weights[:2])
    for mine, tensor in zip(gradients, inputs, strict=True):
        assert_same(mine, tensor.grad)
