"""Same inputs, same bits: levels, threads, alignment, partition, and stop and resume."""

import copy
import functools
import itertools
import pickle

import numpy as np
import pytest

from swiftopt import _core

from .cases import (
    BUSY_OPTIONS,
    LEVELS,
    OF_WHOLE_TENSORS,
    RULES,
    bits,
    class_of,
    copied_state,
    make_gradients,
    make_params,
    variant_id,
    variants,
)

SMALL = (0, 1, 15, 16, 17, 2047, 4099)
LARGE = (150_001, 70_001, 17, 1)  # enough that several threads take part
STEPS = 3

all_variants = pytest.mark.parametrize(("name", "options"), variants(), ids=variant_id)
all_rules = pytest.mark.parametrize("name", RULES)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@functools.cache
def gradients(sizes, dtype, steps=STEPS):
    return make_gradients(sizes, steps, dtype)


def train(name, options, sizes, dtype, gradient_dtype=None, place=lambda array: array):
    """The bits of parameters and state after some steps, and of the norms on the way."""
    params = {key: place(array) for key, array in make_params(sizes, dtype).items()}
    optimizer = class_of(name)(params, **options, report_norm=True)
    reports = [
        optimizer.step({key: place(array) for key, array in grads.items()})
        for grads in gradients(sizes, gradient_dtype or dtype)
    ]
    norms = [(report.grad_norm.hex(), report.clip_coefficient.hex()) for report in reports]
    return norms, bits(optimizer, params)


@functools.cache
def lowest_level_result(name, index, dtype, gradient_dtype):
    _core.select_level(LEVELS[0])
    return train(name, variants()[index][1], SMALL, dtype, gradient_dtype)


@pytest.mark.skipif(len(LEVELS) < 2, reason="this machine has one instruction level only")
@pytest.mark.parametrize("level_name", LEVELS[1:])
@pytest.mark.parametrize("index", range(len(variants())), ids=lambda i: "-".join(
    variant_id(part) for part in variants()[i]))  # fmt: skip
@both_dtypes
def test_levels_agree(level_name, index, dtype):
    name, options = variants()[index]
    expected = lowest_level_result(name, index, dtype, dtype)
    _core.select_level(level_name)
    assert _core.level() == level_name
    assert train(name, options, SMALL, dtype) == expected


@pytest.mark.parametrize("level_name", LEVELS[1:])
@both_dtypes
def test_levels_agree_on_gradients_of_the_other_dtype(level_name, dtype):
    other = np.float64 if dtype == np.float32 else np.float32
    for index, (name, options) in enumerate(variants()):
        if options in ({}, {"clip_norm": 1.0}):
            expected = lowest_level_result(name, index, dtype, other)
            _core.select_level(level_name)
            assert train(name, options, SMALL, dtype, other) == expected


@all_variants
def test_thread_counts_agree(name, options):
    results = []
    for count in (1, 2, 3):
        _core.set_num_threads(count)
        assert _core.get_num_threads() == count
        results.append(train(name, options, LARGE, np.float32))
    assert results[0] == results[1] == results[2]


@all_rules
@both_dtypes
def test_alignment_does_not_matter(name, dtype):
    def shifted(array):
        block = np.empty(array.size + 1, array.dtype)
        block[1:] = array
        return block[1:]

    options = {**BUSY_OPTIONS[name], "clip_norm": 1.0}
    assert train(name, options, SMALL, dtype) == train(name, options, SMALL, dtype, place=shifted)


@pytest.mark.parametrize("name", sorted(set(RULES) - OF_WHOLE_TENSORS))
@both_dtypes
def test_one_tensor_or_its_pieces(name, dtype):
    """Disjoint views of one block as parameters of their own; no norm, whose sums differ."""
    size = 5000
    whole, block = ({"w": make_params([size], dtype)[f"p{size}"]} for _ in range(2))
    cuts = [0, 1, 16, 33, 2081, 2082, 4999, size]
    pieces = [slice(a, b) for a, b in itertools.pairwise(cuts)]
    options = {**BUSY_OPTIONS[name], "clip_value": 0.5}
    one = class_of(name)(whole, **options)
    many = class_of(name)([block["w"][piece] for piece in pieces], **options)
    for grads in gradients((size,), dtype):
        gradient = grads[f"p{size}"]
        one.step({"w": gradient})
        many.step([gradient[piece] for piece in pieces])
    assert whole["w"].tobytes() == block["w"].tobytes()
    for slot, array in one.state["w"].items():
        if array.ndim:
            joined = b"".join(many.state[str(i)][slot].tobytes() for i in range(len(pieces)))
            assert joined == array.tobytes(), slot


def by_load_state(cls, options, params, optimizer):
    resumed_params = {key: array.copy() for key, array in params.items()}
    resumed = cls(resumed_params, **options)
    resumed.load_state(copied_state(optimizer))
    return resumed_params, resumed


def by_pickle(_cls, _options, params, optimizer):
    return pickle.loads(pickle.dumps((params, optimizer)))


def by_deepcopy(_cls, _options, params, optimizer):
    return copy.deepcopy((params, optimizer))


@all_variants
@pytest.mark.parametrize("stop_at", [0, 1, 4])
@pytest.mark.parametrize("way", [by_load_state, by_pickle, by_deepcopy])
def test_stop_and_resume(name, options, stop_at, way):
    sizes = (1, 17, 2049)
    params = make_params(sizes, np.float32)
    optimizer = class_of(name)(params, **options)
    steps = gradients(sizes, np.float32, 6)
    for grads in steps[:stop_at]:
        optimizer.step(grads)
    resumed_params, resumed = way(class_of(name), options, params, optimizer)
    assert resumed.step_count == stop_at
    for grads in steps[stop_at:]:
        report = optimizer.step(grads)
        resumed_report = resumed.step(grads)
        assert resumed_report == report
    assert bits(resumed, resumed_params) == bits(optimizer, params)


@all_rules
def test_repeating_a_run_repeats_its_bits(name):
    options = {**BUSY_OPTIONS[name], "clip_norm": 1.0}
    assert train(name, options, LARGE, np.float64) == train(name, options, LARGE, np.float64)


def test_hand_computed_bits():
    """Bits that need no reference: every operation below is exact in binary."""
    w = np.array([1.0, -2.0, 0.5], np.float32)
    class_of("sgd")([w], lr=0.5).step([np.array([0.25, -1.0, 8.0], np.float32)])
    assert w.tobytes() == np.array([0.875, -1.5, -3.5], np.float32).tobytes()
