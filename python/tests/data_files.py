"""Data files put together as the formats' descriptions say, and what may go wrong with them."""

import gzip
import io

import numpy as np

#: The codes of IDX, and what they stand for.
IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    """The content of an IDX file."""
    array = np.asarray(array)
    name = array.dtype.str[1:]
    header = bytes((0, 0, IDX_CODES[name], array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(f">{name}").tobytes()


def npy_bytes(array, version=None):
    """The content of a .npy file, as NumPy writes it."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version)
    return file.getvalue()


def npz_bytes(*, compressed=False, **arrays):
    """The content of a .npz file, as NumPy writes it."""
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def gzipped(content):
    return gzip.compress(content, compresslevel=1, mtime=0)


def written(folder, content, name="file"):
    path = folder / name
    path.write_bytes(content)
    return path


def assert_same_bits(result, expected):
    """Shape, dtype in native order, and every bit."""
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype.newbyteorder("=")
    assert result.dtype.isnative
    if not expected.dtype.isnative:
        expected = expected.byteswap().view(result.dtype)
    assert result.tobytes() == expected.tobytes()


def outcome(call, *errors):
    """What a call returns, or which of these errors it raised."""
    try:
        return call()
    except errors as error:
        return error
