"""Sources that Python code reads, and samples of different lengths."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .loading import collected, keep_last, numbered, thread_ids, threads_end, within


class Read:
    """Samples that are made when they are asked for."""

    def __init__(self, samples):
        self.samples = samples
        self.shape, self.dtype = samples.shape, samples.dtype
        self.calls = 0

    def read(self, indices, out):
        self.calls += 1
        out[:] = self.samples[indices]


@pytest.mark.parametrize("sampler", ["sequential", "shuffled", "weighted", "sizes"])
def test_batches_are_those_of_memory(sampler):
    x, y = numbered(150, (6, 6, 3))
    keywords = {
        "sequential": {"batch_size": 16},
        "shuffled": {"batch_size": 16, "shuffle": True, "rank": 1, "world": 2},
        "weighted": {"batch_size": 16, "sampler": so.data.Weighted(y + 1)},
        "sizes": {"sampler": so.data.BatchBySize(y % 4 + 1, 50)},
    }[sampler]
    augment = [so.data.RandomCrop(6, padding=2), so.data.GaussianNoise(0.1)]
    loader = so.data.Loader((Read(x), y), augment=augment, seed=9, **keywords)
    plain = so.data.Loader((x, y), augment=augment, seed=9, **keywords)
    for _ in range(2):
        for found, expected in zip(collected(loader), collected(plain), strict=True):
            assert found.tobytes() == expected.tobytes()


def test_an_error_of_the_source_is_raised_in_the_loop():
    class Broken(Read):
        def read(self, indices, out):
            if 50 in indices:
                raise RuntimeError("no such sample")
            super().read(indices, out)

    before = thread_ids()
    x, _ = numbered(100)
    seen = []
    with within(5), pytest.raises(RuntimeError, match="no such sample"):
        keep_last(so.data.Loader(Broken(x), batch_size=8), seen)
    assert len(seen) == 6
    assert threads_end(before)


def test_a_source_reads_ahead_no_further_than_it_should():
    source = Read(numbered(1000)[0])
    loader = so.data.Loader(source, batch_size=10, prefetch=3)
    iterator = iter(loader)
    next(iterator)
    threading.Event().wait(0.1)
    assert source.calls <= 5
    iterator.close()


def test_decoded_samples_that_fail_are_left_out_and_counted():
    x, y = numbered(64, (4, 4))

    def decode(item):
        if item % 9 == 4:
            raise ValueError("damaged")
        return x[item]

    source = so.data.Decoded(range(64), decode, sample_shape=(4, 4), dtype=np.uint8, budget=300)
    good = np.array([item for item in range(64) if item % 9 != 4])
    loader = so.data.Loader(
        (source, y), batch_size=10, shuffle=True, skip_errors=True, dtype=np.float32
    )
    for _ in range(2):
        order = loader.indices()
        found, labels = collected(loader)
        assert np.array_equal(labels, order[np.isin(order, good)])
        assert np.array_equal(found, x[labels] / np.float32(255))
    assert loader.stats.read_errors == 2 * (64 - len(good))
    assert "couldn't be decoded" in loader.stats.errors[0]
    strict = so.data.Loader((source, y), batch_size=10)
    with pytest.raises(so.data.DecodeError, match="item 4"):
        list(strict)


def test_batches_of_nothing_but_failures_are_left_out():
    def decode(item):
        if item < 20:
            raise ValueError("damaged")
        return np.zeros(2, np.uint8)

    source = so.data.Decoded(range(40), decode, sample_shape=(2,), dtype=np.uint8)
    loader = so.data.Loader(source, batch_size=5, skip_errors=True, prefetch=2)
    with within(5):
        assert [len(batch) for batch in loader] == [5, 5, 5, 5]
        assert [len(batch) for batch in loader] == [5, 5, 5, 5]
    assert loader.stats.read_errors == 40


def test_a_source_that_returns_after_its_loop_was_left_spoils_no_other():
    class Slow:
        shape, dtype = (64, 4), np.dtype(np.float32)
        calls = 0

        def read(self, indices, out):
            self.calls += 1
            call = self.calls
            if call == 2:  # ahead, in the loop that is left
                time.sleep(0.3)
            out[...] = np.asarray(indices)[:, None]
            if call == 3:
                time.sleep(0.5)

    loader = so.data.Loader(Slow(), batch_size=8, prefetch=1, shuffle=True)
    for _ in loader:
        break
    order = loader.indices(1)
    found = np.concatenate([batch[:, 0].copy() for batch in loader])
    assert np.array_equal(found, order)


def test_failures_are_left_out_next_to_sequences_in_batches_by_size():
    def decode(item):
        if item == 3:
            raise ValueError("damaged")
        return np.full(2, item, np.uint8)

    source = so.data.Decoded(range(12), decode, sample_shape=(2,), dtype=np.uint8)
    sizes = np.array([1, 1, 1, 1, 2, 2, 2, 2, 9, 9, 9, 9])
    words = so.data.Ragged(np.arange(sizes.sum()), np.concatenate(([0], np.cumsum(sizes))))
    sampler = so.data.BatchBySize(sizes, max_size=18, shuffle=False)
    loader = so.data.Loader((source, words), sampler=sampler, skip_errors=True)
    found = [x[:, 0].copy() for x, _ in loader]
    assert np.array_equal(np.concatenate(found), [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11])


# ------------------------------------------------------------------------ ragged


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=80),
    st.integers(1, 30),
    st.sampled_from([np.int32, np.float64, np.uint8]),
    st.sampled_from([(), (3,)]),
    st.sampled_from([None, "float32"]),
    st.integers(1, 3),
)
def test_samples_are_padded_to_the_longest_of_their_batch(
    lengths, batch_size, dtype, shape, out, threads
):
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    rng = np.random.default_rng(len(lengths))
    values = rng.integers(0, 200, (offsets[-1], *shape)).astype(dtype)
    loader = so.data.Loader(
        (so.data.Ragged(values, offsets, pad=7), np.arange(len(lengths))),
        batch_size=batch_size, shuffle=True, dtype=out, scale=False, threads=threads,
    )  # fmt: skip
    for x, y in loader:
        longest = max(lengths[sample] for sample in y)
        assert x.shape == (len(y), longest, *shape)
        for row, sample in zip(x, y, strict=True):
            items = values[offsets[sample] : offsets[sample + 1]]
            assert np.array_equal(row[: len(items)], items)
            assert (row[len(items) :] == 7).all()


def test_batches_by_size_of_ragged_samples_take_the_memory_that_they_need():
    lengths = np.random.default_rng(0).integers(1, 100, 400)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    values = np.arange(offsets[-1])
    loader = so.data.Loader(
        (so.data.Ragged(values, offsets, pad=-1), lengths),
        sampler=so.data.BatchBySize(lengths, 1000),
    )
    for _ in range(2):
        count = 0
        for x, y in loader:
            assert x.size <= 1000
            assert x.shape[1] == y.max()
            assert np.array_equal((x >= 0).sum(1), y)
            count += len(y)
        assert count == 400


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([1, 2], [0, 2]), TypeError, "array"),
        ((np.arange(3), [0]), TypeError, "one more"),
        ((np.arange(3), [0.0, 1]), TypeError, "integers"),
        ((np.arange(3), [0, 4]), ValueError, r"0 to 4; they must be in 0 \.\.\. 3"),
        ((np.arange(3), [-1, 2]), ValueError, "-1"),
        ((np.arange(3), [0, 2, 1]), ValueError, "decrease"),
        ((np.arange(6)[::2], [0, 1]), ValueError, "C-contiguous"),
        ((np.zeros(3, "S2"), [0, 1]), TypeError, "numbers"),
    ],
)
def test_what_is_not_ragged_is_refused(arguments, error, text):
    with pytest.raises(error, match=text):
        so.data.Ragged(*arguments)


def test_a_pad_that_the_dtype_hasnt_is_refused():
    ragged = so.data.Ragged(np.zeros(3, np.uint8), np.array([0, 1, 3]), pad=-1)
    with pytest.raises(ValueError, match="with pad -1, but its batches are uint8"):
        next(iter(so.data.Loader(ragged, batch_size=2)))
