"""so.data.Loader over arrays in memory: what batches hold, and how long."""

import collections
import gc
import resource

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .loading import collected, numbered


@given(st.integers(1, 300), st.integers(1, 350), st.booleans(), st.booleans())
def test_batches_are_the_samples_in_order(count, batch_size, drop_last, shuffle):
    x, y = numbered(count)
    loader = so.data.Loader(
        (x, y), batch_size=batch_size, drop_last=drop_last, shuffle=shuffle, seed=4
    )
    order = loader.indices(0)
    sizes = []
    for index, (images, labels) in enumerate(loader):
        expected = order[index * batch_size : (index + 1) * batch_size]
        assert np.array_equal(labels, expected)
        assert np.array_equal(images, x[expected])
        sizes.append(len(labels))
    assert (
        len(sizes) == len(loader) == (count // batch_size if drop_last else -(-count // batch_size))
    )
    assert all(size == batch_size for size in sizes[:-1])
    assert loader.epoch == 1


def test_batches_have_the_form_of_the_data():
    x, y = numbered(6)
    Pair = collections.namedtuple("Pair", "images labels")
    assert next(iter(so.data.Loader(x, batch_size=2))).shape == (2, 2, 3)
    for data in ((x, y), [x, y]):
        batch = next(iter(so.data.Loader(data, batch_size=2)))
        assert type(batch) is tuple
        assert np.array_equal(batch[1], [0, 1])
    batch = next(iter(so.data.Loader({"images": x, "labels": y}, batch_size=2)))
    assert list(batch) == ["images", "labels"]
    assert np.array_equal(batch["labels"], [0, 1])
    batch = next(iter(so.data.Loader(Pair(x, y), batch_size=2)))
    assert isinstance(batch, Pair)
    assert np.array_equal(batch.labels, [0, 1])


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
     "float32", "float64", "complex64", "complex128", "S3", "U2", "datetime64[s]", ">i4",
     [("a", "u1"), ("b", "<f4")], "V5"],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (1,), (3, 5)])
def test_every_dtype_is_gathered_as_it_is(dtype, shape):
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(0)
    size = 37 * int(np.prod(shape, dtype=int)) * dtype.itemsize
    data = (rng.integers(0, 2, size) if dtype.kind == "b" else rng.integers(0, 100, size)).astype(
        "u1"
    )
    samples = data.view(dtype).reshape(37, *shape)
    loader = so.data.Loader((samples, np.arange(37)), batch_size=8, shuffle=True)
    found, order = collected(loader)
    assert next(iter(loader))[0].dtype == dtype
    # Joining several arrays makes the native byte order of another.
    assert found.astype(dtype).tobytes() == samples[order].tobytes()


def test_bfloat16_is_gathered_as_it_is():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    samples = np.arange(20, dtype=np.float32).astype(ml_dtypes.bfloat16).reshape(10, 2)
    found, order = collected(so.data.Loader((samples, np.arange(10)), batch_size=3, shuffle=True))
    assert found.dtype == ml_dtypes.bfloat16
    assert np.array_equal(found, samples[order])
    bits = so.bfloat16_view(samples.view(np.uint16))
    batch = next(iter(so.data.Loader(bits, batch_size=3)))
    assert isinstance(batch, so.BFloat16View)
    assert np.array_equal(batch, bits[:3])


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a[:, 1:3],
        lambda a: a[5:],
        lambda a: a[:1],
        lambda a: np.broadcast_to(a[3], (20, *a.shape[1:])),
    ],
)
def test_samples_may_lie_apart(view):
    base = np.arange(40 * 4 * 6, dtype=np.int16).reshape(40, 4, 6)
    samples = view(base)
    loader = so.data.Loader((samples, np.arange(len(samples))), batch_size=7, shuffle=True)
    found, order = collected(loader)
    assert np.array_equal(found, samples[order])


def test_fields_of_records_may_lie_at_odd_addresses():
    records = np.zeros(50, [("tag", "u1"), ("x", "<f8", 3), ("y", "<i4")])
    records["x"] = np.arange(150).reshape(50, 3)
    records["y"] = np.arange(50)
    loader = so.data.Loader((records["x"], records["y"]), batch_size=8, shuffle=True, dtype="f4")
    found, order = collected(loader)
    assert np.array_equal(found, records["x"][order].astype(np.float32))


def test_read_only_and_mapped_arrays_are_fine(tmp_path):
    x, y = numbered(30)
    np.save(tmp_path / "x.npy", x)
    x.flags.writeable = False
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for samples in (x, mapped, memoryview(x)):
        found, order = collected(so.data.Loader((samples, y), batch_size=7, shuffle=True))
        assert np.array_equal(found, x[order])


def test_lists_are_numbers_too():
    found = next(iter(so.data.Loader(([[1, 2], [3, 4]], range(2)), batch_size=2)))
    assert [field.tolist() for field in found] == [[[1, 2], [3, 4]], [0, 1]]


# ------------------------------------------------------------- lifetime and copies


def test_a_batch_stays_until_the_next_one_is_asked_for():
    x, y = numbered(4000, (50,))
    loader = so.data.Loader((x, y), batch_size=10, prefetch=1, threads=2)
    for images, labels in loader:
        first = labels.copy()
        total = sum(int(images.sum()) for _ in range(3))
        assert total == 3 * int(x[first].sum())
        assert np.array_equal(labels, first)


def test_memory_is_used_again_and_aligned():
    x, y = numbered(200)
    loader = so.data.Loader((x, y), batch_size=8, prefetch=3, dtype=np.float32)
    places = {tuple(field.ctypes.data for field in batch) for _ in range(3) for batch in loader}
    assert len(places) == 4
    assert all(place % 64 == 0 for pair in places for place in pair)


def test_copies_are_the_callers():
    x, y = numbered(100)
    batches = list(so.data.Loader((x, y), batch_size=8, copy=True))
    assert np.array_equal(np.concatenate([labels for _, labels in batches]), y)
    assert np.array_equal(np.concatenate([images for images, _ in batches]), x)


def test_batches_outlive_the_loader():
    batch = next(iter(so.data.Loader(np.arange(10), batch_size=4)))
    gc.collect()
    assert batch.tolist() == [0, 1, 2, 3]


def test_epochs_take_no_further_memory():
    x, y = numbered(20_000, (28, 28))
    loader = so.data.Loader((x, y), batch_size=128, shuffle=True, dtype=np.float32)
    for _ in loader:
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        for _ in loader:
            pass
    # 5 epochs of float32 would be 310 MB; an epoch's indices, 160 KB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096


# ------------------------------------------------------------------- same bits


@pytest.mark.parametrize("kind", ["shuffle", "weighted", "sizes"])
def test_threads_and_prefetch_change_nothing(kind):
    x, y = numbered(1000, (28, 28))
    keywords = {
        "shuffle": {"shuffle": True, "batch_size": 64},
        "weighted": {"sampler": so.data.Weighted(y + 1.0), "batch_size": 64},
        "sizes": {"sampler": so.data.BatchBySize(y % 9 + 1, 300)},
    }[kind]
    augment = [so.data.RandomCrop(28, padding=3), so.data.GaussianNoise(0.1)]
    results = []
    for threads, prefetch in ((1, 1), (2, 1), (3, 5), (8, 40)):
        loader = so.data.Loader(
            (x, y), seed=3, augment=augment, threads=threads, prefetch=prefetch, **keywords
        )
        results.append([*collected(loader), *collected(loader)])
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            assert found.tobytes() == expected.tobytes()


def test_batch_size_changes_no_sample():
    x, y = numbered(300, (8, 8, 3))
    augment = [so.data.RandomHorizontalFlip(), so.data.ColorJitter(brightness=0.4)]
    results = [
        collected(so.data.Loader((x, y), batch_size=size, shuffle=True, augment=augment))
        for size in (1, 7, 300, 1000)
    ]
    for result in results[1:]:
        assert result[0].tobytes() == results[0][0].tobytes()


def test_augmentations_differ_between_draws_of_a_sample():
    x = np.zeros((1, 8, 8), np.float32)
    loader = so.data.Loader(
        x,
        batch_size=50,
        sampler=so.data.Weighted([1], length=50),
        augment=[so.data.GaussianNoise(1)],
    )
    assert len(np.unique(next(iter(loader))[:, 0, 0])) == 50


def test_an_augmenting_loader_gives_what_augment_gives():
    x, y = numbered(100, (12, 10, 3))
    ops = [
        so.data.RandomCrop((10, 10), padding=2),
        so.data.RandomHorizontalFlip(),
        so.data.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]),
    ]
    loader = so.data.Loader((x, y), batch_size=16, shuffle=True, seed=8, augment=ops)
    for epoch in range(2):
        found, order = collected(loader)
        expected = so.data.augment(x, ops, seed=8, epoch=epoch)
        assert found.dtype == np.float32
        assert np.array_equal(found, expected[order])


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64])
def test_mixed_pairs_are_the_same_for_any_threads(batch_size):
    x, y = numbered(65, (8, 8, 3))
    results = []
    for threads in (1, 4):
        loader = so.data.Loader(
            (x, y % 10), batch_size=batch_size, shuffle=True, classes=10, threads=threads,
            augment=[so.data.Mixup(0.4)],
        )  # fmt: skip
        results.append(collected(loader))
    images, labels = results[0]
    assert labels.dtype == np.float32
    assert labels.shape == (65, 10)
    np.testing.assert_allclose(labels.sum(1), 1, atol=2e-7)
    assert images.tobytes() == results[1][0].tobytes()
    assert labels.tobytes() == results[1][1].tobytes()
    if batch_size > 2:  # a share of the image is that of the label
        order = so.data.Loader(y, batch_size=batch_size, shuffle=True).indices(0)[:batch_size]
        partners = order[::-1]
        for row in range(batch_size):
            own, other = y[order[row]] % 10, y[partners[row]] % 10
            if own == other:
                continue
            share = labels[row, own]
            blend = share * (x[order[row]] / 255.0) + (1 - share) * (x[partners[row]] / 255.0)
            np.testing.assert_allclose(images[row], blend, atol=1e-6)


def test_classes_make_rows_of_labels():
    x, y = numbered(20)
    found = next(iter(so.data.Loader((x, y % 3), batch_size=20, classes=3)))
    assert np.array_equal(found[1], np.eye(3, dtype=np.float32)[y % 3])


def test_a_label_that_is_no_class_is_refused(tmp_path):
    x, y = numbered(20)
    with pytest.raises(ValueError, match=r"data\[1\] has the label 3 at sample 3, .* 0 \.\.\. 2"):
        so.data.Loader((x, y % 4), batch_size=20, classes=3)
    with pytest.raises(ValueError, match="has the label -1 at sample 0"):
        so.data.Loader((x, y - 1), batch_size=20, classes=30)
    np.save(tmp_path / "labels.npy", y % 4)  # mapped, and not read beforehand
    mapped = so.data.open(tmp_path / "labels.npy")
    with pytest.raises(ValueError, match=r"label is 3; it must be in 0 \.\.< classes"):
        next(iter(so.data.Loader((x, mapped), batch_size=20, classes=3)))


# ---------------------------------------------------------------------- stats


def test_stats_count_what_was_handed_out():
    x, y = numbered(100)
    loader = so.data.Loader((x, y), batch_size=30)
    for _ in loader:
        pass
    stats = loader.stats
    assert (stats.batches, stats.samples, stats.read_errors) == (4, 100, 0)
    assert 0 < stats.wait_seconds <= stats.total_seconds
    assert 0 < stats.wait_share <= 1
    assert "4 batches, 100 samples" in repr(stats)
    stats.reset()
    assert (stats.batches, stats.wait_seconds, stats.wait_share) == (0, 0, 0)


def test_the_share_of_waiting_is_that_of_the_time():
    """Training that takes 5 ms a batch, which native threads fill in far less, waits little; a
    source that takes 10 ms a batch makes training that does nothing wait always."""
    import time

    x, _ = numbered(200)
    loader = so.data.Loader(x, batch_size=10)
    for _ in loader:
        time.sleep(0.005)
    assert loader.stats.total_seconds > 0.09
    assert loader.stats.wait_share < 0.3

    class Slow:
        shape, dtype = (40, 2), np.dtype(np.float32)

        def read(self, indices, out):
            time.sleep(0.01)
            out[:] = 0

    loader = so.data.Loader(Slow(), batch_size=10)
    for _ in loader:
        pass
    assert loader.stats.wait_share > 0.8


def test_a_sampler_may_change_its_array_during_the_epoch():
    class Reused:
        def __init__(self):
            self.order = np.arange(1000)

        def indices(self, epoch):
            np.random.default_rng(epoch).shuffle(self.order)
            return self.order

    loader = so.data.Loader(np.arange(1000), batch_size=10, sampler=Reused(), prefetch=1)
    found = []
    for batch in loader:
        found.append(batch.copy())
        loader.indices(7)
    assert np.array_equal(np.sort(np.concatenate(found)), np.arange(1000))
