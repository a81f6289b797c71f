"""Batch norm, layer norm and RMS norm as functions."""

import ml_dtypes
import numpy as np
import pytest

from swiftopt.nn import functional


def slope_of(function, x, direction, step=1e-6):
    """How `function` changes along a direction, by a central difference."""
    return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


@pytest.mark.parametrize("channels", [1, 3, 17, 64])
@pytest.mark.parametrize("relu", [False, True])
def test_batch_norm_gradients_are_those_of_finite_differences(channels, relu):
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((20, channels))
    weight, bias = rng.standard_normal((2, channels))
    residual = rng.standard_normal(x.shape)
    dy = rng.standard_normal(x.shape)
    mean, inverse_std = np.empty((2, channels))

    def loss(x=x, weight=weight, bias=bias, residual=residual):
        y = functional.batch_norm(
            x,
            None,
            None,
            weight,
            bias,
            True,
            residual=residual,
            relu=relu,
            save_mean=mean,
            save_inverse_std=inverse_std,
        )
        return np.sum(y * dy), y

    _, y = loss()
    grad_residual = np.empty_like(x)
    gradients = functional.batch_norm_backward(
        dy,
        x,
        mean,
        inverse_std,
        weight,
        bias,
        relu=relu,
        output_of_relu=y,
        grad_residual=grad_residual,
    )
    along = {"x": x, "weight": weight, "bias": bias, "residual": residual}
    for (name, value), gradient in zip(along.items(), [*gradients, grad_residual], strict=True):
        direction = rng.standard_normal(value.shape)
        slope = slope_of(lambda moved, name=name: loss(**{name: moved})[0], value, direction)
        # Second derivatives are of the size of the gradients, and few elements are near the edge
        # of the ReLU.
        assert abs(slope - np.sum(gradient * direction)) < 1e-6 * np.sum(np.abs(dy)), name


def test_batch_norm_keeps_digits_where_the_mean_is_large():
    # The mean is 1000 deviations. Two-pass float64 is the reference; naive sums of squares in
    # float32 would be off by more than the variance.
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((50_000, 8)) + 1000).astype(np.float32)
    inverse_std = np.empty(8, np.float32)
    functional.batch_norm(x, training=True, eps=0.0, save_inverse_std=inverse_std)
    exact = 1 / x.std(0, dtype=np.float64)
    assert np.abs(inverse_std / exact - 1).max() < 8 * 2.0**-24


def test_batch_norm_keeps_digits_where_the_first_rows_are_unlike_the_others():
    x = np.ones((40_000, 4), np.float32)
    x[::2] = -1
    x[:8] = 3000
    variance = np.ones(4, np.float32)
    mean = np.zeros(4, np.float32)
    functional.batch_norm(x, mean, variance, training=True, momentum=1.0)
    exact = x.var(0, dtype=np.float64, ddof=1)
    # The rows of the first 32 are seen from 3000, the next from their mean, 750: so many squares
    # of these are summed in float32, with 36 roundings.
    bound = 36 * 2.0**-24 * 32 * (3000**2 + 750**2) / 40_000
    assert np.abs(variance - exact).max() < bound


@pytest.mark.parametrize("rows", [2, 100, 9000])
def test_running_statistics_follow_the_batch_s(rows):
    rng = np.random.default_rng(rows)
    x = rng.standard_normal((rows, 5)) * 3 + 1
    mean, variance = np.full(5, 2.0), np.full(5, 4.0)
    functional.batch_norm(x, mean, variance, training=True, momentum=0.25)
    assert np.allclose(mean, 1.5 + 0.25 * x.mean(0), rtol=1e-13)
    assert np.allclose(variance, 3 + 0.25 * x.var(0, ddof=1), rtol=1e-13)


def test_sums_of_an_epilogue_give_nearly_the_same():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((3000, 24)).astype(np.float32)
    wide = x.astype(np.float64)
    by_sums = functional.batch_norm(x, training=True, sums=(wide.sum(0), (wide**2).sum(0)))
    alone = functional.batch_norm(x, training=True)
    # Statistics are within a few roundings; then so are the results, below 6.
    assert np.abs(by_sums - alone).max() < 6 * 10 * 2.0**-24


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_the_relu_is_found_again_from_x(dtype):
    rng = np.random.default_rng(3)
    x, dy = rng.standard_normal((2, 700, 48)).astype(dtype)
    weight, bias = rng.standard_normal((2, 48)).astype(np.float32)
    mean, inverse_std = np.empty((2, 48), np.float32)
    y = functional.batch_norm(
        x, None, None, weight, bias, True, relu=True, save_mean=mean, save_inverse_std=inverse_std
    )
    again = functional.batch_norm_backward(dy, x, mean, inverse_std, weight, bias, relu=True)
    given = functional.batch_norm_backward(
        dy, x, mean, inverse_std, weight, bias, relu=True, output_of_relu=y
    )
    for first, second in zip(again, given, strict=True):
        assert first.tobytes() == second.tobytes()


def test_batch_norm_of_images_is_that_of_their_rows():
    x = np.random.default_rng(4).standard_normal((2, 3, 5, 6))
    images = functional.batch_norm(x, training=True)
    assert (images.reshape(-1, 6) == functional.batch_norm(x.reshape(-1, 6), training=True)).all()


def test_a_failed_call_changes_nothing():
    x = np.ones((1, 3), np.float32)
    mean, variance = np.zeros(3, np.float32), np.ones(3, np.float32)
    out = np.full((1, 3), 7, np.float32)
    with pytest.raises(ValueError, match=r"batch_norm.rows is 1.*at least 2 in training"):
        functional.batch_norm(x, mean, variance, training=True, out=out)
    assert (mean == 0).all()
    assert (variance == 1).all()
    assert (out == 7).all()


def test_batch_norm_refusals():
    x = np.zeros((4, 3), np.float32)
    three, four = np.ones(3, np.float32), np.ones(4, np.float32)
    with pytest.raises(ValueError, match=r"batch_norm: x has 3 channels, weight has shape \(4,\)"):
        functional.batch_norm(x, weight=four)
    with pytest.raises(TypeError, match=r"batch_norm: bias has dtype float64; it must be float32"):
        functional.batch_norm(x, bias=np.ones(3))
    with pytest.raises(
        TypeError, match=r"batch_norm: weight has dtype bfloat16; it must be float32"
    ):
        functional.batch_norm(x.astype(ml_dtypes.bfloat16), weight=three.astype(ml_dtypes.bfloat16))
    with pytest.raises(ValueError, match="must be given both or neither"):
        functional.batch_norm(x, three)
    with pytest.raises(ValueError, match=r"batch_norm: residual has shape \(3,\), x has shape"):
        functional.batch_norm(x, residual=three)
    with pytest.raises(ValueError, match=r"batch_norm: x has no axis"):
        functional.batch_norm(np.zeros((), np.float32))
    with pytest.raises(ValueError, match=r"output_of_relu must be given"):
        functional.batch_norm_backward(
            x, x, three, three, relu=True, grad_residual=np.empty_like(x)
        )
    with pytest.raises(ValueError, match=r"batch_norm.eps is -1"):
        functional.batch_norm(x, eps=-1.0)


@pytest.mark.parametrize("features", [1, 2, 17, 128])
def test_layer_norm_gradients_are_those_of_finite_differences(features):
    rng = np.random.default_rng(features)
    x, dy = rng.standard_normal((2, 4, 3, features))
    weight, bias = rng.standard_normal((2, features))
    mean, inverse_std = np.empty((2, 4, 3))

    def loss(x=x, weight=weight, bias=bias):
        y = functional.layer_norm(x, weight, bias, save_mean=mean, save_inverse_std=inverse_std)
        return np.sum(y * dy)

    loss()
    gradients = functional.layer_norm_backward(dy, x, mean.copy(), inverse_std.copy(), weight)
    along = {"x": x, "weight": weight, "bias": bias}
    for (name, value), gradient in zip(along.items(), gradients, strict=True):
        direction = rng.standard_normal(value.shape)
        slope = slope_of(lambda moved, name=name: loss(**{name: moved}), value, direction, 1e-5)
        # Rounding errors of the loss over the step, where rows of two features have a variance
        # that may be small.
        assert abs(slope - np.sum(gradient * direction)) < 1e-4 * np.sum(np.abs(dy)), name


@pytest.mark.parametrize("features", [1, 17, 128])
def test_rms_norm_gradients_are_those_of_finite_differences(features):
    rng = np.random.default_rng(features)
    x, dy = rng.standard_normal((2, 12, features))
    weight = rng.standard_normal(features)
    inverse_rms = np.empty(12)

    def loss(x=x, weight=weight):
        return np.sum(functional.rms_norm(x, weight, 1e-3, save_inverse_rms=inverse_rms) * dy)

    loss()
    gradients = functional.rms_norm_backward(dy, x, inverse_rms.copy(), weight)
    for (name, value), gradient in zip({"x": x, "weight": weight}.items(), gradients, strict=True):
        direction = rng.standard_normal(value.shape)
        slope = slope_of(lambda moved, name=name: loss(**{name: moved}), value, direction, 1e-5)
        assert abs(slope - np.sum(gradient * direction)) < 1e-5 * np.sum(np.abs(dy)), name


def test_layer_norm_keeps_digits_where_the_mean_is_large():
    rng = np.random.default_rng(7)
    x = (rng.standard_normal((50, 512)) + 1000).astype(np.float32)
    y = functional.layer_norm(x, eps=0.0)
    wide = x.astype(np.float64)
    exact = (wide - wide.mean(1, keepdims=True)) / wide.std(1, keepdims=True)
    # The mean is rounded to float32, to 2^-15 here, and sums of 16 numbers of 1000 before.
    assert np.abs(y - exact).max() < 24 * 1000 * 2.0**-24


def test_row_norm_refusals():
    x = np.zeros((4, 3), np.float32)
    with pytest.raises(ValueError, match=r"layer_norm: x has 3 features, weight has shape \(4,\)"):
        functional.layer_norm(x, np.ones(4, np.float32))
    with pytest.raises(ValueError, match=r"layer_norm: save_mean has shape \(3,\), x without its"):
        functional.layer_norm(x, save_mean=np.ones(3, np.float32))
    with pytest.raises(TypeError, match=r"rms_norm: weight has dtype float64"):
        functional.rms_norm(x, np.ones(3))
    with pytest.raises(ValueError, match=r"rms_norm.features is 0; it must be at least 1"):
        functional.rms_norm(np.zeros((4, 0), np.float32))
    with pytest.raises(ValueError, match=r"rms_norm.eps is -1"):
        functional.rms_norm(x, eps=-1.0)
