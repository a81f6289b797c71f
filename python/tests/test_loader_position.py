"""Where a loader is: epochs, leaving a loop early, and going on elsewhere."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .loading import collected, numbered

AUGMENT = [so.data.RandomCrop(6, padding=2), so.data.GaussianNoise(0.1)]


class Own:
    def indices(self, epoch):
        return np.random.default_rng(epoch).integers(0, 200, 150)


def make(kind: str, **keywords) -> so.data.Loader:
    x, y = numbered(200, (6, 6))
    settings = {
        "sequential": {"batch_size": 16},
        "shuffled": {"batch_size": 16, "shuffle": True},
        "weighted": {"batch_size": 16, "sampler": so.data.Weighted(y + 1.0, length=333)},
        "balanced": {"batch_size": 16, "sampler": so.data.Balanced(y % 3)},
        "own": {"batch_size": 16, "sampler": Own()},
        "sizes": {"sampler": so.data.BatchBySize(y % 5 + 1, 60)},
    }[kind]
    return so.data.Loader((x, y), seed=12, augment=AUGMENT, **{**settings, **keywords})


KINDS = ["sequential", "shuffled", "weighted", "balanced", "own", "sizes"]


@pytest.mark.parametrize("kind", KINDS)
@given(st.integers(0, 3), st.integers(0, 30), st.integers(1, 3))
def test_a_resumed_loader_goes_on_with_the_very_batches(kind, epoch, batch, threads):
    straight = make(kind)
    straight.set_epoch(epoch)
    expected = [(x.copy(), y.copy()) for x, y in straight]
    batch = min(batch, len(expected))
    first = make(kind)
    first.set_epoch(epoch)
    if batch:
        for index, _ in enumerate(first):
            if index == batch - 1:
                break
    state = json.loads(json.dumps(first.state))
    assert (state["epoch"], state["batch"]) == (epoch, batch)
    second = make(kind, threads=threads, prefetch=threads)
    second.load_state(state)
    found = [(x.copy(), y.copy()) for x, y in second]
    assert len(found) == len(expected) - batch
    for (x, y), (good_x, good_y) in zip(found, expected[batch:], strict=True):
        assert x.tobytes() == good_x.tobytes()
        assert y.tobytes() == good_y.tobytes()
    assert second.epoch == epoch + 1
    assert second.state["batch"] == 0


def test_the_state_goes_through_a_checkpoint(tmp_path):
    loader = make("shuffled")
    for index, _ in enumerate(loader):
        if index == 4:
            so.save(tmp_path / "run.safetensors", loader=loader)
            break
    expected = make("shuffled").indices(0)[5 * 16 :]
    other = make("shuffled")
    so.load(tmp_path / "run.safetensors", loader=other)
    assert np.array_equal(collected(other)[1], expected)


def test_a_loop_is_an_epoch_and_the_next_loop_the_next():
    loader = make("shuffled")
    for epoch in range(3):
        assert loader.epoch == epoch
        assert np.array_equal(collected(loader)[1], make("shuffled").indices(epoch))
    loader.set_epoch(1)
    assert np.array_equal(collected(loader)[1], make("shuffled").indices(1))
    assert loader.epoch == 2


def test_a_loop_that_is_left_early_is_over():
    loader = make("shuffled")
    for _ in loader:
        break
    assert loader.state["batch"] == 1
    assert np.array_equal(collected(loader)[1], loader.indices(1))


def test_a_second_loop_ends_the_first():
    loader = make("sequential")
    first = iter(loader)
    next(first)
    second = iter(loader)
    with pytest.raises(RuntimeError, match="this loop was ended by another loop"):
        next(first)
    assert len(list(second)) == len(loader)


def test_an_iterator_that_is_through_stays_so():
    iterator = iter(make("sequential"))
    assert len(list(iterator)) == 13
    assert next(iterator, None) is None
    assert next(iterator, None) is None


def test_the_state_counts_what_was_handed_out_not_what_was_filled():
    loader = make("sequential", prefetch=8)
    iterator = iter(loader)
    for expected in range(1, 5):
        next(iterator)
        assert loader.state["batch"] == expected


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"seed": 13}, ValueError, "seed=13, this loader has 12"),
        ({"batch_size": 17}, ValueError, "batch_size=17"),
        ({"samples": 201}, ValueError, "samples=201"),
        ({"sampler": "Sequential"}, ValueError, "sampler='Sequential'"),
        ({"rank": 1}, ValueError, "rank=1"),
        ({"epoch": -1}, ValueError, "epoch -1"),
        ({"batch": -1}, ValueError, "batch -1"),
        ({"batch": 14}, ValueError, "batch 14; the epoch has 13"),
        ({"batch": 1.5}, TypeError, "float"),
        ({"more": 1}, ValueError, r"has \['more'\]"),
    ],
)
def test_a_state_of_another_loader_is_refused(change, error, text):
    loader = make("shuffled")
    next(iter(loader))
    before = loader.state
    with pytest.raises(error, match=text):
        loader.load_state({**before, **change})
    assert loader.state == before
    with pytest.raises(TypeError, match="list"):
        loader.load_state([])
    with pytest.raises(ValueError, match="lacks"):
        loader.load_state({})


def test_large_epochs_are_numbers_too():
    loader = make("shuffled")
    loader.set_epoch(2**62)
    assert np.array_equal(np.sort(collected(loader)[1]), np.arange(200))
    assert loader.epoch == 2**62 + 1


# ------------------------------------------------------- copies, several loops

COPIES = [lambda loader: pickle.loads(pickle.dumps(loader)), copy.copy, copy.deepcopy]


@pytest.mark.parametrize("copied", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_on_where_the_loader_is(kind, copied):
    loader = make(kind)
    loop = iter(loader)
    next(loop)
    next(loop)
    other = copied(loader)
    for found, expected in zip(collected(other), collected(loop), strict=True):
        assert np.array_equal(found, expected)
    assert other.epoch == loader.epoch == 1


@pytest.mark.parametrize("copied", COPIES)
def test_loaders_of_dicts_and_files_can_be_copied(copied, tmp_path):
    np.save(tmp_path / "x.npy", np.arange(10))
    data = {"a": so.data.Shards(tmp_path / "x.npy"), "b": np.arange(10)}
    loader = so.data.Loader(data, batch_size=3, shuffle=True)
    expected = [batch["a"].tolist() for batch in loader]
    other = copied(loader)
    other.set_epoch(0)
    assert [batch["a"].tolist() for batch in other] == expected


@pytest.mark.parametrize(
    ("ends", "name"),
    [
        (iter, "another loop"),
        (lambda loader: loader.set_epoch(3), "set_epoch"),
        (lambda loader: loader.load_state(loader.state), "load_state"),
    ],
)
def test_a_loop_that_another_one_ended_says_so(ends, name):
    loader = make("shuffled")
    loop = iter(loader)
    next(loop)
    kept = ends(loader)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"this loop was ended by {name} of the same Loader"):
            next(loop)
    del kept


def test_loops_over_copies_run_at_once():
    loader = make("shuffled")
    pairs = [(x[1].copy(), y[1].copy()) for x, y in zip(loader, copy.copy(loader), strict=True)]
    assert len(pairs) == len(loader)
    assert all(np.array_equal(x, y) for x, y in pairs)


def test_a_copy_has_the_augmentations_of_an_iterable():
    x, _ = numbered(20, (6, 6))
    loader = so.data.Loader(x, batch_size=20, augment=iter(AUGMENT))
    expected = next(iter(loader)).copy()
    loader.set_epoch(0)
    assert np.array_equal(next(iter(copy.copy(loader))), expected)


def test_a_loop_that_came_to_its_end_stays_there():
    loader = make("shuffled")
    loop = iter(loader)
    assert len(list(loop)) == len(loader)
    list(loader)
    assert list(loop) == []
