"""IDX, .npy and .npz files give the bits that were written.

What is expected was written by NumPy, gzip and zipfile, or put together in data_files.py.
"""

import warnings
import zipfile

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .data_files import (
    IDX_CODES,
    assert_same_bits,
    gzipped,
    idx_bytes,
    npy_bytes,
    npz_bytes,
    written,
)

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="="),
    hnp.integer_dtypes(endianness=">"),
    hnp.floating_dtypes(endianness=">"),
    hnp.floating_dtypes(endianness="="),
    hnp.complex_number_dtypes(),
    hnp.unicode_string_dtypes(min_len=1),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all examples of a property: each writes its file anew."""
    return tmp_path_factory.mktemp("readers")


# ---------------------------------------------------------------------------- the bits


@given(
    data=st.data(), shape=SHAPES, name=st.sampled_from(sorted(IDX_CODES)), is_gzipped=st.booleans()
)
def test_idx_files_are_read_bit_for_bit(folder, data, shape, name, is_gzipped):
    array = data.draw(hnp.arrays(f"<{name}", shape))
    content = idx_bytes(array)
    path = written(folder, gzipped(content) if is_gzipped else content)
    for mmap in (False, True):
        assert_same_bits(so.data.read_idx(path, mmap=mmap), array)
    assert_same_bits(so.data.open(path), array)


@given(
    array=hnp.arrays(NUMBERS, SHAPES),
    is_gzipped=st.booleans(),
    is_fortran=st.booleans(),
    version=st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
def test_npy_files_are_read_bit_for_bit(folder, array, is_gzipped, is_fortran, version):
    if is_fortran:
        array = np.asfortranarray(array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that old NumPy can't read versions 2 and 3
        content = npy_bytes(array, version)
    path = written(folder, gzipped(content) if is_gzipped else content)
    for mmap in (False, True):
        result = so.data.read_npy(path, mmap=mmap)
        assert_same_bits(result, array)
        assert result.flags.f_contiguous == array.flags.f_contiguous
    assert_same_bits(so.data.open(path), array)


@given(
    arrays=st.dictionaries(
        st.text("abc/.é", min_size=1, max_size=5), hnp.arrays(NUMBERS, SHAPES), max_size=3
    ),
    compressed=st.booleans(),
)
def test_npz_files_are_read_bit_for_bit(folder, arrays, compressed):
    arrays = {name.removesuffix(".npy") or "x": array for name, array in arrays.items()}
    path = folder / "file"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else 0) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", npy_bytes(array))
    for result in (so.data.read_npz(path), so.data.open(path), so.data.read_npz(path, mmap=True)):
        assert list(result) == list(arrays)
        for name, array in arrays.items():
            assert_same_bits(result[name], array)


def test_what_can_be_mapped_is_mapped(tmp_path):
    x = np.arange(12, dtype=np.int16).reshape(3, 4)
    np.savez(tmp_path / "stored.npz", x=x)
    np.savez_compressed(tmp_path / "deflated.npz", x=x)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "foreign.npy", x.astype(">i2"))
    written(tmp_path, idx_bytes(x.astype(np.uint8)), "bytes.idx")
    written(tmp_path, idx_bytes(x), "words.idx")
    mapped = {
        path.name: isinstance(opened["x"] if isinstance(opened, dict) else opened, np.memmap)
        for path in tmp_path.iterdir()
        for opened in [so.data.open(path)]
    }
    assert mapped == {
        "stored.npz": True, "deflated.npz": False, "x.npy": True, "foreign.npy": False,
        "bytes.idx": True, "words.idx": False,
    }  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        so.data.open(tmp_path / "x.npy")[0] = 1
    so.data.read_npy(tmp_path / "x.npy")[0] = 1  # an array of one's own


def test_npz_members_can_be_chosen(tmp_path):
    path = written(tmp_path, npz_bytes(x=np.zeros(2), y=np.ones(3)))
    assert list(so.data.read_npz(path, names=["y"])) == ["y"]
    with pytest.raises(so.data.DataError, match="has no array 'z'; its arrays: 'x', 'y'"):
        so.data.read_npz(path, names=["z"])


def test_structured_arrays_are_read(tmp_path):
    array = np.array([(1, 2.5), (3, 4.5)], [("a", ">i4"), ("b", "<f8")])
    path = written(tmp_path, npy_bytes(array))
    np.testing.assert_array_equal(so.data.read_npy(path), array)


READERS = [so.data.read_idx, so.data.read_npy, so.data.read_npz, so.data.read_csv, so.data.open]
IDX = idx_bytes(np.arange(6, dtype=np.uint8).reshape(2, 3))


# --------------------------------------------------------------------------- opening


def test_open_goes_by_content_and_then_by_name(tmp_path):
    assert so.data.open(written(tmp_path, IDX, "x.npy")).shape == (2, 3)
    assert so.data.open(written(tmp_path, b"1,2\n3,4\n", "x.csv")).tolist() == [[1, 2], [3, 4]]
    assert so.data.open(written(tmp_path, b"1\t2\n", "x.v1.tsv")).tolist() == [[1, 2]]
    assert so.data.open(written(tmp_path, gzipped(b"a,b\n1,2\n"), "x.csv.gz")).tolist() == [[1, 2]]
    with pytest.raises(so.data.DataError, match=r"starts with b'1,2\\n': it is neither IDX nor"):
        so.data.open(written(tmp_path, b"1,2\n", "x"))
    with pytest.raises(so.data.DataError, match=r"isn't a \.npy file"):
        so.data.open(written(tmp_path, b"nonsense", "x.npy"))
    with pytest.raises(so.data.DataError, match="isn't an IDX file"):
        so.data.open(written(tmp_path, b"nonsense", "x.idx.gz"))
    with pytest.raises(so.data.DataError, match="whole gzip file"):
        so.data.open(written(tmp_path, gzipped(IDX)[:12], "x"))
    with pytest.raises(FileNotFoundError):
        so.data.open(tmp_path / "nothing")


@pytest.mark.parametrize("reader", READERS)
def test_errors_of_the_system_stay_what_they_are(tmp_path, reader):
    with pytest.raises(FileNotFoundError):
        reader(tmp_path / "nothing.npy")
    if reader is not so.data.open:
        with pytest.raises(IsADirectoryError):
            reader(tmp_path)
    with pytest.raises(TypeError):
        reader(3.5)


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(so.data.DataError, match=r"x: is empty$"):
        so.data.open(tmp_path / "x")
