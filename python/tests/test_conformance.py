"""Every registered rule against its float64 reference, found by discovery; see comparison.py."""

import functools
import inspect
from pathlib import Path

import numpy as np
import pytest

import swiftopt

from .cases import (
    BUSY_OPTIONS,
    RULES,
    VARIANTS_OF_ALL,
    VARIANTS_OF_RULE,
    class_of,
    make_gradients,
    make_params,
    variant_id,
    variants,
)
from .comparison import Comparison
from .natives import FLAG_OF_WORD, GROUPED, native_options, parts_of
from .reference import REFERENCES

DOCS = Path(__file__).parents[2] / "docs" / "optimizers"
WIDTH = 16  # elements of the widest vector
TILE = 2048  # elements that are worked on together
SIZES = [0, 1, WIDTH - 1, WIDTH, WIDTH + 1, 2 * TILE + 1]

all_variants = pytest.mark.parametrize(("name", "options"), variants(), ids=variant_id)
all_rules = pytest.mark.parametrize("name", RULES)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@functools.cache
def gradients(steps, dtype):
    return make_gradients(SIZES, steps, dtype)


@all_variants
@both_dtypes
@pytest.mark.parametrize("steps", [1, 100])
def test_steps_follow_the_reference(name, options, dtype, steps):
    if name == "rprop" and "weight_decay" in options:
        # It drives g + λ·p itself to 0 wherever the decay is the stronger, and from then on
        # that sum's sign is the rounding's. Up to here hardly any element has got there.
        steps = min(steps, 25)
    comparison = Comparison(name, make_params(SIZES, dtype), options)
    comparison.run(gradients(steps, dtype))
    comparison.judge()


@all_rules
@both_dtypes
def test_gradients_of_the_other_dtype(name, dtype):
    other = np.float64 if dtype == np.float32 else np.float32
    params = make_params(SIZES, dtype)
    comparison = Comparison(name, params, BUSY_OPTIONS[name], report_norm=True)
    comparison.run(gradients(100, other))
    comparison.judge()


@all_rules
@pytest.mark.large
def test_a_million_elements(name):
    sizes = [1_000_003]
    comparison = Comparison(name, make_params(sizes, np.float32), BUSY_OPTIONS[name])
    comparison.run(make_gradients(sizes, 3, np.float32))
    comparison.judge()


@all_rules
@both_dtypes
@pytest.mark.parametrize("offset", [1, 3])
def test_views_that_start_between_vectors(name, dtype, offset):
    def misaligned(array):
        block = np.zeros(array.size + offset, dtype)
        block[offset:] = array
        return block[offset:]

    params = {key: misaligned(array) for key, array in make_params(SIZES, dtype).items()}
    comparison = Comparison(name, params, BUSY_OPTIONS[name])
    comparison.run(
        {key: misaligned(array) for key, array in grads.items()} for grads in gradients(10, dtype)
    )
    comparison.judge()


def off_by_a_byte(size, dtype):
    """A writable array of ones whose elements don't start at multiples of their size."""
    dtype = np.dtype(dtype)
    array = np.zeros(size * dtype.itemsize + 1, np.uint8)[1:].view(dtype)
    array[:] = 1
    assert not array.flags.aligned
    return array


@both_dtypes
def test_elements_that_are_not_aligned_are_refused(dtype, frozen):
    crooked, straight = off_by_a_byte(10, dtype), np.ones(10, dtype)
    optimizer = swiftopt.SGD([straight])
    with frozen(crooked, straight, optimizer=optimizer):
        with pytest.raises(ValueError, match=r"'0'.*not aligned"):
            swiftopt.SGD([crooked])
        with pytest.raises(ValueError, match=r"'0'.*not aligned"):
            optimizer.step([crooked])


class TestEveryRuleIsComplete:
    """What a new rule must bring; these fail for one that is registered and no more."""

    @all_rules
    def test_class_with_its_defaults(self, name):
        cls = class_of(name)
        assert cls is not None, f"no public class for the registered rule {name!r}"
        description = RULES[name]
        defaults = {
            key: parameter.default for key, parameter in inspect.signature(cls).parameters.items()
        }
        assert defaults["params"] is None
        assert defaults["lr"] == description["lr"]
        assert defaults["weight_decay"] == description["weight_decay"]
        for option in GROUPED:
            natives = parts_of(name, option)
            for native, default in zip(natives, defaults[option] if natives else (), strict=True):
                # None: the rule knows a better one, and takes 0 for the wish to have it.
                defaults[native] = 0.0 if default is None else default
        for word, (flag, value) in FLAG_OF_WORD.items():
            defaults[flag] = defaults.get(word) == value
        for parameter, default, *_ in description["hyperparameters"]:
            assert defaults[parameter] == default, parameter

    @all_rules
    def test_reference_and_variants(self, name):
        assert name in REFERENCES
        assert REFERENCES[name].is_decoupled == (RULES[name]["decay"] == "decoupled")
        assert name in BUSY_OPTIONS
        tried = {
            parameter
            for options in VARIANTS_OF_ALL + VARIANTS_OF_RULE[name]
            for parameter in native_options(name, options)
        }
        own = {entry[0] for entry in RULES[name]["hyperparameters"]}
        assert own <= tried, f"no variant sets {own - tried}"

    @all_rules
    def test_annotations_and_docstring(self, name):
        cls = class_of(name)
        for parameter in inspect.signature(cls).parameters.values():
            assert parameter.annotation is not parameter.empty, parameter
        for part in ("Parameters", "Raises", "References", "Examples", ">>>"):
            assert part in cls.__doc__, part
        for parameter in inspect.signature(cls).parameters:
            assert parameter in cls.__doc__, f"{parameter} is not documented"

    @all_rules
    def test_documentation_page(self, name):
        page = (DOCS / f"{name}.md").read_text("utf-8")
        assert page.startswith(f"# {class_of(name).__name__}\n")
        for part in ("bytes per parameter", "## References", ">>>", "torch"):
            assert part in page, part
        index = DOCS.with_suffix(".md").read_text("utf-8")
        assert f"(optimizers/{name}.md)" in index

    @all_rules
    def test_state_slots_as_described(self, name):
        w = np.zeros(3, np.float32)
        slots = class_of(name)([w], **BUSY_OPTIONS[name]).state["0"]
        scalars = dict(RULES[name]["scalars"])
        arrays = {entry[0] for entry in RULES[name]["slots"] if entry[5] != "matrices"}
        assert set(slots) == set(scalars) | arrays
        for scalar, initial in scalars.items():
            assert slots[scalar].shape == ()
            assert slots[scalar].dtype == np.float64
            assert slots[scalar] == initial
