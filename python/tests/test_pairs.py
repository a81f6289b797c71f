"""Layers of bfloat16 whose channels come in pairs, as whole 32 do.

Where channels don't mix, eight at a time, which are worked on one by one, must give the same bits.
What those are worth is tested with the layers. Numbers that are not finite need a rounding of
their own in pairs, or none: what becomes of them is tested here.
"""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftopt.nn import functional

BF16 = ml_dtypes.bfloat16
APART = 8


@st.composite
def convolutions(draw):
    """Shapes around the four places that are made together, wide paddings among them."""
    kernel = draw(st.sampled_from([(3, 3), (1, 3), (17, 3), (2, 2)]))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 5)))
    dilation = (draw(st.integers(1, 2)), draw(st.sampled_from([1, 1, 1, 2])))
    least = [
        max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    image = tuple(draw(st.integers(low, low + 11)) for low in least)
    channels = draw(st.sampled_from([32, 64, 96]))
    keywords = {"stride": stride, "padding": padding, "dilation": dilation}
    return (draw(st.integers(1, 2)), *image, channels), kernel, keywords


def same_bits(got, expected):
    np.testing.assert_array_equal(got.view(np.uint16), expected.view(np.uint16))


def in_parts(channels, call):
    """What `call` gives for each few channels, put together."""
    parts = [call(slice(begin, begin + APART)) for begin in range(0, channels, APART)]
    return tuple(np.concatenate(each, axis=-1) for each in zip(*parts, strict=True))


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.booleans(), st.integers(0, 2**32 - 1))
def test_depthwise_pairs_give_the_bits_of_single_channels(convolution, relu, seed):
    shape, kernel, keywords = convolution
    channels = shape[-1]
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(BF16)
    weight = rng.standard_normal((*kernel, channels)).astype(BF16)
    bias = rng.standard_normal(channels).astype(np.float32)

    def forward(part):
        here = x[..., part].copy(), weight[..., part].copy(), bias[part].copy()
        sums = np.empty((2, here[2].size))
        y = functional.depthwise_conv2d(
            *here, **keywords, relu=relu, column_sums=sums[0], column_square_sums=sums[1]
        )
        return y, sums

    y, sums = forward(slice(None))
    expected, expected_sums = in_parts(channels, forward)
    same_bits(y, expected)
    # Four bfloat16 numbers are added up in float32 before the rest is in float64: less than 4
    # roundings of 2^-24 of what is added.
    stored = expected.astype(np.float64).reshape(-1, channels)
    bound = 4 * 2.0**-24 * np.stack([abs(stored).sum(0), (stored**2).sum(0)])
    assert (abs(sums - expected_sums) <= 2 * bound).all()

    dy = rng.standard_normal(y.shape).astype(BF16)

    def backward(part):
        gradient, here = dy[..., part].copy(), x[..., part].copy()
        grad_bias = np.empty(here.shape[-1], np.float32)
        dx = functional.depthwise_conv2d_backward_input(
            gradient, weight[..., part].copy(), here.shape, **keywords
        )
        dweight = functional.depthwise_conv2d_backward_weight(
            gradient, here, kernel, **keywords, grad_bias=grad_bias
        )
        return dx, dweight, grad_bias

    dx, dweight, grad_bias = backward(slice(None))
    expected_dx, expected_dweight, expected_bias = in_parts(channels, backward)
    same_bits(dx, expected_dx)
    # Rows are shared out otherwise where there are more channels, so sums have another order:
    # each of the two is within (terms) roundings of what is added (Higham 2002, section 3.1).
    terms = y[..., 0].size
    gradient = abs(dy.astype(np.float64))
    size = gradient.max((0, 1, 2)) * abs(x.astype(np.float64)).max((0, 1, 2))
    bound = 2 * terms * 2.0**-24 * terms
    assert (abs(dweight - expected_dweight) <= bound * size).all()
    assert (abs(grad_bias - expected_bias) <= bound * gradient.max((0, 1, 2))).all()


@settings(max_examples=50, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(3, 9), st.integers(3, 11), st.integers(1, 2)),
    st.sampled_from([32, 64]),
    st.integers(1, 2),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_a_convolution_of_few_channels_gives_the_bits_of_single_outputs(
    shape, outputs, stride, relu, seed
):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(BF16)
    weight = rng.standard_normal((outputs, 3, 3, shape[-1])).astype(BF16)
    bias = rng.standard_normal(outputs).astype(np.float32)

    def forward(part):
        sums = np.empty((2, bias[part].size))
        y = functional.conv2d(
            x,
            weight[part],
            bias[part],
            stride=stride,
            padding=1,
            activation="relu" if relu else None,
            column_sums=sums[0],
            column_square_sums=sums[1],
        )
        return y, sums

    y, sums = forward(slice(None))
    expected, expected_sums = in_parts(outputs, forward)
    same_bits(y, expected)
    np.testing.assert_array_equal(sums, expected_sums)


PAYLOADS = [0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001, 0x7FC00000]


def with_nan(size, payload, filler=0.0):
    """Float32 of which numbers 7 and 8 are NaN: one at an odd place, one at an even one."""
    numbers = np.full(size, filler, np.float32)
    numbers[7:9] = np.array([payload, payload], np.uint32).view(np.float32)
    return numbers


def assert_nan_is_kept(y):
    """Rounding carries out of a payload of ones into the sign: NaN would become -0 or 0."""
    is_nan = np.isnan(y.astype(np.float32))
    assert is_nan[..., 7:9].all()
    assert is_nan.sum() == 2 * y[..., 0].size


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_bias_that_is_not_a_number_stays_one(payload, relu):
    bias = with_nan(32, payload)
    x = np.ones((1, 3, 5, 32), BF16)
    weight = np.ones((3, 3, 32), BF16)
    assert_nan_is_kept(functional.depthwise_conv2d(x, weight, bias, padding=1, relu=relu))
    first = np.ones((32, 3, 3, 1), BF16)
    y = functional.conv2d(
        x[..., :1].copy(), first, bias, padding=1, activation="relu" if relu else None
    )
    assert_nan_is_kept(y)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", ["running_mean", "running_var", "weight", "bias", "inverse_std"])
def test_norms_keep_what_is_not_a_number(name, payload):
    rows, channels = 6, 64
    rng = np.random.default_rng(5)
    x = rng.standard_normal((rows, channels)).astype(BF16)
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    arrays = {
        "running_mean": zeros.copy(),
        "running_var": ones.copy(),
        "weight": ones,
        "bias": zeros,
    }
    if name != "inverse_std":
        arrays[name] = with_nan(channels, payload, arrays[name][0])
        assert_nan_is_kept(functional.batch_norm(x, **arrays))
    if name in ("weight", "bias"):
        y = functional.layer_norm(x, **{"weight": ones, "bias": zeros, name: arrays[name]})
        assert_nan_is_kept(y)
    if name in ("weight", "inverse_std"):
        given = {"weight": ones, "inverse_std": ones.copy()}
        given[name] = with_nan(channels, payload, 1.0)
        dx, *_ = functional.batch_norm_backward(x, x, zeros, training=False, **given)
        assert_nan_is_kept(dx)
    if name == "running_mean":
        dx, *_ = functional.batch_norm_backward(x, x, arrays[name], ones, relu=True)
        assert_nan_is_kept(dx)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", ["mean", "inverse_std"])
def test_rows_with_statistics_that_are_not_numbers_have_no_gradient(name, payload):
    rows, features = 12, 64
    x = np.random.default_rng(6).standard_normal((rows, features)).astype(BF16)
    given = {"mean": np.zeros(rows, np.float32), "inverse_std": np.ones(rows, np.float32)}
    given[name] = with_nan(rows, payload, given[name][0])
    dx, *_ = functional.layer_norm_backward(x, x, **given)
    assert_nan_is_kept(dx.T)
    if name == "inverse_std":
        dx, *_ = functional.rms_norm_backward(x, x, given[name])
        assert_nan_is_kept(dx.T)


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_beyond_the_greatest_bfloat16_are_rounded_to_infinity(sign):
    """To the nearest: 3.4e38 is finite in float32, and nearer to 2^128 than to 3.3895e38."""
    x, weight = np.zeros((1, 3, 5, 32), BF16), np.ones((3, 3, 32), BF16)
    bias = np.full(32, sign * 3.4e38, np.float32)
    bias[:16] = sign * 3.39e38
    y = functional.depthwise_conv2d(x, weight, bias, padding=1).astype(np.float32)
    np.testing.assert_array_equal(y[..., 16:], np.float32(sign * np.inf))
    np.testing.assert_array_equal(y[..., :16], np.float32(BF16(sign * 3.39e38)))
    assert np.isfinite(y[..., :16]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.3e38, -3.3e38])
def test_values_that_are_not_finite_reach_only_their_windows(value):
    """NaN and infinities of x, and sums beyond the greatest bfloat16, become what NumPy says."""
    x = np.zeros((1, 6, 9, 64), BF16)
    x[0, 2, 4, 33] = x[0, 5, 8, 62] = value
    weight = np.full((3, 3, 64), 2, BF16)
    y = functional.depthwise_conv2d(x, weight, padding=1).astype(np.float32)
    padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = sum(padded[:, i : i + 6, j : j + 9] * 2 for i in range(3) for j in range(3))
    with np.errstate(over="ignore"):
        expected = expected.astype(np.float32).astype(BF16).astype(np.float32)
    np.testing.assert_array_equal(y, expected)


def test_norms_of_no_rows_write_nothing():
    """The order of pairs has no memory then: 2^20 numbers beyond it would not go unnoticed."""
    features = 2**20
    x, numbers = np.zeros((0, features), BF16), np.ones(features, np.float32)
    assert functional.layer_norm(x, numbers, numbers.copy()).shape == x.shape
    assert functional.rms_norm(x, numbers).shape == x.shape
