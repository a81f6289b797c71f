"""A step works on the caller's memory and leaves nothing behind."""

import gc
import sys
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of

SIZE = 100_000
PAGE = 4096

all_rules = pytest.mark.parametrize("name", RULES)
gradient_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def busy_optimizer(name, w):
    """With everything on that needs a pass or a prepared gradient."""
    return class_of(name)([w], **BUSY_OPTIONS[name], clip_norm=1.0, clip_value=0.5)


def addresses(optimizer, w):
    return [w.ctypes.data] + [
        array.ctypes.data for slots in optimizer.state.values() for array in slots.values()
    ]


@all_rules
@gradient_dtypes
def test_addresses_stay(name, dtype):
    w, gradient = np.ones(SIZE, np.float32), np.ones(SIZE, dtype)
    optimizer = busy_optimizer(name, w)
    before = addresses(optimizer, w)
    for _ in range(3):
        optimizer.step([gradient])
    assert addresses(optimizer, w) == before
    assert optimizer.param_groups[0]["params"][0] is w
    assert (gradient == 1).all()


def traced(function):
    """The peak above the start, and what stays allocated, in bytes; NumPy's arrays count."""
    tracemalloc.start()
    try:
        function()  # what is made once
        gc.collect()
        tracemalloc.reset_peak()
        start, _ = tracemalloc.get_traced_memory()
        function()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        end, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - start, end - start


@all_rules
@gradient_dtypes
def test_a_step_allocates_no_array(name, dtype):
    w, gradient = np.ones(SIZE, np.float32), np.ones(SIZE, dtype)
    optimizer = busy_optimizer(name, w)
    peak, _ = traced(lambda: [optimizer.step([gradient]) for _ in range(20)])
    # Twenty reports with their numbers and lists; an array would be 400 000 bytes.
    assert peak < 20_000


def failing_step(optimizer, w, gradient, index):
    with pytest.raises(ValueError, match="shape"):
        optimizer.step([np.ones(3)])


def bound_step(optimizer, w, gradient, index):
    optimizer.bind([gradient])
    optimizer.step()


def new_schedule(optimizer, w, gradient, index):
    optimizer.lr = so.cosine(0.1, total=100 + index)
    optimizer.step([gradient])


ROUNDS = {
    "step": lambda optimizer, w, gradient, index: optimizer.step([gradient]),
    "follow": lambda optimizer, w, gradient, index: optimizer.step([gradient], params=[w]),
    "rebind": lambda optimizer, w, gradient, index: optimizer.rebind([w]),
    "bind": bound_step,
    "load": lambda optimizer, w, gradient, index: optimizer.load_state(optimizer.state),
    "schedule": new_schedule,
    "failure": failing_step,
}


@pytest.mark.parametrize("way", ROUNDS)
def test_nothing_stays_allocated(way):
    w, gradient = np.ones(16, np.float32), np.ones(16, np.float32)
    optimizer = busy_optimizer("adamw", w)

    def rounds():
        for index in range(300):
            ROUNDS[way](optimizer, w, gradient, index)

    _, growth = traced(rounds)
    # A leak of the smallest object each round would be 300 times 16 bytes.
    assert growth < 4_000


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@all_rules
def test_resident_memory_does_not_grow(name):
    w, gradient = np.ones(SIZE, np.float32), np.ones(SIZE, np.float64)
    optimizer = busy_optimizer(name, w)

    def steps(count):
        for _ in range(count):
            optimizer.step([gradient])
        gc.collect()

    steps(100)
    before = resident_bytes()
    steps(1000)
    # A kilobyte a step would be a megabyte; an array a step 400 of them.
    assert resident_bytes() - before < 1_000_000


class TestReferences:
    def test_a_step_gives_gradients_back(self):
        w, gradient = np.ones(3), np.ones(3)
        optimizer = so.SGD([w])
        counts = sys.getrefcount(w), sys.getrefcount(gradient)
        for _ in range(5):
            optimizer.step([gradient])
        with pytest.raises(ValueError, match="shape"):
            optimizer.step([gradient[:2]])
        assert (sys.getrefcount(w), sys.getrefcount(gradient)) == counts

    def test_a_refused_optimizer_gives_parameters_back(self):
        w, strided = np.ones(3), np.ones(6)[::2]
        count = sys.getrefcount(w)
        with pytest.raises(ValueError, match="contiguous"):
            so.Adam([w, strided])
        gc.collect()
        assert sys.getrefcount(w) == count

    def test_bound_gradients_are_held_until_released(self):
        gradient = np.ones(3)
        held = weakref.ref(gradient)
        optimizer = so.SGD([np.ones(3)])
        optimizer.bind([gradient])
        del gradient
        gc.collect()
        assert held() is not None
        optimizer.step()
        optimizer.bind(None)
        gc.collect()
        assert held() is None

    def test_a_closed_optimizer_holds_no_memory(self):
        w, gradient = np.ones(3), np.ones(3)
        counts = sys.getrefcount(w), sys.getrefcount(gradient)
        optimizer = so.SGD([w])
        optimizer.bind([gradient])
        optimizer.close()
        del optimizer
        gc.collect()
        assert (sys.getrefcount(w), sys.getrefcount(gradient)) == counts

    @pytest.mark.parametrize("make", [lambda w: [w], lambda w: {"w": w}, lambda w: w])
    def test_a_dropped_optimizer_gives_everything_back(self, make):
        w = np.ones(3)
        count = sys.getrefcount(w)
        optimizer = so.Adam(make(w))
        optimizer.step(make(np.ones(3)))
        state = weakref.ref(optimizer.state[next(iter(optimizer.state))]["exp_avg"])
        del optimizer
        gc.collect()
        assert sys.getrefcount(w) == count
        assert state() is None
