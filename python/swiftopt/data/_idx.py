"""IDX, the format of MNIST and its relatives."""

from __future__ import annotations

import os

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._header import Header, whole_array
from swiftopt.data._input import Input

#: Element types by their code; what has several bytes is big-endian.
TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str], *, mmap: bool = False) -> Array:
    """Read an IDX file (Y. LeCun, C. Cortes, C. Burges, "The MNIST database", file formats).

    The header is two zero bytes, the element type, the number of axes and one big-endian 32-bit
    length for each axis; the elements follow, big-endian, last axis fastest.

    Parameters
    ----------
    path : str or path
        The file, as it is or compressed by gzip; its content decides, not its name.
    mmap : bool
        Map the elements where they lie in the file, read-only, instead of reading them. Files
        that are compressed, or whose elements have several bytes, are read all the same.

    Returns
    -------
    array
        uint8, int8, int16, int32, float32 or float64 in native byte order.

    Raises
    ------
    DataError
        If the file is truncated, too long, damaged or something else.
    OSError
        If it can't be read.

    Examples
    --------
    >>> import swiftopt as so, tempfile, pathlib
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(directory.name, "labels.idx")
    >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    11
    >>> so.data.read_idx(path)
    array([7, 2, 1], dtype=uint8)
    >>> directory.cleanup()
    """
    with Input(path) as file:
        return whole_array(file, idx_header(file), mmap=mmap)


def idx_header(file: Input) -> Header:
    """Read the header of an IDX file."""
    magic = file.exactly(4, "the first four bytes of an IDX header")
    if magic[:2] != b"\0\0":
        raise file.error(f"isn't an IDX file: it starts with {magic!r}, not with two zero bytes")
    if magic[2] not in TYPES:
        raise file.error(
            f"byte 2 of its IDX header says element type 0x{magic[2]:02x}; it must be "
            + ", ".join(f"0x{code:02x} ({np.dtype(name).name})" for code, name in TYPES.items())
        )
    lengths = file.exactly(4 * magic[3], f"its IDX header of {4 + 4 * magic[3]} bytes")
    shape = tuple(np.frombuffer(lengths, ">u4").tolist())
    return Header(np.dtype(TYPES[magic[2]]), shape, file.offset)
