"""Convolutions: every shape against float64 NumPy, finite differences and torch."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftopt import _core
from swiftopt.nn import functional

from .layer_rows import _windows as windows

DTYPES = {
    "float32": (np.float32, np.float32, 2.0**-24, 0.0),
    "float64": (np.float64, np.float64, 2.0**-53, 0.0),
    "bfloat16": (ml_dtypes.bfloat16, np.float32, 2.0**-24, 2.0**-8),
}
"""Values' dtype, numbers' dtype, unit roundoff of the arithmetic and of storing."""


@st.composite
def geometries(draw):
    """Image, kernel, stride, padding and dilation of which the kernel fits into the image."""
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (2, 3), (5, 1), (4, 5)]))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    stride, dilation = draw(pair), draw(pair)
    padding = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    least = [
        max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    image = draw(st.tuples(*(st.integers(low, low + 9) for low in least)))
    return {
        "batch": draw(st.integers(1, 3)),
        "image": image,
        "kernel": kernel,
        "window": (stride, padding, dilation),
        "keywords": {"stride": stride, "padding": padding, "dilation": dilation},
    }


def output_shape(geometry):
    return tuple(
        windows.output_length(*each)
        for each in zip(geometry["image"], geometry["kernel"], *geometry["window"], strict=True)
    )


def random_values(rng, shape, dtype):
    """Values of a dtype, and what they are in float64."""
    values = rng.standard_normal(shape).astype(DTYPES[dtype][0])
    return values, values.astype(np.float64)


def assert_near(got, expected, size, terms, dtype, is_stored=True):
    """Errors of a sum of products: Higham 2002, section 3.1, and of storing it."""
    _, _, eps, storing = DTYPES[dtype]
    error = (terms + 4) * eps * size
    if is_stored:
        error = error * (1 + storing) + storing * abs(expected)
    assert got.shape == expected.shape
    assert (abs(got.astype(np.float64) - expected) <= error).all()


@settings(deadline=None, max_examples=60)
@given(
    geometry=geometries(),
    dtype=st.sampled_from(sorted(DTYPES)),
    groups=st.integers(1, 3),
    channels=st.tuples(st.sampled_from([1, 2, 3, 8, 17]), st.sampled_from([1, 5, 16, 33])),
    seed=st.integers(0, 2**32 - 1),
)
def test_conv2d_of_any_shape(geometry, dtype, groups, channels, seed):
    rng = np.random.default_rng(seed)
    inputs, outputs = channels[0] * groups, channels[1] * groups
    shape = (geometry["batch"], *geometry["image"], inputs)
    x, x64 = random_values(rng, shape, dtype)
    weight, weight64 = random_values(rng, (outputs, *geometry["kernel"], channels[0]), dtype)
    dy, dy64 = random_values(rng, (shape[0], *output_shape(geometry), outputs), dtype)
    bias = rng.standard_normal(outputs).astype(DTYPES[dtype][1])
    keywords = {**geometry["keywords"], "groups": groups}
    terms = int(np.prod(geometry["kernel"]))

    sums, squares = np.empty(outputs), np.empty(outputs)
    y = functional.conv2d(x, weight, bias, column_sums=sums, column_square_sums=squares, **keywords)
    expected, size = windows.conv2d(x64, weight64, *geometry["window"], groups)
    assert_near(y, expected + bias, size + abs(bias), terms * channels[0] + 1, dtype)
    stored = y.astype(np.float64)
    # Sums are float64, but up to 12 bfloat16 numbers are added up in float32 before.
    error = 12 * 2.0**-24 if dtype == "bfloat16" else 1e-12
    axes = (0, 1, 2)
    assert (abs(sums - stored.sum(axes)) <= error * abs(stored).sum(axes)).all()
    np.testing.assert_allclose(squares, (stored**2).sum(axes), rtol=error)

    dx = functional.conv2d_backward_input(dy, weight, shape, **keywords)
    expected, size = windows.conv2d_backward_input(
        dy64, weight64, shape, *geometry["window"], groups
    )
    assert_near(dx, expected, size, terms * channels[1], dtype)

    grad_bias = np.empty_like(bias)
    dweight = functional.conv2d_backward_weight(
        dy, x, geometry["kernel"], grad_bias=grad_bias, **keywords
    )
    expected, size = windows.conv2d_backward_weight(
        dy64, x64, geometry["kernel"], *geometry["window"], groups
    )
    places = dy[..., 0].size
    assert_near(dweight, expected, size, places, dtype, is_stored=False)
    assert_near(grad_bias, dy64.sum(axes), abs(dy64).sum(axes), places, dtype, is_stored=False)


@settings(deadline=None, max_examples=60)
@given(
    geometry=geometries(),
    dtype=st.sampled_from(sorted(DTYPES)),
    channels=st.sampled_from([1, 3, 15, 16, 17, 32, 40, 64, 100]),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_depthwise_conv2d_of_any_shape(geometry, dtype, channels, relu, seed):
    rng = np.random.default_rng(seed)
    shape = (geometry["batch"], *geometry["image"], channels)
    x, x64 = random_values(rng, shape, dtype)
    weight, weight64 = random_values(rng, (*geometry["kernel"], channels), dtype)
    dy, dy64 = random_values(rng, (shape[0], *output_shape(geometry), channels), dtype)
    bias = rng.standard_normal(channels).astype(DTYPES[dtype][1])
    terms = int(np.prod(geometry["kernel"]))

    sums, squares = np.empty(channels), np.empty(channels)
    y = functional.depthwise_conv2d(
        x,
        weight,
        bias,
        relu=relu,
        column_sums=sums,
        column_square_sums=squares,
        **geometry["keywords"],
    )
    expected, size = windows.depthwise(x64, weight64, *geometry["window"])
    expected = expected + bias
    assert_near(
        y, np.maximum(expected, 0) if relu else expected, size + abs(bias), terms + 1, dtype
    )
    stored = y.astype(np.float64)
    np.testing.assert_allclose(sums, stored.sum((0, 1, 2)), atol=1e-12 * abs(stored).sum())
    np.testing.assert_allclose(squares, (stored**2).sum((0, 1, 2)), rtol=1e-12)

    dx = functional.depthwise_conv2d_backward_input(dy, weight, shape, **geometry["keywords"])
    expected, size = windows.depthwise_backward_input(dy64, weight64, shape, *geometry["window"])
    assert_near(dx, expected, size, terms, dtype)

    grad_bias = np.empty_like(bias)
    dweight = functional.depthwise_conv2d_backward_weight(
        dy, x, geometry["kernel"], grad_bias=grad_bias, **geometry["keywords"]
    )
    expected, size = windows.depthwise_backward_weight(
        dy64, x64, geometry["kernel"], *geometry["window"]
    )
    places = dy[..., 0].size
    assert_near(dweight, expected, size, places, dtype, is_stored=False)
    axes = (0, 1, 2)
    assert_near(grad_bias, dy64.sum(axes), abs(dy64).sum(axes), places, dtype, is_stored=False)


def difference_quotients(function, array, step=1e-3):
    """Central differences of a number by every element. A convolution is linear in each of its
    arrays, so they are exact but for rounding."""
    quotients = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = function()
        array[index] = kept - step
        quotients[index] = (above - function()) / (2 * step)
        array[index] = kept
    return quotients


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [(1, 1, 1, 1), (2, 1, 1, 1), ((2, 1), (0, 2), (1, 2), 2), (3, 2, 1, 4)],
)
def test_gradients_are_difference_quotients(stride, padding, dilation, groups):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 5, 6, 4))
    weight = rng.standard_normal((8, 3, 2, 4 // groups))
    bias = rng.standard_normal(8)
    keywords = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    dy = rng.standard_normal(functional.conv2d(x, weight, **keywords).shape)

    def loss():
        return float((functional.conv2d(x, weight, bias, **keywords) * dy).sum())

    grad_bias = np.empty(8)
    dweight = functional.conv2d_backward_weight(dy, x, (3, 2), grad_bias=grad_bias, **keywords)
    dx = functional.conv2d_backward_input(dy, weight, x.shape, **keywords)
    for gradient, array in ((dx, x), (dweight, weight), (grad_bias, bias)):
        np.testing.assert_allclose(gradient, difference_quotients(loss, array), atol=1e-9)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 1, 1), (2, 0, 1), ((1, 3), 2, 2)])
def test_depthwise_gradients_are_difference_quotients(stride, padding, dilation):
    rng = np.random.default_rng(6)
    x = rng.standard_normal((2, 5, 6, 3))
    weight = rng.standard_normal((3, 2, 3))
    keywords = {"stride": stride, "padding": padding, "dilation": dilation}
    dy = rng.standard_normal(functional.depthwise_conv2d(x, weight, **keywords).shape)

    def loss():
        return float((functional.depthwise_conv2d(x, weight, **keywords) * dy).sum())

    dweight = functional.depthwise_conv2d_backward_weight(dy, x, (3, 2), **keywords)
    dx = functional.depthwise_conv2d_backward_input(dy, weight, x.shape, **keywords)
    for gradient, array in ((dx, x), (dweight, weight)):
        np.testing.assert_allclose(gradient, difference_quotients(loss, array), atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("channels", [(1, 32, 1), (32, 64, 1), (24, 40, 2)])
@pytest.mark.parametrize("threads", [2, 5])
def test_bits_are_the_same_on_any_number_of_threads(dtype, channels, threads):
    rng = np.random.default_rng(7)
    inputs, outputs, groups = channels
    x, _ = random_values(rng, (16, 28, 28, inputs), dtype)
    weight, _ = random_values(rng, (outputs, 3, 3, inputs // groups), dtype)
    dy, _ = random_values(rng, (16, 28, 28, outputs), dtype)
    depthwise, _ = random_values(rng, (3, 3, outputs), dtype)

    def results():
        sums, squares = np.empty(outputs), np.empty(outputs)
        keywords = {"padding": 1, "groups": groups}
        return [
            functional.conv2d(x, weight, column_sums=sums, column_square_sums=squares, **keywords),
            sums,
            squares,
            functional.conv2d_backward_input(dy, weight, x.shape, **keywords),
            functional.conv2d_backward_weight(dy, x, 3, **keywords),
            functional.depthwise_conv2d(dy, depthwise, padding=1),
            functional.depthwise_conv2d_backward_input(dy, depthwise, dy.shape, padding=1),
            functional.depthwise_conv2d_backward_weight(dy, dy[::-1].copy(), 3, padding=1),
        ]

    _core.set_num_threads(1)
    alone = [result.tobytes() for result in results()]
    _core.set_num_threads(threads)
    assert [result.tobytes() for result in results()] == alone


def test_activations_are_applied_last():
    rng = np.random.default_rng(8)
    x = rng.standard_normal((2, 6, 6, 3))
    weight = rng.standard_normal((4, 3, 3, 3))
    plain = functional.conv2d(x, weight, padding=1)
    np.testing.assert_array_equal(
        functional.conv2d(x, weight, padding=1, activation="relu"), np.maximum(plain, 0)
    )
    np.testing.assert_allclose(
        functional.conv2d(x, weight, padding=1, activation="tanh"), np.tanh(plain), rtol=1e-14
    )


def test_a_separable_convolution_is_its_two_parts():
    rng = np.random.default_rng(9)
    x = rng.standard_normal((2, 7, 6, 5)).astype(np.float32)
    depthwise = rng.standard_normal((3, 3, 5)).astype(np.float32)
    pointwise = rng.standard_normal((8, 5)).astype(np.float32)
    bias = rng.standard_normal(8).astype(np.float32)
    between = np.empty((2, 4, 3, 5), np.float32)
    out = np.empty((2, 4, 3, 8), np.float32)
    y = functional.separable_conv2d(
        x, depthwise, pointwise, bias, stride=2, padding=1, out=out, depthwise_out=between
    )
    assert y is out
    np.testing.assert_array_equal(
        between, functional.depthwise_conv2d(x, depthwise, stride=2, padding=1)
    )
    np.testing.assert_array_equal(
        y, functional.conv2d(between, pointwise.reshape(8, 1, 1, 5), bias)
    )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
def test_torch_agrees(stride, groups):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(10)
    x = rng.standard_normal((2, 9, 8, 8))
    weight = rng.standard_normal((12, 3, 3, 8 // groups))
    bias = rng.standard_normal(12)
    tensors = [torch.tensor(x).permute(0, 3, 1, 2), torch.tensor(weight).permute(0, 3, 1, 2)]
    tensors = [tensor.detach().requires_grad_() for tensor in [*tensors, torch.tensor(bias)]]
    theirs = torch.nn.functional.conv2d(*tensors, stride=stride, padding=1, groups=groups)
    dy = rng.standard_normal(theirs.permute(0, 2, 3, 1).shape)
    theirs.backward(torch.tensor(dy).permute(0, 3, 1, 2))
    keywords = {"stride": stride, "padding": 1, "groups": groups}
    grad_bias = np.empty(12)
    ours = [
        functional.conv2d(x, weight, bias, **keywords),
        functional.conv2d_backward_input(dy, weight, x.shape, **keywords),
        functional.conv2d_backward_weight(dy, x, 3, grad_bias=grad_bias, **keywords),
    ]
    expected = [theirs.detach(), tensors[0].grad, tensors[1].grad]
    for got, tensor in zip(ours, expected, strict=True):
        np.testing.assert_allclose(got, tensor.permute(0, 2, 3, 1).numpy(), atol=1e-12)
    np.testing.assert_allclose(grad_bias, tensors[2].grad.numpy(), atol=1e-12)
