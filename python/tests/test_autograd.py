"""Layers as primitives of autograd: gradients, and how they fit into what autograd does.

Expected gradients are autograd's own central differences in float64 (`check_grads`, relative
error 1e-6), or those of the same formula in autograd.numpy.
"""

import subprocess
import sys

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.test_util import check_grads

import swiftopt.autograd as soa
from swiftopt.nn import functional


def values(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


LABELS = np.array([2, 0, 1, 1, 4])

# Each: a function of float64 arrays, those to differentiate by.
CASES = {
    "mean_squared_error": (soa.mean_squared_error, values(4, 3), values(4, 3, seed=1)),
    "cross_entropy": (lambda x: soa.cross_entropy(x, LABELS), values(5, 6)),
    "cross_entropy_smoothed": (
        lambda x: soa.cross_entropy(x, LABELS, label_smoothing=0.2, ignore_index=1),
        values(5, 6),
    ),
    "softmax": (soa.softmax, values(2, 3, 5)),
    "attention": (lambda x: soa.attention(x, 2), values(2, 5, 18)),
    "attention_causal": (
        lambda x: soa.attention(x, 3, is_causal=True, scale=0.3),
        values(1, 7, 36),
    ),
    "linear": (soa.linear, values(2, 5, 3), values(4, 3, seed=1), values(4, seed=2)),
    "linear_alone": (soa.linear, values(3), values(4, 3, seed=1)),
    "relu": (soa.relu, values(4, 7)),
    "gelu": (soa.gelu, values(4, 7)),
    "gelu_tanh": (lambda x: soa.gelu(x, "tanh"), values(4, 7)),
    "silu": (soa.silu, values(4, 7)),
    "tanh": (soa.tanh, values(4, 7)),
    "sigmoid": (soa.sigmoid, values(4, 7)),
    "dropout": (lambda x: soa.dropout(x, 0.3, seed=5, counter=2), values(40, 7)),
    "dropout_in_evaluation": (lambda x: soa.dropout(x, training=False, seed=5), values(4, 7)),
    "batch_norm": (
        lambda x, w, b: soa.batch_norm(x, weight=w, bias=b, training=True),
        values(2, 4, 3, 5), values(5, seed=1), values(5, seed=2),
    ),
    "batch_norm_in_evaluation": (
        lambda x, w, b: soa.batch_norm(x, values(5, seed=3), values(5, seed=4) ** 2, w, b),
        values(6, 5), values(5, seed=1), values(5, seed=2),
    ),
    "batch_norm_alone": (soa.batch_norm, values(6, 5)),
    "layer_norm": (soa.layer_norm, values(2, 3, 9), values(9, seed=1), values(9, seed=2)),
    "layer_norm_alone": (soa.layer_norm, values(3, 9)),
    "rms_norm": (soa.rms_norm, values(2, 3, 9), values(9, seed=1)),
    "rms_norm_alone": (lambda x: soa.rms_norm(x, eps=0.1), values(2, 3, 9)),
    "conv2d": (
        lambda *arrays: soa.conv2d(*arrays, stride=(2, 1), padding=1),
        values(2, 5, 4, 3), values(4, 3, 2, 3, seed=1), values(4, seed=2),
    ),
    "conv2d_groups": (
        lambda x, w: soa.conv2d(x, w, groups=2, dilation=(1, 2)),
        values(1, 4, 6, 4), values(6, 2, 3, 2, seed=1),
    ),
    "depthwise_conv2d": (
        lambda *arrays: soa.depthwise_conv2d(*arrays, stride=2, padding=(1, 0)),
        values(2, 5, 6, 3), values(3, 3, 3, seed=1), values(3, seed=2),
    ),
    "max_pool2d": (
        lambda x: soa.max_pool2d(x, (2, 3), stride=2, padding=1), values(2, 5, 6, 3)
    ),
    "avg_pool2d": (
        lambda x: soa.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False),
        values(2, 5, 6, 3),
    ),
    "global_avg_pool2d": (soa.global_avg_pool2d, values(2, 5, 6, 3)),
    "embedding": (lambda w: soa.embedding(np.array([[3, 0, 3], [1, 1, 0]]), w), values(4, 5)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_gradients_against_differences(case):
    function, *arrays = CASES[case]
    np.random.seed(1)  # noqa: NPY002  (check_grads draws its directions from there)
    argnums = tuple(range(len(arrays)))
    check_grads(function, argnums, modes=["rev"], order=1)(*arrays)


@pytest.mark.parametrize("name", soa.__all__)
def test_every_function_is_checked(name):
    assert any(case.startswith(name) for case in CASES)
    assert ">>> " in getattr(soa, name).__doc__


def test_only_what_is_asked_for():
    """Each array alone, the others plain."""
    arrays = values(5, 3), values(3, 4, seed=1)
    target = values(5, 4, seed=2)
    for argnum in range(2):
        check_grads(
            lambda x, w: soa.mean_squared_error(anp.dot(x, w), target),
            argnum,
            modes=["rev"],
            order=1,
        )(*arrays)


def test_views_and_results_in_further_formulas():
    """Transposed, reversed and broadcast arrays, and gradients of such."""
    target = np.broadcast_to(values(6), (4, 6))

    def function(x):
        y = soa.softmax(2 * x.T[::-1])
        return anp.sin(soa.mean_squared_error(y, target)) + anp.sum(y[:, ::-1] ** 3)

    check_grads(function, modes=["rev"], order=1)(values(6, 4))


def test_an_array_used_twice():
    def function(x):
        return soa.mean_squared_error(soa.softmax(x), soa.softmax(x * x))

    check_grads(function, modes=["rev"], order=1)(values(3, 5))


def test_jacobians_ask_for_the_gradient_more_than_once():
    x = values(5)
    y = np.exp(x) / np.exp(x).sum()
    # dy_i/dx_j = y_i (δ_ij - y_j)
    expected = np.diag(y) - np.outer(y, y)
    np.testing.assert_allclose(autograd.jacobian(soa.softmax)(x), expected, rtol=1e-12, atol=1e-15)


def test_float32():
    x, labels = values(5, 6).astype(np.float32), LABELS
    value, gradient = autograd.value_and_grad(soa.cross_entropy)(x, labels)
    exact, exact_gradient = autograd.value_and_grad(soa.cross_entropy)(x.astype(float), labels)
    assert gradient.dtype == np.float32
    # float32 logits are exact; softmax and loss round a few times, sums are float64.
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    np.testing.assert_allclose(gradient, exact_gradient, rtol=1e-6, atol=1e-7)


def test_without_differentiation_it_is_the_function():
    logits = values(5, 6)
    assert soa.cross_entropy(logits, LABELS) == functional.cross_entropy(logits, LABELS)
    np.testing.assert_array_equal(soa.softmax(logits), functional.softmax(logits))
    assert type(soa.softmax(logits)) is np.ndarray


def test_arguments_stay_as_they_are():
    logits = values(5, 6)
    before = logits.copy()
    autograd.grad(lambda x: 3 * soa.cross_entropy(x, LABELS))(logits)
    np.testing.assert_array_equal(logits, before)


def test_errors_are_those_of_the_function():
    with pytest.raises(ValueError, match="cross_entropy: target has shape"):
        autograd.grad(soa.cross_entropy)(values(4, 6), LABELS)
    with pytest.raises(TypeError, match="float64, as the other values"):
        autograd.grad(soa.mean_squared_error)(values(4), values(4).astype(np.float32))
    with pytest.raises(ValueError, match="max_pool2d: "):
        autograd.grad(lambda x: anp.sum(soa.max_pool2d(x, 9)))(values(1, 4, 4, 2))


def test_running_statistics_are_updated_once():
    x, mean, variance = values(8, 3), np.zeros(3), np.ones(3)

    def function(x):
        y = soa.batch_norm(x, mean, variance, training=True, momentum=0.5)
        return anp.sum(y**3)

    autograd.value_and_grad(function)(x)
    # Half of the batch's mean, half of 1 and of its unbiased variance.
    np.testing.assert_allclose(mean, x.mean(0) / 2, rtol=1e-13)
    np.testing.assert_allclose(variance, 0.5 + x.var(0, ddof=1) / 2, rtol=1e-13)


def test_a_second_derivative_is_refused_by_name():
    def first(x):
        return anp.sum(autograd.grad(lambda x: soa.softmax(x)[0])(x))

    with pytest.raises(NotImplementedError, match=r"swiftopt\.autograd\.softmax .* once"):
        autograd.grad(first)(values(3))


def test_without_the_package():
    code = """
import sys
sys.modules["autograd"] = None
import swiftopt
try:
    import swiftopt.autograd
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == (
        "swiftopt.autograd needs the package autograd: pip install 'swiftopt[autograd]'\n"
    )
