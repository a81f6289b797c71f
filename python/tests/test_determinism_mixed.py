"""Same inputs, same bits, with low precision, 8-bit states, chance, and every option at once.

See mixed.py for the runs. The norms of gradients and updates must agree too: they are sums
whose order must not depend on threads, levels or addresses.
"""

import copy
import pickle

import numpy as np
import pytest

import swiftopt._binding
from swiftopt import _core

from .cases import LEVELS, RULES, copied_state
from .mixed import ALL, Run, shifted

SMALL = ((0,), (1,), (3, 5), (17,), (2, 257), (4099,))
LARGE = ((50_001,), (300, 211), (17,), (1,))  # enough that several threads take part

every_run = pytest.mark.parametrize(("name", "mix"), ALL, ids=str)


def test_the_limits_act():
    """Or the runs would agree without them."""
    name, mix = ALL[0]
    for option in ("clip_norm", "adaptive_clip", "clip_tensor_norm", "clip_value"):
        run = Run(name, mix, SMALL).steps(0, 2, 2)
        other = Run(name, mix, SMALL, **{option: None}).steps(0, 2, 2)
        assert run.bits()[1] != other.bits()[1], option


@every_run
def test_thread_counts_agree(name, mix):
    """Also where gradients are received, whose sums are taken one tensor at a time."""
    results = []
    for count, receives in ((1, False), (2, False), (5, False), (2, True)):
        _core.set_num_threads(count)
        results.append(Run(name, mix, LARGE).steps(0, 2, 2, receives=receives).bits())
    assert all(result == results[0] for result in results[1:])


@every_run
def test_thread_counts_agree_on_accumulated_gradients(name, mix):
    results = []
    for count in (1, 5):
        _core.set_num_threads(count)
        results.append(Run(name, mix, LARGE, accumulate=2).steps(0, 2, 2).bits())
    assert results[0] == results[1]


@pytest.mark.skipif(len(LEVELS) < 2, reason="this machine has one instruction level only")
@every_run
def test_levels_agree(name, mix):
    if RULES[name]["kind"] == "matrix":
        pytest.skip("products of matrices are fused, and differ between levels")
    results = []
    for level in LEVELS:
        _core.select_level(level)
        results.append(Run(name, mix, SMALL).steps(0, 3, 3).bits())
    assert all(result == results[0] for result in results[1:])


@every_run
def test_alignment_does_not_matter(name, mix, monkeypatch):
    """Neither that of parameters and gradients nor that of any array of the state."""
    aligned = Run(name, mix, SMALL).steps(0, 3, 3)
    new_slots = swiftopt._binding.new_slots

    def shifted_slots(*args, **kwargs):
        return {slot: shifted(array) for slot, array in new_slots(*args, **kwargs).items()}

    monkeypatch.setattr(swiftopt._binding, "new_slots", shifted_slots)
    run = Run(name, mix, SMALL, shifted).steps(0, 3, 3)
    slots = run.optimizer.state["p4099"]
    assert all(array.ctypes.data % 16 for array in slots.values() if array.size > 4000)
    assert run.bits() == aligned.bits()


@every_run
def test_received_gradients_are_as_good(name, mix):
    whole = Run(name, mix, SMALL).steps(0, 3, 3)
    assert Run(name, mix, SMALL).steps(0, 3, 3, receives=True).bits() == whole.bits()


def by_pickle(run, _name):
    return pickle.loads(pickle.dumps(run))


def by_deepcopy(run, _name):
    return copy.deepcopy(run)


def by_load_state(run, name):
    """Into a new optimizer, as from a file."""
    twin = Run(name, run.mix, run.shapes, accumulate=run.optimizer.accumulate)
    for key, array in run.params.items():
        np.asarray(twin.params[key])[...] = np.asarray(array)
        np.asarray(twin.copies[key])[...] = np.asarray(run.copies[key])
    twin.optimizer.load_state(copied_state(run.optimizer))
    twin.log = list(run.log)
    return twin


@every_run
@pytest.mark.parametrize("way", [by_pickle, by_deepcopy, by_load_state])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_stop_and_resume(name, mix, way, accumulate):
    """Anywhere, in the middle of an accumulation too."""
    shapes = ((1,), (17,), (3, 300))
    total = 3 * accumulate
    stop = int(np.random.default_rng([len(name), accumulate]).integers(1, total))
    straight = Run(name, mix, shapes, accumulate=accumulate).steps(0, total, total)
    run = Run(name, mix, shapes, accumulate=accumulate).steps(0, stop, total)
    resumed = way(run, name).steps(stop, total, total)
    assert resumed.bits() == straight.bits()
    assert [entry[0] for entry in straight.log].count("updated") == 3


def test_every_stop_in_a_window():
    name, mix = ALL[0]
    shapes, total = ((17,), (3, 300)), 8
    straight = Run(name, mix, shapes, accumulate=4).steps(0, total, total)
    for stop in range(total + 1):
        run = Run(name, mix, shapes, accumulate=4).steps(0, stop, total)
        assert by_load_state(run, name).steps(stop, total, total).bits() == straight.bits()


@every_run
def test_repeating_a_run_repeats_its_bits(name, mix):
    first, second = (Run(name, mix, LARGE[1:]).steps(0, 2, 2).bits() for _ in range(2))
    assert first == second
