"""Many files as one source of samples: any selection is that of the arrays put together."""

import copy
import gc
import os
import pickle
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .data_files import gzipped, idx_bytes, npy_bytes, npz_bytes, outcome, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("shards")


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def as_npy(array):
    return npy_bytes(array), "npy"


def as_npz(array):
    return npz_bytes(x=array), "npz"


def as_idx(array):
    return idx_bytes(array), "idx"


def write_shards(folder, counts, sample=(3, 2), *, dtype=np.uint8, form=as_npy):
    """Files of so many samples; also what they are together."""
    total = sum(counts)
    whole = np.random.default_rng(1).integers(0, 200, (total, *sample)).astype(dtype)
    paths, begin = [], 0
    for number, count in enumerate(counts):
        content, suffix = form(whole[begin : begin + count])
        paths.append(written(folder, content, f"shard-{number:04}.{suffix}"))
        begin += count
    return paths, whole


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    sample=st.sampled_from([(), (1,), (3, 2), (0,)]),
    dtype=st.sampled_from(["u1", "f4", "f8", "?", "c8"]),
    form=st.sampled_from([as_npy, as_npz]),
    data=st.data(),
)
def test_any_samples_are_read(folder, counts, sample, dtype, form, data):
    paths, whole = write_shards(folder, counts, sample, dtype=dtype, form=form)
    shards = so.data.Shards(paths)
    assert shards.shape == whole.shape
    assert shards.dtype == whole.dtype
    assert shards.nbytes == whole.nbytes
    assert [segment.count for segment in shards.segments] == counts
    count = len(whole)
    chosen = data.draw(
        st.lists(st.integers(-count, count - 1), max_size=12) if count else st.just([])
    )
    expected = whole[np.array(chosen, np.int64)]
    np.testing.assert_array_equal(shards[chosen], expected, strict=True)
    out = np.full_like(expected, 1)
    assert shards.read(chosen, out) is out
    np.testing.assert_array_equal(out, expected)
    begin, end = sorted((data.draw(st.integers(-1, count)), data.draw(st.integers(-1, count))))
    np.testing.assert_array_equal(shards[begin:end:2], whole[begin:end:2], strict=True)
    mask = np.arange(count) % 2 == 0
    np.testing.assert_array_equal(shards[mask], whole[mask], strict=True)
    for index in chosen[:2]:
        np.testing.assert_array_equal(shards[index], whole[index])
    shards.close()


def test_the_segments_are_where_the_samples_lie(tmp_path):
    for form in (as_npy, as_npz, as_idx):
        paths, whole = write_shards(tmp_path, [2, 5], form=form)
        shards, begin = so.data.Shards(paths), 0
        for segment, path in zip(shards.segments, paths, strict=True):
            assert segment.path == str(path)
            size = segment.count * shards.sample_bytes
            content = os.pread(segment.descriptor, size, segment.offset)
            assert content == whole[begin : begin + segment.count].tobytes()
            begin += segment.count
        shards.close()


def test_folders_and_patterns_are_sorted_by_name(tmp_path):
    for name, value in (("b.npy", 2), ("a.npy", 1), ("c.npy", 3), (".hidden.npy", 9)):
        np.save(tmp_path / name, np.full((1, 2), value))
    (tmp_path / "notes.txt").write_text("not a shard")
    (tmp_path / "folder.npy").mkdir()
    for paths in (tmp_path, str(tmp_path), f"{tmp_path}/*.npy", f"{tmp_path}/[abc].npy"):
        if paths == f"{tmp_path}/*.npy":
            (tmp_path / "folder.npy").rmdir()
        assert so.data.Shards(paths)[:][:, 0].tolist() == [1, 2, 3]
    assert so.data.open(tmp_path)[[2]].tolist() == [[3, 3]]
    reverse = [tmp_path / "c.npy", str(tmp_path / "a.npy")]
    assert so.data.Shards(reverse)[:][:, 0].tolist() == [3, 1]
    assert so.data.Shards(path for path in reverse).shape == (2, 2)
    assert so.data.Shards(tmp_path / "b.npy")[0].tolist() == [2, 2]


def test_members_of_npz_files(tmp_path):
    x, y = np.arange(6).reshape(3, 2), np.arange(3)
    for number in range(2):
        np.savez(tmp_path / f"{number}.npz", images=x + number, labels=y)
    images, labels = (so.data.Shards(tmp_path, member=name) for name in ("images", "labels"))
    np.testing.assert_array_equal(images[:], np.concatenate([x, x + 1]))
    np.testing.assert_array_equal(labels[:], np.concatenate([y, y]))
    with pytest.raises(so.data.DataError, match=r"0\.npz: has the arrays 'images', 'labels'; name"):
        so.data.Shards(tmp_path)
    with pytest.raises(so.data.DataError, match=r"0\.npz: has no array 'z'"):
        so.data.Shards(tmp_path, member="z")


# ------------------------------------------------------------------------ refusals


X = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzipped(npy_bytes(X)), "is compressed by gzip"),
        (npz_bytes(compressed=True, x=X), "its array x.npy is compressed; .* np.savez"),
        (npy_bytes(X.astype(">f4")), "its elements are >f4, in foreign byte order"),
        (idx_bytes(X), "its elements are >f4, in foreign byte order"),
        (npy_bytes(np.asfortranarray(X)), "is in Fortran order"),
        (npy_bytes(np.float32(3)), "holds a single number"),
        (npy_bytes(X)[:-1], "ends at byte 151; its header says"),
        (npy_bytes(X) + b"x", "has 153 bytes; its header says"),
        (b"nonsense", "starts with b'nonsen'"),
        (b"", "starts with b''"),
        (npy_bytes(X.astype(np.float64)), r"its samples are \(2,\) of float64; those of .*first"),
        (npy_bytes(X[:, :1]), r"its samples are \(1,\) of float32; those of .* are \(2,\) of"),
    ],
)  # fmt: skip
def test_files_that_dont_fit_are_named(tmp_path, content, message):
    first = written(tmp_path, npy_bytes(X), "first.npy")
    second = written(tmp_path, content, "second.npy")
    gc.collect()
    before = open_files()
    with pytest.raises(so.data.DataError, match=rf"second\.npy: {message}"):
        so.data.Shards([first, second])
    gc.collect()
    assert open_files() == before


GOOD = [npy_bytes(X), npz_bytes(x=X), idx_bytes(X.astype(np.uint8))]


@given(
    content=st.sampled_from(GOOD),
    change=st.tuples(st.integers(0, 400), st.integers(1, 255)),
    end=st.integers(0, 500),
)
def test_damaged_files_are_read_within_their_bounds_or_refused(folder, content, change, end):
    damaged = bytearray(content)
    damaged[change[0] % len(damaged)] ^= change[1]
    path = written(folder, bytes(damaged[:end]))
    shards = outcome(lambda: so.data.Shards(path), so.data.DataError)
    if isinstance(shards, so.data.DataError):
        assert str(path) in str(shards)
        return
    (segment,) = shards.segments
    assert segment.offset + shards.nbytes <= path.stat().st_size
    assert shards[:].nbytes == shards.nbytes
    shards.close()


def test_arguments_that_dont_fit(tmp_path):
    path = written(tmp_path, npy_bytes(X), "x.npy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no file in the folder .*empty ends in"):
        so.data.Shards(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"no file matches .*\*\.npz"):
        so.data.Shards(f"{tmp_path}/*.npz")
    with pytest.raises(FileNotFoundError):
        so.data.Shards(tmp_path / "nothing.npy")
    with pytest.raises(ValueError, match="there are no files"):
        so.data.Shards([])
    with pytest.raises(so.data.DataError, match=r"is no \.npz file, so it has no member"):
        so.data.Shards(path, member="x")
    with pytest.raises(ValueError, match="Shards: cache is 'much'"):
        so.data.Shards(path, cache="much")
    with pytest.raises(ValueError, match="cache must say how many bytes"):
        so.data.Shards(path, cache_directory=tmp_path)
    with pytest.raises(NotADirectoryError, match="isn't a folder"):
        so.data.Shards(path, cache="1MB", cache_directory=path)


@pytest.mark.parametrize("index", [3, -4, [0, 3], [-4], 2**62])
def test_indices_out_of_range(tmp_path, index):
    shards = so.data.Shards(written(tmp_path, npy_bytes(X)))
    with pytest.raises(IndexError, match="out of range; there are 3 samples"):
        shards[index]


@pytest.mark.parametrize("index", [1.0, "1", [0.5], [[0, 1]], None, [True, False]])
def test_indices_of_other_kinds(tmp_path, index):
    shards = so.data.Shards(written(tmp_path, npy_bytes(X)))
    with pytest.raises(IndexError, match="must be integers"):
        shards[index]


def test_outputs_that_dont_fit(tmp_path):
    shards = so.data.Shards(written(tmp_path, npy_bytes(X)))
    frozen = np.empty((1, 2), np.float32)
    frozen.flags.writeable = False
    for out in (
        np.empty((2, 2), np.float32), np.empty((1, 2)), np.empty((1, 4), np.float32)[:, ::2],
        frozen, [[0, 0]],
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"Shards\.read: out"):
            shards.read([0], out)


def test_a_file_that_shrinks_is_noticed(tmp_path):
    path = written(tmp_path, npy_bytes(X))
    shards = so.data.Shards(path)
    os.truncate(path, 140)
    np.testing.assert_array_equal(shards[0], X[0])
    with pytest.raises(so.data.DataError, match="ends at byte 140; it was longer when opened"):
        shards[1]


# -------------------------------------------------------------------------- life


def test_files_close_with_the_object(tmp_path):
    paths, whole = write_shards(tmp_path, [1, 2])
    shards = so.data.Shards(paths)
    descriptors = [segment.descriptor for segment in shards.segments]
    shards.close()
    shards.close()
    with pytest.raises(ValueError, match="the files are closed"):
        shards[0]
    again = so.data.Shards(paths)
    descriptors += [segment.descriptor for segment in again.segments]
    del again
    gc.collect()
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    assert len(whole) == 3


def test_copies_open_the_files_again(tmp_path):
    paths, whole = write_shards(tmp_path, [1, 2])
    shards = so.data.Shards(paths, cache="1MB", cache_directory=tmp_path)
    for other in (pickle.loads(pickle.dumps(shards)), copy.copy(shards), copy.deepcopy(shards)):
        assert (other.cache_bytes, other.cache_directory) == (10**6, str(tmp_path))
        assert other.segments[0].descriptor != shards.segments[0].descriptor
        np.testing.assert_array_equal(other[:], whole)
    assert repr(shards) == "<Shards: 2 files, (3, 3, 2) of uint8>"


def test_too_many_open_files_are_explained(tmp_path):
    paths, _ = write_shards(tmp_path, [1] * 40)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            so.data.Shards(paths)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_paths_that_are_none():
    with pytest.raises(TypeError, match="Shards: paths is 3; it must be a path or a list of them"):
        so.data.Shards(3)
