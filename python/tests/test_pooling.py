"""Pooling: every shape against float64 NumPy, finite differences and torch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftopt.nn import functional

from .layer_rows import _windows as windows


@st.composite
def poolings(draw):
    """The shape of images and keywords of a pooling that fits into them."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    padding = tuple(draw(st.integers(0, size // 2)) for size in kernel)
    image = tuple(
        draw(st.integers(max(1, size - 2 * pad), 12))
        for size, pad in zip(kernel, padding, strict=True)
    )
    channels = draw(st.sampled_from([1, 3, 15, 16, 17, 33]))
    return (draw(st.integers(1, 3)), *image, channels), kernel, stride, padding


@settings(deadline=None, max_examples=80)
@given(
    pooling=poolings(),
    places_dtype=st.sampled_from([np.uint8, np.int32, np.int64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_max_pool2d_of_any_shape(pooling, places_dtype, seed):
    shape, kernel, stride, padding = pooling
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, shape).astype(np.float32)  # with equal ones
    parts = windows.windows_of(x, kernel, stride, padding, outside=-np.inf)
    flat = parts.reshape(*parts.shape[:3], -1, shape[3])
    keywords = {"stride": stride, "padding": padding}
    places = np.empty((*parts.shape[:3], shape[3]), places_dtype)
    y = functional.max_pool2d(x, kernel, places=places, **keywords)
    np.testing.assert_array_equal(y, flat.max(3))
    np.testing.assert_array_equal(places, flat.argmax(3))
    np.testing.assert_array_equal(functional.max_pool2d(x, kernel, **keywords), y)

    dy = rng.integers(-9, 10, y.shape).astype(np.float32)  # sums are exact
    hot = np.arange(kernel[0] * kernel[1]).reshape(1, 1, 1, *kernel, 1)
    chosen = np.where(hot == places[:, :, :, None, None], dy[:, :, :, None, None], 0)
    dx = functional.max_pool2d_backward(dy, places, shape, kernel, **keywords)
    np.testing.assert_array_equal(dx, windows.spread(chosen, shape, stride, padding))


@settings(deadline=None, max_examples=80)
@given(pooling=poolings(), includes=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_avg_pool2d_of_any_shape(pooling, includes, seed):
    shape, kernel, stride, padding = pooling
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    keywords = {"stride": stride, "padding": padding, "count_include_pad": includes}
    inside = windows.windows_of(np.ones((1, *shape[1:3], 1)), kernel, stride, padding)
    divisors = kernel[0] * kernel[1] if includes else inside.sum((3, 4))
    y = windows.windows_of(x, kernel, stride, padding).sum((3, 4)) / divisors
    np.testing.assert_allclose(functional.avg_pool2d(x, kernel, **keywords), y, atol=1e-14)

    dy = rng.standard_normal(y.shape)
    shared = np.broadcast_to(
        (dy / divisors)[:, :, :, None, None], (*y.shape[:3], *kernel, shape[3])
    )
    dx = functional.avg_pool2d_backward(dy, shape, kernel, **keywords)
    np.testing.assert_allclose(dx, windows.spread(shared, shape, stride, padding), atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_global_avg_pool2d_is_the_mean(dtype):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 5, 7, 20)).astype(dtype)
    expected = x.astype(np.float64).mean((1, 2))
    np.testing.assert_allclose(
        functional.global_avg_pool2d(x), expected, rtol=2 * np.finfo(dtype).eps, atol=1e-15
    )
    dy = rng.standard_normal((3, 20)).astype(dtype)
    dx = functional.global_avg_pool2d_backward(dy, x.shape)
    np.testing.assert_array_equal(dx, np.broadcast_to((dy / dtype(35))[:, None, None], x.shape))


def test_gradients_are_difference_quotients():
    rng = np.random.default_rng(2)
    x = rng.permutation(5 * 6 * 2).reshape(1, 5, 6, 2).astype(np.float64)  # no two are near
    for pool, backward in (
        (lambda: functional.max_pool2d(x, 3, stride=2, padding=1), _max_backward),
        (lambda: functional.avg_pool2d(x, 3, stride=2, padding=1), _avg_backward),
        (lambda: functional.global_avg_pool2d(x), functional.global_avg_pool2d_backward),
    ):
        dy = rng.standard_normal(pool().shape)
        gradient = backward(dy, x.shape) if backward is not _max_backward else backward(dy, x)
        for index in np.ndindex(x.shape):
            kept = x[index]
            x[index] = kept + 0.25
            above = (pool() * dy).sum()
            x[index] = kept - 0.25
            quotient = (above - (pool() * dy).sum()) / 0.5
            x[index] = kept
            np.testing.assert_allclose(gradient[index], quotient, atol=1e-12)


def _max_backward(dy, x):
    places = np.empty(dy.shape, np.uint8)
    functional.max_pool2d(x, 3, stride=2, padding=1, places=places)
    return functional.max_pool2d_backward(dy, places, x.shape, 3, stride=2, padding=1)


def _avg_backward(dy, shape):
    return functional.avg_pool2d_backward(dy, shape, 3, stride=2, padding=1)


def test_what_is_not_a_number_is_the_greatest():
    x = np.array([1, np.nan, np.inf, 2]).reshape(1, 2, 2, 1)
    assert np.isnan(functional.max_pool2d(x, 2)).all()
    x = np.full((1, 2, 2, 1), -np.inf)
    places = np.empty((1, 1, 1, 1), np.uint8)
    assert functional.max_pool2d(x, 2, places=places).item() == -np.inf
    assert places.item() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: functional.max_pool2d(np.zeros((1, 4, 4, 1)), 2, padding=2),
            "max_pool2d: padding is 2; it must be at most half of kernel_size 2",
        ),
        (
            lambda: functional.avg_pool2d(np.zeros((1, 4, 4, 1)), 5),
            "avg_pool2d: the image has height 4; the kernel spans 5",
        ),
        (
            lambda: functional.max_pool2d(
                np.zeros((1, 20, 20, 1)), 17, places=np.zeros((1, 1, 1, 1), np.uint8)
            ),
            "at most 256 places, for places in uint8",
        ),
        (
            lambda: functional.max_pool2d(np.zeros((1, 4, 4, 1)), 2, places=np.zeros(4, np.uint8)),
            "max_pool2d: places has shape",
        ),
        (
            lambda: functional.global_avg_pool2d_backward(np.zeros((1, 2)), (1, 4, 4, 3)),
            r"grad_output has shape \(1, 2\); the output has shape \(1, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_torch_agrees():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 9, 8, 5))
    tensor = torch.tensor(x).permute(0, 3, 1, 2)
    theirs = torch.nn.functional.max_pool2d(tensor, 3, stride=2, padding=1)
    np.testing.assert_array_equal(
        functional.max_pool2d(x, 3, stride=2, padding=1), theirs.permute(0, 2, 3, 1).numpy()
    )
    for includes in (False, True):
        theirs = torch.nn.functional.avg_pool2d(
            tensor, 3, stride=2, padding=1, count_include_pad=includes
        )
        np.testing.assert_allclose(
            functional.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=includes),
            theirs.permute(0, 2, 3, 1).numpy(),
            atol=1e-14,
        )
