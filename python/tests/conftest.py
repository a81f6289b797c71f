"""Fixtures shared by all test files."""

import contextlib
import sys

import hypothesis
import numpy as np
import pytest

from swiftopt import _blas, _blas_library, _core
from swiftopt._private_library import load_private

from .blas_support import BUNDLED, SYSTEM
from .cases import LEVELS

# They are imported by the tests that run them. As modules with doctests, each on its own, they
# would not find what is beside their folder.
collect_ignore = ["layer_rows"]

# Deterministic, so that a run can be repeated; no deadline, because shared CI machines stall.
hypothesis.settings.register_profile("swiftopt", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("swiftopt")


@pytest.fixture(autouse=True)
def process_settings():
    """Put the thread count and the instruction level back after every test."""
    threads, level = _core.get_num_threads(), _core.level()
    yield
    _core.set_num_threads(threads)
    _core.select_level(level)


@pytest.fixture(params=LEVELS)
def level(request):
    """Every instruction level of this machine in turn, selected."""
    _core.select_level(request.param)
    return request.param


@pytest.fixture(params=["bits", "ml_dtypes"])
def bfloat16(request, monkeypatch):
    """Both worlds: with the package ml_dtypes, and without."""
    if request.param == "ml_dtypes":
        return pytest.importorskip("ml_dtypes").bfloat16
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)  # importing it raises ImportError
    return None


def _arrays(thing, path=""):
    """(path, array) of every array in nested containers."""
    if isinstance(thing, np.ndarray):
        yield path, thing
    elif isinstance(thing, dict):
        for key, item in thing.items():
            yield from _arrays(item, f"{path}[{key!r}]")
    elif isinstance(thing, list | tuple):
        for index, item in enumerate(thing):
            yield from _arrays(item, f"{path}[{index}]")


def _optimizer_arrays(optimizer):
    return [
        (f"state[{name!r}][{slot!r}]", array)
        for name, slots in optimizer.state.items()
        for slot, array in slots.items()
    ]


@pytest.fixture
def frozen():
    """`with frozen(params, grads, optimizer=o):` fails unless every bit stays as it was.

    That is: the bytes of all arrays in the containers and in the optimizer's state, the
    names and addresses of the state's arrays, and the step count.
    """

    @contextlib.contextmanager
    def context(*containers, optimizer=None):
        arrays = [pair for container in containers for pair in _arrays(container)]
        state = _optimizer_arrays(optimizer) if optimizer is not None else []
        count = optimizer.step_count if optimizer is not None else None
        before = [array.tobytes() for _, array in arrays + state]
        yield
        for (path, array), content in zip(arrays + state, before, strict=True):
            assert array.tobytes() == content, f"{path} was written"
        if optimizer is not None:
            assert optimizer.step_count == count
            after = _optimizer_arrays(optimizer)
            assert [path for path, _ in after] == [path for path, _ in state]
            for (path, array), (_, old) in zip(after, state, strict=True):
                assert array.tobytes() == old.tobytes(), f"{path} was replaced"

    return context


@pytest.fixture
def refused(frozen):
    """`refused(call, error, words, optimizer, *arrays)`: it raises, and writes nothing.

    The message must hold each of the words.
    """

    def check(call, error, words, optimizer, *arrays):
        with frozen(*arrays, optimizer=optimizer), pytest.raises(error) as caught:
            call()
        for word in words:
            assert word in str(caught.value)

    return check


@pytest.fixture
def same_blas():
    """Give the native code back the library that the other tests use."""
    before = _blas._info
    yield
    _core.set_blas(0, 0, 64)
    _blas._info = None if before is None or before.name != "none" else before


@pytest.fixture
def forgotten(same_blas, monkeypatch):
    """As before the first product; what a test loads goes after it."""
    monkeypatch.setattr(_blas, "_info", None)
    monkeypatch.setenv("SWIFTOPT_BLAS", "auto")


@pytest.fixture(scope="session")
def private():
    """A copy with NumPy's spelling of the names, or the system's."""
    path = BUNDLED[0] if BUNDLED else _blas_library._located(SYSTEM)
    library = load_private(path, ())
    return library, *_blas_library._spelling(library)
