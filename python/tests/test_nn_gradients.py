"""Gradients of whole networks against finite differences in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftopt import nn

from .finite_differences import prepared, worst_error

NETWORKS = {
    "perceptron": (lambda: nn.Sequential(
        nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 3)), (4, 5)),
    "one row": (lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3)), (1, 5)),
    "smooth activations": (lambda: nn.Sequential(
        nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 6), nn.SiLU(), nn.Linear(6, 6), nn.Tanh(),
        nn.Linear(6, 6), nn.Sigmoid(), nn.Linear(6, 3)), (4, 5)),
    "nothing to fuse with": (lambda: nn.Sequential(
        nn.ReLU(), nn.GELU(), nn.SiLU(), nn.Tanh(), nn.Sigmoid(), nn.Linear(5, 3)), (4, 5)),
    "residual products": (lambda: nn.Sequential(
        nn.Linear(5, 7), nn.Residual(nn.Sequential(nn.Linear(7, 7), nn.ReLU(), nn.Linear(7, 7))),
        nn.ReLU(), nn.Residual(nn.Sequential(nn.ReLU(), nn.Linear(7, 7, bias=False))),
        nn.Linear(7, 3)), (4, 5)),
    "residual of residual": (lambda: nn.Sequential(
        nn.Linear(5, 7), nn.Residual(nn.Residual(nn.Linear(7, 7))),
        nn.Residual(nn.Linear(7, 7), nn.Linear(7, 7)), nn.ReLU(), nn.Residual(nn.ReLU()),
        nn.Linear(7, 3)), (4, 5)),
    "residual of the input": (lambda: nn.Residual(nn.Linear(5, 5)), (4, 5)),
    "residual of nothing": (lambda: nn.Residual(nn.Sequential()), (4, 5)),
    "batch norm": (lambda: nn.Sequential(
        nn.Linear(5, 7, bias=False), nn.BatchNorm(7), nn.ReLU(), nn.BatchNorm(7), nn.GELU(),
        nn.Linear(7, 3)), (6, 5)),
    "residual batch norm": (lambda: nn.Sequential(
        nn.BatchNorm(5), nn.Linear(5, 7), nn.BatchNorm(7), nn.ReLU(),
        nn.Residual(nn.Sequential(
            nn.Linear(7, 7), nn.BatchNorm(7), nn.ReLU(), nn.Linear(7, 7), nn.BatchNorm(7))),
        nn.ReLU(), nn.Residual(nn.BatchNorm(7), nn.BatchNorm(7)), nn.Sigmoid(),
        nn.Residual(nn.Sequential(nn.Linear(7, 7), nn.BatchNorm(7))), nn.Linear(7, 3)), (6, 5)),
    "dropout": (lambda: nn.Sequential(
        nn.Dropout(0.3), nn.Linear(5, 7), nn.ReLU(), nn.Dropout(0.4), nn.Linear(7, 7),
        nn.Residual(nn.Dropout(0.5)), nn.Linear(7, 3), nn.Dropout(0.2)), (6, 5)),
    "norms": (lambda: nn.Sequential(
        nn.LayerNorm(5), nn.Linear(5, 6), nn.RMSNorm(6), nn.ReLU(), nn.Linear(6, 6),
        nn.Residual(nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 6)))), (2, 3, 5)),
    "convolutions": (lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, (3, 2), (2, 1), groups=2),
        nn.BatchNorm(6), nn.ReLU(), nn.Conv2d(6, 5, 1), nn.GELU(), nn.Flatten(),
        nn.Linear(3 * 5 * 5, 3)), (3, 7, 6, 2)),
    "separable convolutions": (lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm(4), nn.ReLU(),
        nn.SeparableConv2d(4, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm(6), nn.ReLU(),
        nn.Residual(nn.Sequential(
            nn.SeparableConv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm(6))),
        nn.ReLU(), nn.DepthwiseConv2d(6, 3), nn.ReLU(), nn.GlobalAvgPool2d(),
        nn.Linear(6, 3)), (3, 7, 6, 1)),
    "dilated convolutions": (lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=2, dilation=2), nn.Tanh(),
        nn.SeparableConv2d(4, 3, (2, 3), padding=1, dilation=(3, 1)), nn.Flatten(),
        nn.Linear(6 * 6 * 3, 2)), (2, 7, 6, 2)),
    "pooled batch norm": (lambda: nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1, bias=False), nn.BatchNorm(3), nn.ReLU(),
        nn.Residual(nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.BatchNorm(3))), nn.ReLU(),
        nn.GlobalAvgPool2d(), nn.Linear(3, 3)), (4, 3, 2, 1)),
    "pooled sum with batch norm": (lambda: nn.Sequential(
        nn.Residual(nn.Sequential(nn.Conv2d(2, 2, 1, bias=False), nn.BatchNorm(2))),
        nn.GlobalAvgPool2d(), nn.Linear(2, 3)), (4, 3, 2, 2)),
    "pooled single places": (lambda: nn.Sequential(
        nn.Residual(nn.Sequential(nn.Conv2d(2, 2, 1, bias=False), nn.BatchNorm(2))),
        nn.GlobalAvgPool2d(), nn.Linear(2, 3)), (5, 1, 1, 2)),
    "pooling": (lambda: nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 2),
        nn.MaxPool2d(3, stride=1, padding=1), nn.AvgPool2d(2, stride=1), nn.Flatten(),
        nn.Linear(8, 3)), (3, 9, 6, 1)),
    "transformer": (lambda: nn.Sequential(
        nn.Embedding(11, 8), nn.PositionalEmbedding(7, 8),
        nn.Residual(nn.Sequential(
            nn.LayerNorm(8), nn.MultiHeadAttention(8, 2, causal=True), nn.Dropout(0.1))),
        nn.Residual(nn.Sequential(
            nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))),
        nn.LayerNorm(8), nn.Linear(8, 11)), (2, 5)),
    "attention": (lambda: nn.MultiHeadAttention(6, 3, bias=False), (2, 5, 6)),
    "lstm": (lambda: nn.Sequential(
        nn.Linear(4, 3), nn.LSTM(3, 5), nn.ReLU(), nn.Residual(nn.LSTM(5, 5)),
        nn.LSTM(5, 4, return_sequences=False), nn.Linear(4, 2)), (3, 4, 4)),
    "gru": (lambda: nn.Sequential(
        nn.Linear(4, 3), nn.GRU(3, 5), nn.ReLU(), nn.Residual(nn.GRU(5, 5)),
        nn.GRU(5, 4, return_sequences=False), nn.Linear(4, 2)), (3, 4, 4)),
    "one step": (lambda: nn.Sequential(
        nn.LSTM(4, 3), nn.GRU(3, 3), nn.LSTM(3, 3, return_sequences=False),
        nn.Linear(3, 2)), (3, 1, 4)),
}  # fmt: skip


def inputs(net, shape, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 11, shape) if net.input_kind() == "int64" else rng.normal(size=shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_finite_differences(name):
    build, shape = NETWORKS[name]
    net = prepared(build(), seed=3)
    assert worst_error(net, inputs(net, shape, 4), seed=5) < 1e-7


LAYERS = {
    "linear": lambda draw, width: nn.Linear(width, draw(st.integers(1, 9)), draw(st.booleans())),
    "square": lambda draw, width: nn.Linear(width, width),
    "tanh": lambda draw, width: nn.Tanh(),
    "gelu": lambda draw, width: nn.GELU(),
    "silu": lambda draw, width: nn.SiLU(),
    "sigmoid": lambda draw, width: nn.Sigmoid(),
    "relu": lambda draw, width: nn.ReLU(),
    "batch_norm": lambda draw, width: nn.BatchNorm(width),
    "layer_norm": lambda draw, width: nn.LayerNorm(width, eps=0.1),
    "rms_norm": lambda draw, width: nn.RMSNorm(width, eps=0.1),
    "dropout": lambda draw, width: nn.Dropout(0.3, rng=draw(st.integers(0, 99))),
}
ALL = tuple(sorted(LAYERS))
KEEP_WIDTH = tuple(kind for kind in ALL if kind != "linear")


@st.composite
def sequentials(draw, width, depth=2, kinds=ALL):
    """A random network on features, and its input width."""
    layers, current = [], width
    for _ in range(draw(st.integers(0, 6))):
        if depth and draw(st.integers(0, 3)) == 0:
            branch = draw(sequentials(current, depth - 1, KEEP_WIDTH))
            shortcut = draw(st.none() | sequentials(current, 0, KEEP_WIDTH))
            layers.append(nn.Residual(branch, shortcut))
            continue
        layer = LAYERS[draw(st.sampled_from(kinds))](draw, current)
        layers.append(layer)
        current = layer.out_features if isinstance(layer, nn.Linear) else current
    return nn.Sequential(*layers)


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 9), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_gradients_of_random_networks(data, width, batch, seed):
    net = prepared(data.draw(sequentials(width)), seed)
    x = np.random.default_rng(seed).normal(size=(batch, width))
    # A ReLU's kink between the two points of a difference is unlikely, and then a draw's fault;
    # deep chains of norms have large third derivatives.
    assert worst_error(net, x, seed, elements=1) < 1e-4


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(1, 9), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_planned_network_is_its_layers_one_by_one(data, width, batch, seed):
    # Fusion and shared memory must not change what a network computes: float64 sums may differ
    # in their order, so in a few last places.
    net = prepared(data.draw(sequentials(width, depth=0)), seed).eval()
    x = np.random.default_rng(seed).normal(size=(batch, width))
    together, alone = net(x).copy(), x
    for layer in net:
        alone = layer(alone).copy()
    np.testing.assert_allclose(together, alone, rtol=1e-10, atol=1e-12)
