"""Damaged and hostile data files are refused, with the file and the byte.

What is damaged was written by NumPy, gzip and zipfile, or put together in data_files.py.
"""

import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .data_files import gzipped, idx_bytes, npy_bytes, npz_bytes, outcome, written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


IDX = idx_bytes(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize("length", range(len(IDX)))
@pytest.mark.parametrize("mmap", [False, True])
def test_truncated_idx_files(tmp_path, length, mmap):
    path = written(tmp_path, IDX[:length])
    with pytest.raises(so.data.DataError, match=rf"file: ends at byte {length}[,;]"):
        so.data.read_idx(path, mmap=mmap)
    # The same in an undamaged gzip file.
    path = written(tmp_path, gzipped(IDX[:length]))
    with pytest.raises(so.data.DataError, match=rf"file: ends at byte {length}[,;]"):
        so.data.read_idx(path, mmap=mmap)


NPY = npy_bytes(np.arange(6, dtype=np.int32).reshape(2, 3))


@pytest.mark.parametrize("length", [*range(12), 40, 127, 128, 129, len(NPY) - 1])
def test_truncated_npy_files(tmp_path, length):
    for content in (NPY[:length], gzipped(NPY[:length])):
        path = written(tmp_path, content)
        with pytest.raises(so.data.DataError, match=rf"file: ends at byte {length}[,;]"):
            so.data.read_npy(path)


@pytest.mark.parametrize("reader", [so.data.read_idx, so.data.read_npy])
def test_what_follows_the_last_element_is_refused(tmp_path, reader):
    content = (IDX if reader is so.data.read_idx else NPY) + b"\0"
    end = len(content) - 1
    with pytest.raises(so.data.DataError, match=f"end at byte {end} already"):
        reader(written(tmp_path, content))
    with pytest.raises(so.data.DataError, match=f"goes on after byte {end}"):
        reader(written(tmp_path, gzipped(content)))


@pytest.mark.parametrize("length", range(2, len(gzipped(IDX))))
def test_a_gzip_file_that_is_cut_anywhere(tmp_path, length):
    with pytest.raises(so.data.DataError, match=r"isn't a whole gzip file|at most"):
        so.data.read_idx(written(tmp_path, gzipped(IDX)[:length]))


def test_a_gzip_file_whose_checksum_is_wrong(tmp_path):
    content = bytearray(gzipped(IDX))
    content[-8] ^= 1
    with pytest.raises(so.data.DataError, match=r"whole gzip file: CRC.*after byte 18 of its"):
        so.data.read_idx(written(tmp_path, bytes(content)))
    with pytest.raises(so.data.DataError, match="whole gzip file"):
        so.data.read_idx(written(tmp_path, gzipped(IDX) + b"no gzip"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no IDX", r"isn't an IDX file: it starts with b'no I'"),
        (b"\0\0\x0a\1" + bytes(4), "byte 2 of its IDX header says element type 0x0a"),
        (b"\0\0\x08\x03" + 12 * b"\xff", r"ends at byte 16; its header says \(4294967295, "),
        (gzipped(b"\0\0\x08\x03" + 12 * b"\xff"), "has at most"),
        (b"\0\0\x08\x05" + 16 * b"\xff" + bytes(4), "which NumPy can't hold"),
        (b"\0\0\x08\xff" + 255 * b"\0\0\0\1" + b"x", "which NumPy can't hold"),
    ],
)
def test_hostile_idx_headers(tmp_path, content, message):
    path = written(tmp_path, content)
    for mmap in (False, True):
        with pytest.raises(so.data.DataError, match=message):
            so.data.read_idx(path, mmap=mmap)


def npy_with(header, version=(1, 0)):
    text = header.encode("latin-1")
    return b"\x93NUMPY" + bytes(version) + len(text).to_bytes(2, "little") + text


def npy_of(descr="'<i4'", order="False", shape="(1,)"):
    return npy_with(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}") + bytes(4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x93NUMPX\1\0" + bytes(9), "isn't a .npy file"),
        (npy_with("", (4, 0)), r"is .npy of version 4\.0"),
        (npy_with("", (1, 1)), r"is .npy of version 1\.1"),
        (npy_with("{"), "its .npy header at byte 10 can't be read"),
        (npy_with("-" * 9999), "can't be read"),
        (npy_with("(" * 9999), "can't be read"),
        (npy_with("__import__('os')"), "can't be read"),
        (npy_with("{[]: 1}"), "can't be read"),
        (npy_with("3"), "it must be a dict"),
        (npy_with("{'descr': '<i4'}"), "it must be a dict"),
        (npy_with(" " * 10_001), "its .npy header is 10001 bytes long"),
        (npy_of(shape="(-1,)"), r"has the shape \(-1,\)"),
        (npy_of(shape="[1]"), r"has the shape \[1\]"),
        (npy_of(shape="(True,)"), r"has the shape \(True,\)"),
        (npy_of(shape="(1.0,)"), r"has the shape \(1\.0,\)"),
        (npy_of(shape=f"({10**400},)"), "ends at byte"),
        (npy_of(shape=f"({2**62}, {2**62}, 0)"), "which NumPy can't hold|end at byte"),
        (npy_of(shape=f"({70 * '1, '})"), "which NumPy can't hold"),
        (npy_of(order="0"), "has the fortran_order 0"),
        (npy_of(descr="'nonsense'"), "has the dtype 'nonsense', which NumPy doesn't know"),
        (npy_of(descr="{'a': 1}"), "which NumPy doesn't know"),
        (npy_of(descr="[('a',)]"), "which NumPy doesn't know"),
        (npy_of(descr="17"), "which NumPy doesn't know"),
        (npy_of(descr="'|O'"), "holds pickled Python objects"),
        (npy_of(descr="[('a', '|O')]"), "holds pickled Python objects"),
        (npy_of(descr="'<U0'"), "elements have no bytes"),
    ],
)
def test_hostile_npy_headers(tmp_path, content, message):
    path = written(tmp_path, content)
    for mmap in (False, True):
        with pytest.raises(so.data.DataError, match=message):
            so.data.read_npy(path, mmap=mmap)


def test_pickles_are_never_loaded(tmp_path):
    path = tmp_path / "objects.npy"
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(so.data.DataError, match="pickled"):
        so.data.open(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_an_npz_file_that_is_cut_anywhere(tmp_path, compressed):
    content = npz_bytes(compressed=compressed, x=np.arange(5))
    for length in range(len(content)):
        with pytest.raises(so.data.DataError, match="file: "):
            so.data.read_npz(written(tmp_path, content[:length]))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("bit", [0, 7])
def test_any_byte_of_an_npz_file_may_be_wrong(tmp_path, compressed, mmap, bit):
    """It is refused, or what is read is right, or the wrong byte is one that nobody checks."""
    x = np.arange(3, dtype=np.uint8)
    good = npz_bytes(compressed=compressed, x=x)
    refused = 0
    for position in range(len(good)):
        content = bytearray(good)
        content[position] ^= 1 << bit
        try:
            arrays = so.data.read_npz(written(tmp_path, bytes(content)), mmap=mmap)
        except so.data.DataError:
            refused += 1
            continue
        for name, array in arrays.items():
            if not (mmap and not compressed) and name == "x":
                np.testing.assert_array_equal(array, x)
    assert refused > (len(good) // 8 if mmap and not compressed else len(good) // 3)


def patched(content, offset, form, value):
    return content[:offset] + struct.pack(form, value) + content[offset + struct.calcsize(form) :]


def test_hostile_npz_directories(tmp_path):
    content = npz_bytes(x=np.arange(100))
    directory = content.rindex(b"PK\1\2")
    huge = patched(patched(content, directory + 20, "<I", 2**31), directory + 24, "<I", 2**31)
    elsewhere = patched(content, directory + 42, "<I", 5)
    encrypted = patched(content, directory + 8, "<H", 1)
    bzip2 = patched(content, directory + 10, "<H", zipfile.ZIP_BZIP2)
    for hostile, message in [
        (huge, "which can't be"),
        (elsewhere, "no member at byte 5|can't be read"),
        (encrypted, "is encrypted"),
        (bzip2, "is compressed by method 12"),
        (b"PK\3\4 and no more", "isn't a whole .npz file"),
    ]:
        for mmap in (False, True):
            with pytest.raises(so.data.DataError, match=message):
                so.data.read_npz(written(tmp_path, hostile), mmap=mmap)


READERS = [so.data.read_idx, so.data.read_npy, so.data.read_npz, so.data.read_csv, so.data.open]


@given(
    start=st.sampled_from(
        [b"", IDX[:4], NPY[:8], NPY[:60], NPY, npz_bytes(x=np.zeros(1))[:30], gzipped(IDX)[:15]]
    ),
    rest=st.binary(max_size=200),
    is_gzipped=st.booleans(),
)
def test_readers_of_any_bytes_return_or_raise_data_errors(folder, start, rest, is_gzipped):
    content = start + rest
    path = written(folder, gzipped(content) if is_gzipped else content)
    for reader in READERS:
        result = outcome(lambda reader=reader: reader(path), so.data.DataError)
        assert isinstance(result, np.ndarray | dict) or str(path) in str(result)
