"""Shards read by native threads: the same batches as from memory, errors, and the cache."""

import contextlib
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swiftopt as so

from .loading import collected, keep_last, numbered, shards, thread_ids, threads_end, within


@settings(max_examples=25)
@given(
    st.integers(1, 200),
    st.integers(1, 9),
    st.integers(1, 70),
    st.booleans(),
    st.sampled_from([None, "float32"]),
    st.integers(0, 3000),
)
def test_batches_are_those_of_memory(tmp_path_factory, count, files, size, shuffle, dtype, cache):
    folder = tmp_path_factory.mktemp("shards")
    x, y = numbered(count, (3, 5))
    keywords = {"batch_size": size, "shuffle": shuffle, "dtype": dtype, "seed": 5}
    with contextlib.closing(shards(folder, x, min(files, count), cache=cache)) as source:
        loader = so.data.Loader((source, y), **keywords)
        plain = so.data.Loader((x, y), **keywords)
        for _ in range(3):
            for found, expected in zip(collected(loader), collected(plain), strict=True):
                assert found.tobytes() == expected.tobytes()
        kept = min(cache // 15, count)
        stats = loader.stats
        if kept:
            assert stats.cache_hits + stats.cache_misses == 3 * count
            # Without a cache all of it is read in each epoch; with one, what it has is not.
            assert stats.cache_hits >= kept
            assert stats.cache_hits <= 2 * count
        assert stats.bytes_read == 15 * (3 * count - stats.cache_hits)


def test_a_cache_hits_its_share_of_a_shuffled_epoch(tmp_path):
    x, y = numbered(1000, (16,))
    with contextlib.closing(shards(tmp_path, x, 4, cache=16 * 250)) as source:
        loader = so.data.Loader((source, y), batch_size=32, shuffle=True)
        collected(loader)
        assert (loader.stats.cache_hits, loader.stats.cache_misses) == (0, 1000)
        collected(loader)
        assert (loader.stats.cache_hits, loader.stats.cache_misses) == (250, 1750)


def test_a_cache_may_be_a_file(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "cache").mkdir()
    x, y = numbered(300, (40,))
    with contextlib.closing(
        shards(tmp_path / "data", x, 3, cache="1MB", cache_directory=tmp_path / "cache")
    ) as source:
        loader = so.data.Loader((source, y), batch_size=32, shuffle=True, dtype=np.float32)
        for _ in range(2):
            found, order = collected(loader)
            assert np.array_equal(found, x[order] / np.float32(255))
        assert loader.stats.cache_hits == 300
        assert list((tmp_path / "cache").iterdir()) == []  # nothing is left behind


def test_augmentations_and_several_fields_of_files(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    x, y = numbered(90, (8, 8, 3))
    augment = [so.data.RandomCrop(8, padding=2), so.data.Normalize([0.5] * 3, [0.2] * 3)]
    keywords = {"batch_size": 16, "shuffle": True, "augment": augment}
    with (
        contextlib.closing(shards(tmp_path / "x", x, 3, cache=2000)) as images,
        contextlib.closing(shards(tmp_path / "y", y, 2)) as labels,
    ):
        loader = so.data.Loader({"x": images, "y": labels}, **keywords)
        plain = so.data.Loader({"x": x, "y": y}, **keywords)
        for _ in range(2):
            for found, expected in zip(loader, plain, strict=True):
                assert found["x"].tobytes() == expected["x"].tobytes()
                assert np.array_equal(found["y"], expected["y"])


# ------------------------------------------------------------------------- errors


def damaged(folder, *, skip_errors, cache=None, **keywords):
    """120 samples of 10 bytes in 3 files, the second of which lost its samples from 50 on."""
    x, y = numbered(120, (10,))
    source = shards(folder, x, 3, cache=cache)
    segment = source.segments[1]
    os.truncate(segment.path, segment.offset + 10 * 10 + 4)
    return (
        source,
        so.data.Loader((source, y), batch_size=16, skip_errors=skip_errors, **keywords),
        x,
    )


def test_an_error_names_file_and_offset(tmp_path):
    source, loader, _ = damaged(tmp_path, skip_errors=False)
    before = thread_ids()
    seen = []
    with pytest.raises(
        OSError, match=r"sample 50 can't be read at byte \d+: the file ends there"
    ) as caught:
        keep_last(loader, seen)
    assert np.array_equal(np.concatenate(seen), np.arange(48))
    segment = source.segments[1]
    assert caught.value.filename == segment.path
    assert f"byte {segment.offset + 104}" in str(caught.value)
    assert "data[0]" in str(caught.value)
    assert threads_end(before)


@pytest.mark.parametrize("cache", [None, 700])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("threads", [1, 4])
def test_samples_that_cant_be_read_are_left_out_and_counted(tmp_path, cache, shuffle, threads):
    source, loader, x = damaged(
        tmp_path, skip_errors=True, cache=cache, shuffle=shuffle, threads=threads
    )
    for _ in range(2):
        order = loader.indices()
        with within(10):
            found, labels = collected(loader)
        expected = order[(order < 50) | (order >= 80)]
        assert np.array_equal(labels, expected)
        assert np.array_equal(found, x[expected])
    assert loader.stats.read_errors == 60
    assert loader.stats.samples == 180
    assert source.segments[1].path in loader.stats.errors[0]


def test_a_batch_of_which_nothing_is_left_is_not_handed_out(tmp_path):
    _, loader, _ = damaged(tmp_path, skip_errors=True)
    sizes = [len(y) for _, y in loader]
    assert sizes == [16, 16, 16, 2, 16, 16, 8]  # the fifth would have been samples 64 ... 79


def test_left_out_samples_are_not_mixed(tmp_path):
    x, y = numbered(64, (4, 4))
    source = shards(tmp_path, x, 2)
    os.truncate(source.segments[1].path, source.segments[1].offset + 16)
    loader = so.data.Loader(
        (source, y % 2), batch_size=8, skip_errors=True, classes=2, shuffle=True,
        augment=[so.data.Mixup(1.0)],
    )  # fmt: skip
    images, labels = collected(loader)
    assert len(images) == 33
    np.testing.assert_allclose(labels.sum(1), 1, atol=2e-7)
    assert np.isfinite(images).all()


def test_a_closed_file_is_an_error_and_no_hang(tmp_path):
    x, y = numbered(100)
    source = shards(tmp_path, x, 2)
    loader = so.data.Loader((source, y), batch_size=8)
    next(iter(loader))
    descriptor = source.segments[0].descriptor
    copy = os.dup(descriptor)
    os.close(descriptor)
    try:
        with within(5), pytest.raises(OSError, match="Bad file descriptor"):
            list(loader)
    finally:
        os.dup2(copy, descriptor)
        os.close(copy)


def test_a_fault_later_in_the_epoch_doesnt_spoil_what_is_before(tmp_path):
    """Batches come in their order, whichever thread finds out first."""
    x, y = numbered(10_000, (64,))
    source = shards(tmp_path, x, 10)
    os.truncate(source.segments[9].path, source.segments[9].offset)
    for _ in range(5):
        loader = so.data.Loader((source, y), batch_size=100, prefetch=30, threads=8)
        seen = []
        with pytest.raises(OSError, match="sample 9000 "):
            keep_last(loader, seen)
        assert np.array_equal(np.concatenate(seen), np.arange(9000))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch_size", [16, 120])
def test_a_label_that_is_no_class_is_an_error_also_behind_a_skipped_sample(
    tmp_path, batch_size, threads
):
    source, _, _ = damaged(tmp_path, skip_errors=True)
    labels = np.zeros(120, int)
    loader = so.data.Loader(
        (source, labels), batch_size=batch_size, skip_errors=True, classes=3, threads=threads
    )
    # After the loader looked at them; in a batch that begins with samples that are left out.
    labels[88] = 7
    with pytest.raises(ValueError, match="7"):
        list(loader)


def test_closed_shards_are_read_to_the_end_of_the_loop_but_not_by_another(tmp_path):
    x = np.arange(60_000, dtype=np.float32).reshape(600, 100)
    source = shards(tmp_path, x, 3)
    loader = so.data.Loader(source, batch_size=10, prefetch=1)
    descriptors = [segment.descriptor for segment in source.segments]
    found = []
    for batch in loader:
        source.close()
        found.append(batch.copy())
    assert np.array_equal(np.concatenate(found), x)
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    with pytest.raises(ValueError, match="closed"):
        iter(loader)
