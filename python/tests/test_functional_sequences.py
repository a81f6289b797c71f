"""Functional softmax, cross entropy, embedding, attention and recurrent cells.

What the kernels compute is judged by the reference rows; here, gradients are judged by
differences of the functions themselves, and torch is asked where it is installed.
"""

import ml_dtypes
import numpy as np
import pytest

from swiftopt.nn import functional


def loss_weights(array, seed=5):
    return np.random.default_rng(seed).standard_normal(array.shape)


def differences(function, array, step=1e-5):
    """d function() / d array by central differences, whose error is some step²."""
    gradient = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        below = function()
        array[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


def assert_gradient(gradient, function, array):
    # Third derivatives here are of the order of 10; rounding adds 1e-16 / step.
    np.testing.assert_allclose(gradient, differences(function, array), rtol=1e-7, atol=2e-9)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_softmax_gradient(rng):
    x = rng.standard_normal((3, 2, 5))
    weights = loss_weights(x)
    y = functional.softmax(x)
    gradient = functional.softmax_backward(weights, y)
    assert_gradient(gradient, lambda: (functional.softmax(x) * weights).sum(), x)
    out = weights.copy()
    assert functional.softmax_backward(out, y, out=out) is out
    assert (out == gradient).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_gradient(rng, smoothing):
    logits = rng.standard_normal((2, 3, 4))
    labels = np.array([[0, 3, 7], [1, 1, 2]], np.uint8)
    gradient = np.empty_like(logits)
    settings = {"ignore_index": 7, "label_smoothing": smoothing}
    functional.cross_entropy(logits, labels, grad_logits=gradient, **settings)
    assert_gradient(gradient, lambda: functional.cross_entropy(logits, labels, **settings), logits)
    assert (gradient[0, 2] == 0).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_gradient_of_probabilities(rng, smoothing):
    logits, target = rng.standard_normal((2, 2, 3, 4))
    gradient = np.empty_like(logits)
    settings = {"label_smoothing": smoothing}
    functional.cross_entropy(logits, target, grad_logits=gradient, **settings)
    assert_gradient(gradient, lambda: functional.cross_entropy(logits, target, **settings), logits)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_label_is_a_probability_of_one(rng, smoothing):
    logits, labels = rng.standard_normal((40, 21)), rng.integers(0, 21, 40)
    gradients = np.empty((2, *logits.shape))
    losses = [
        functional.cross_entropy(logits, target, grad_logits=gradient, label_smoothing=smoothing)
        for target, gradient in zip((labels, np.eye(21)[labels]), gradients, strict=True)
    ]
    # Each of the sums of about 40 terms of both forms is rounded at most so often.
    np.testing.assert_allclose(losses[0], losses[1], rtol=100 * 2.0**-53)
    np.testing.assert_allclose(gradients[0], gradients[1], rtol=0, atol=8 * 2.0**-53 / 40)


def test_cross_entropy_of_nothing_but_ignored_rows_is_nan():
    gradient = np.ones((2, 3))
    loss = functional.cross_entropy(np.zeros((2, 3)), np.full(2, -100), grad_logits=gradient)
    assert np.isnan(loss)
    assert (gradient == 0).all()


def test_cross_entropy_survives_large_logits():
    logits = np.array([[1e4, -1e4], [np.finfo(np.float32).max, 0]], np.float32)
    assert functional.cross_entropy(logits, np.array([0, 0])) == 0
    assert functional.cross_entropy(logits[:1], np.array([1])) == 2e4


@pytest.mark.parametrize("label", [-1, 3, -(2**63), 2**63 - 1])
def test_cross_entropy_refuses_labels_out_of_range(label):
    gradient, out = np.full((2, 3), 7.0), np.array(7.0)
    with pytest.raises(
        ValueError, match=rf"cross_entropy: labels\[1\] is {label}; it must be in 0 ... 2"
    ):
        functional.cross_entropy(
            np.zeros((2, 3)), np.array([0, label]), grad_logits=gradient, out=out
        )
    assert (gradient == 7).all()
    assert out == 7


@pytest.mark.parametrize("index", [-1, 5])
def test_embedding_refuses_indices_out_of_range(index):
    out = np.full((2, 3), 7.0)
    with pytest.raises(
        ValueError, match=rf"embedding: indices\[1\] is {index}; it must be in 0 ... 4"
    ):
        functional.embedding(np.array([0, index]), np.zeros((5, 3)), out=out)
    sums = np.full((5, 3), 7.0)
    with pytest.raises(ValueError, match=rf"embedding_backward: indices\[1\] is {index};"):
        functional.embedding_backward(out, np.array([0, index]), 5, out=sums)
    assert (out == 7).all()
    assert (sums == 7).all()


def test_embedding_gradient(rng):
    table = rng.standard_normal((4, 3))
    indices = np.array([[1, 1], [3, 0]], np.int32)
    weights = rng.standard_normal((2, 2, 3))
    gradient = functional.embedding_backward(weights, indices, 4)
    assert_gradient(gradient, lambda: (functional.embedding(indices, table) * weights).sum(), table)
    padded = functional.embedding_backward(weights, indices, 4, padding_idx=1)
    assert (padded[1] == 0).all()
    assert (padded[[0, 2, 3]] == gradient[[0, 2, 3]]).all()


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("scale", [None, 0.7])
def test_attention_gradient(rng, is_causal, scale):
    qkv = rng.standard_normal((2, 5, 3 * 2 * 3))
    saved = np.empty((2, 2, 5))
    settings = {"is_causal": is_causal, "scale": scale}
    y = functional.attention(qkv, 2, log_sum_exp=saved, **settings)
    weights = loss_weights(y)
    gradient = functional.attention_backward(weights, qkv, y, saved, 2, **settings)
    assert_gradient(
        gradient, lambda: (functional.attention(qkv, 2, **settings) * weights).sum(), qkv
    )


def test_causal_attention_sees_nothing_later(rng):
    qkv = rng.standard_normal((1, 150, 3 * 8)).astype(np.float32)
    before = functional.attention(qkv, 1, is_causal=True)
    qkv[0, 100:] *= 1e4
    after = functional.attention(qkv, 1, is_causal=True)
    assert (after[0, :100] == before[0, :100]).all()
    assert (after[0, 100:] != before[0, 100:]).all()


def lstm_arguments(rng):
    x, hidden, cell = (rng.standard_normal((3, width)) for width in (4, 5, 5))
    weights = [rng.standard_normal((20, width)) / 2 for width in (4, 5)]
    biases = [rng.standard_normal(20) for _ in range(2)]
    return x, hidden, cell, weights, biases


def test_lstm_cell_gradients(rng):
    x, hidden, cell, weights, biases = lstm_arguments(rng)
    of_hidden, of_recurrent, of_cell = (rng.standard_normal((3, 5)) for _ in range(3))

    def loss():
        new_hidden, new_cell = functional.lstm_cell(x, (hidden, cell), *weights, *biases)
        return (new_hidden * (of_hidden + of_recurrent) + new_cell * of_cell).sum()

    saved = np.empty((3, 20))
    _, new_cell = functional.lstm_cell(x, (hidden, cell), *weights, *biases, activations=saved)
    gradients = functional.lstm_cell_backward(
        of_hidden,
        of_cell,
        x,
        (hidden, cell),
        new_cell,
        saved,
        *weights,
        grad_recurrent=of_recurrent,
    )
    for gradient, array in zip(gradients, [x, hidden, cell, *weights, biases[0]], strict=True):
        assert_gradient(gradient, loss, array)
    assert_gradient(gradients.bias, loss, biases[1])


def test_gru_cell_gradients(rng):
    x, hidden = rng.standard_normal((3, 4)), rng.standard_normal((3, 5))
    weights = [rng.standard_normal((15, width)) / 2 for width in (4, 5)]
    biases = [rng.standard_normal(15) for _ in range(2)]
    of_hidden, of_recurrent = rng.standard_normal((3, 5)), rng.standard_normal((3, 5))

    def loss():
        return (
            functional.gru_cell(x, hidden, *weights, *biases) * (of_hidden + of_recurrent)
        ).sum()

    saved = np.empty((3, 20))
    functional.gru_cell(x, hidden, *weights, *biases, activations=saved)
    gradients = functional.gru_cell_backward(
        of_hidden, x, hidden, saved, *weights, grad_recurrent=of_recurrent
    )
    for gradient, array in zip(gradients, [x, hidden, *weights, *biases], strict=True):
        assert_gradient(gradient, loss, array)


def test_cells_in_bfloat16_keep_a_float32_cell(rng):
    x, hidden, cell, weights, biases = lstm_arguments(rng)
    small = [array.astype(ml_dtypes.bfloat16) for array in (x, hidden, *weights)]
    numbers = [array.astype(np.float32) for array in (cell, *biases)]
    new_hidden, new_cell = functional.lstm_cell(
        small[0], (small[1], numbers[0]), small[2], small[3], *numbers[1:]
    )
    assert new_hidden.dtype == ml_dtypes.bfloat16
    assert new_cell.dtype == np.float32
    wide = [array.astype(np.float64) for array in (*small, *numbers)]
    expected, expected_cell = functional.lstm_cell(
        wide[0], (wide[1], wide[4]), wide[2], wide[3], *wide[5:]
    )
    # The factors are the same: sums are float32, only the hidden state is rounded to bfloat16.
    np.testing.assert_allclose(new_cell, expected_cell, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(new_hidden.astype(np.float64), expected, rtol=2.0**-8, atol=1e-5)


REFUSED = {
    "softmax: x has shape \\(3, 0\\)": lambda: functional.softmax(np.zeros((3, 0))),
    "target has shape \\(3,\\), logits has shape \\(2, 4\\)": lambda: functional.cross_entropy(
        np.zeros((2, 4)), np.zeros(3, np.int64)
    ),
    "target has shape \\(2, 3\\), logits has shape \\(2, 4\\)": lambda: functional.cross_entropy(
        np.zeros((2, 4)), np.zeros((2, 3))
    ),
    "ignore_index is 1, which is for labels": lambda: functional.cross_entropy(
        np.zeros((2, 4)), np.zeros((2, 4)), ignore_index=1
    ),
    "label_smoothing": lambda: functional.cross_entropy(
        np.zeros((2, 4)), np.zeros(2, np.int64), label_smoothing=1.5
    ),
    "weight has shape \\(3,\\)": lambda: functional.embedding(np.zeros(1, np.int64), np.zeros(3)),
    "grad_output has shape \\(2, 3\\), indices has shape \\(4,\\)": lambda: (
        functional.embedding_backward(np.zeros((2, 3)), np.zeros(4, np.int64), 5)
    ),
    "padding_idx is 5": lambda: functional.embedding_backward(
        np.zeros((2, 3)), np.zeros(2, np.int64), 5, padding_idx=5
    ),
    "qkv has 10 features, .* of 2 heads": lambda: functional.attention(np.zeros((1, 2, 10)), 2),
    "qkv has shape \\(2, 12\\)": lambda: functional.attention(np.zeros((2, 12)), 2),
    "weight_hh has shape \\(8, 3\\)": lambda: functional.lstm_cell(
        np.zeros((1, 3)), (np.zeros((1, 2)), np.zeros((1, 2))), np.zeros((8, 3)), np.zeros((8, 3))
    ),
    "the hidden state has shape \\(2, 2\\), x has shape \\(1, 3\\)": lambda: functional.gru_cell(
        np.zeros((1, 3)), np.zeros((2, 2)), np.zeros((6, 3)), np.zeros((6, 2))
    ),
}


@pytest.mark.parametrize("text", list(REFUSED))
def test_shapes_that_do_not_fit_are_explained(text):
    with pytest.raises(ValueError, match=text):
        REFUSED[text]()


def test_dtypes_that_do_not_fit_are_explained():
    with pytest.raises(TypeError, match=r"target has dtype float64; it must be uint8, int32 or"):
        functional.cross_entropy(np.zeros((1, 2)), np.zeros(1))
    with pytest.raises(TypeError, match="target has dtype float32; it must be float64"):
        functional.cross_entropy(np.zeros((1, 2)), np.zeros((1, 2), np.float32))
    with pytest.raises(TypeError, match="hx must be the hidden state and the cell"):
        functional.lstm_cell(np.zeros((1, 3)), np.zeros((1, 2)), np.zeros((8, 3)), np.zeros((8, 2)))


def test_powers_in_softmax_are_within_a_unit_in_the_last_place():
    x = np.linspace(-86.5, 0, 2**18 + 1).astype(np.float32)
    y = functional.softmax(np.stack([np.zeros_like(x), x], axis=1)).astype(np.float64)
    expected = np.exp(x.astype(np.float64))
    error = np.abs(y[:, 1] / y[:, 0] - expected) / expected
    # A power is off by at most two roundings (seen: 1.41), each quotient by one.
    assert error.max() < 4.01 * 2.0**-24
    assert (functional.softmax(np.array([0, -87.0], np.float32)) == [1, 0]).all()
