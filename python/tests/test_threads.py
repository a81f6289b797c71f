"""Python threads, and the settings of the native ones."""

import sys
import threading

import numpy as np
import pytest

import swiftopt as so
from swiftopt import _core

from .cases import RULES, bits, class_of

SIZE = 100_000
STEPS = 30


def run_together(*functions):
    """Run the functions in threads that start at the same moment; the first error is raised."""
    barrier = threading.Barrier(len(functions))
    errors = []

    def run(function):
        barrier.wait(timeout=60)
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def goes_through(call, error, words):
    """False if the call raises this error; any other one is raised."""
    try:
        call()
    except error as caught:
        if words not in str(caught):
            raise
        return False
    return True


@pytest.fixture
def frequent_switches():
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", [100, SIZE])
def test_two_optimizers_at_once(name, size, frequent_switches):
    """As if each were alone, bit by bit."""
    _core.set_num_threads(2)

    def make(seed):
        generator = np.random.default_rng(seed)
        w = generator.standard_normal(size).astype(np.float32)
        gradient = generator.standard_normal(size).astype(np.float32)
        return w, gradient, class_of(name)([w], clip_norm=1.0)

    def train(w, gradient, optimizer):
        for _ in range(STEPS):
            optimizer.step([gradient])
        return bits(optimizer, {"w": w})

    expected = [train(*make(seed)) for seed in (1, 2)]
    pairs = [make(seed) for seed in (1, 2)]
    run_together(*(lambda pair=pair: train(*pair) for pair in pairs))
    assert [bits(optimizer, {"w": w}) for w, _, optimizer in pairs] == expected


@pytest.mark.parametrize(("size", "steps", "rounds"), [(10, 1000, 30), (SIZE, 200, 1)])
def test_one_optimizer_in_two_threads(size, steps, rounds, frequent_switches):
    """A step that meets another one raises RuntimeError; every other one counts, once."""
    gradient = np.ones(size)
    for _ in range(rounds):
        w = np.zeros(size)
        optimizer = so.SGD([w], lr=so.piecewise_constant([1.0, 2.0], boundaries=[steps]))
        lrs = []

        def train(optimizer=optimizer, lrs=lrs):
            def step():
                lrs.append(optimizer.step([gradient]).lr)

            for _ in range(steps):
                goes_through(step, RuntimeError, "in use")

        run_together(train, train)
        assert (w == -sum(lrs)).all()
        assert optimizer.step_count == optimizer.state["0"]["step"] == len(lrs)
        assert lrs.count(1.0) == min(steps, len(lrs))


def test_a_gradient_that_steps_its_optimizer():
    """Code of an array may call back in the middle of a step; that call is refused."""
    w = np.zeros(3)
    optimizer = so.SGD([w], lr=1.0)
    outcomes = []

    class Gradient:
        def __init__(self):
            self.array = np.ones(3)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

        def __dlpack__(self, **options):
            outcomes.append(
                goes_through(lambda: optimizer.step([self.array]), RuntimeError, "in use")
            )
            return self.array.__dlpack__(**options)

    optimizer.step([Gradient()])
    assert outcomes == [False]
    assert (w.tolist(), optimizer.step_count) == ([-1.0] * 3, 1)


def test_closing_while_stepping(frequent_switches):
    """Memory isn't given back under a step."""
    for _ in range(20):
        w = np.zeros(SIZE)
        optimizer = so.SGD([w], lr=1.0)
        gradient = np.ones(SIZE)

        def step(optimizer=optimizer, gradient=gradient):
            while goes_through(lambda: optimizer.step([gradient]), ValueError, "closed"):
                pass

        def close(optimizer=optimizer):
            while not goes_through(optimizer.close, RuntimeError, "in use"):
                pass

        run_together(step, close)
        assert (w == w[0]).all()


class TestSettings:
    @pytest.mark.parametrize("count", [1, 2, 256])
    def test_thread_count(self, count):
        so.set_num_threads(count)
        assert so.get_num_threads() == _core.get_num_threads() == count

    @pytest.mark.parametrize(
        ("count", "error"),
        [(0, ValueError), (-1, ValueError), (257, ValueError), (2**70, ValueError),
         (1.5, TypeError), ("2", TypeError), (None, TypeError)],
    )  # fmt: skip
    def test_thread_counts_that_are_refused(self, count, error):
        so.set_num_threads(3)
        with pytest.raises(error):
            so.set_num_threads(count)
        assert so.get_num_threads() == 3

    def test_level(self, level):
        assert _core.level() == level
        assert _core.level_supported(level) is True

    def test_levels_that_are_refused(self):
        _core.select_level("baseline")
        for name in ("sse9", "", "AVX2", "x" * 5000, "\u00e4"):
            with pytest.raises(ValueError, match="level"):
                _core.select_level(name)
            with pytest.raises(ValueError, match="level"):
                _core.level_supported(name)
        for name in (1, b"avx2"):
            with pytest.raises(TypeError, match="level"):
                _core.select_level(name)
        assert _core.level() == "baseline"

    def test_levels_are_listed_from_the_lowest(self):
        assert _core.level_names()[0] == "baseline"
        assert _core.level_supported("baseline") is True
