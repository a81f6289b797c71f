"""Layer calls at the edges: memory that held other things, empty arrays, huge sizes, settings."""

import gc
import sys
import time
import weakref

import numpy as np
import pytest

from swiftopt import _core

from .cases import LEVELS
from .layer_calls import CASES, DTYPES, make_call

WORKSPACE = 1 << 17
"""float64 numbers that the kept workspace is filled with: more than most calls need."""


def fill_workspace(bits):
    """Leave these 64 bits all over the workspace that the next call is given.

    The sums of columns go through it: 0 + x is x, also where that is not a number.
    """
    x = np.full(WORKSPACE, bits, np.uint64).view(np.float64)
    _core.LayerCall("column_sums", [x, np.empty_like(x)], (1, WORKSPACE))()


@pytest.mark.parametrize("level", sorted({LEVELS[0], LEVELS[-1]}))
@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_what_the_workspace_held_does_not_matter(name, level):
    _core.select_level(level)
    for case in [index for each, index in CASES if each == name]:
        for dtype in DTYPES:
            fill_workspace(0)
            clean = make_call(name, case, dtype).run()
            fill_workspace(0xFFFF_FFFF_FFFF_FFFF)  # not a number in any dtype
            assert make_call(name, case, dtype).run() == clean, f"case {case}, {dtype}"


def test_an_empty_array_may_lie_inside_another():
    room = np.ones(5, np.float32)
    _core.LayerCall("add", [room[:0], room, room[2:2]], (0, 5))()
    assert (room == 1).all()


def test_a_setting_without_bounds_must_be_finite():
    x = np.ones(1, np.float32)
    arrays = [x, x, None, None, None, np.ones(1, np.float32), None, None, None]
    with pytest.raises(ValueError, match=r"matmul.alpha is nan; it must be finite$"):
        _core.LayerCall("matmul", arrays, (1,) * 6, (0, 0, np.nan, 0, 0, 0))


@pytest.mark.parametrize("kernel", [1, 3, 4096])
def test_a_long_stride_is_planned_at_once(kernel):
    """The plan knows no arrays, so nothing may take as long as work on them would."""
    small = np.zeros(4, np.float32)
    arrays = [small, small, small.copy()]
    sizes = (1, 65536, 65536, 1, 1, kernel, kernel, 4096, 4096, 0, 0, 1, 1, 1)
    start = time.perf_counter()
    with pytest.raises(ValueError, match="dy has 4 elements"):
        _core.LayerCall("conv2d_backward_input", arrays, sizes)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_places_that_no_tap_reaches_have_no_gradient(padding):
    height, kernel, stride = 11, 2, 5
    count = (height + 2 * padding - kernel) // stride + 1
    rng = np.random.default_rng(1)
    dy = rng.standard_normal((count, count))
    weight = rng.standard_normal((kernel, kernel))
    dx = np.full((height, height), np.nan)
    sizes = (1, height, height, 1, 1, *(kernel,) * 2, *(stride,) * 2, *(padding,) * 2, 1, 1, 1)
    _core.LayerCall("conv2d_backward_input", [dy, weight, dx], sizes)()
    expected = np.zeros((height + 2 * padding,) * 2)
    for i, j in np.ndindex(dy.shape):
        place = np.s_[i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        expected[place] += dy[i, j] * weight
    expected = expected[padding : padding + height, padding : padding + height]
    # The windows don't overlap: one product each.
    assert (dx == expected).all()


@pytest.mark.parametrize(("mean", "deviation"), [(1e3, 1e-3), (1e4, 1e-2), (1e6, 1.0)])
def test_layer_norm_knows_the_variance_beside_a_large_mean(mean, deviation):
    """That of float64 within some float32 roundings, though the mean's own rounding is a
    large part of the deviation."""
    x = (mean + deviation * np.random.default_rng(0).standard_normal((300, 5))).astype(np.float32)
    inverse = np.empty(300, np.float32)
    y = np.empty_like(x)
    _core.LayerCall("layer_norm", [x, None, None, y, None, inverse], x.shape, (0.0,))()
    expected = 1 / x.astype(np.float64).std(1)
    # Differences are exact; their squares and sums of five round no more than eight times.
    np.testing.assert_allclose(inverse, expected, rtol=8 * 2.0**-24)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes can't be buffers before 3.12")
def test_a_call_that_was_cleared_has_no_arrays():
    errors = []

    class Buffer:
        dtype = np.dtype(np.float32)

        def __buffer__(self, flags):
            return memoryview(self.array)

        def __release_buffer__(self, view):
            try:
                self.call()
            except ValueError as error:
                errors.append(str(error))

    buffer = Buffer()
    buffer.array = np.ones(1000, np.float32)
    call = _core.LayerCall("relu", [buffer, np.zeros(1000, np.float32)], (1000,))
    buffer.call = call
    alive = weakref.ref(buffer)
    del buffer, call
    gc.collect()
    assert alive() is None
    assert errors == ["relu: x is NULL"]
