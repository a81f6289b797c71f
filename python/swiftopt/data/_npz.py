"""The .npz format of NumPy: a zip archive of .npy files."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Iterable

from swiftopt._arrays import Array
from swiftopt.data._header import Header, check_size, mapped_array, read_array
from swiftopt.data._input import GREATEST_RATIO, Input
from swiftopt.data._npy import npy_header

MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
_SUFFIX = ".npy"
_LOCAL_HEADER = struct.Struct("<4s22xHH")


def read_npz(
    path: str | os.PathLike[str], *, mmap: bool = False, names: Iterable[str] | None = None
) -> dict[str, Array]:
    """Read the arrays of a .npz file, without ever unpickling.

    Parameters
    ----------
    path : str or path
        The file.
    mmap : bool
        Map arrays where they lie in the file, read-only, instead of reading them: those that
        `np.savez` stored as they are. What `np.savez_compressed` deflated is read all the
        same. A mapped array isn't compared with its checksum.
    names : iterable of str, optional
        Which arrays; all of them by default.

    Returns
    -------
    dict of str to array
        In the file's order, in native byte order.

    Raises
    ------
    DataError
        If the file is truncated, damaged, something else, encrypted, holds Python objects or
        lacks an array.
    OSError
        If it can't be read.

    Examples
    --------
    >>> import numpy as np, swiftopt as so, tempfile, pathlib
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(directory.name, "xy.npz")
    >>> np.savez(path, x=np.zeros((2, 3)), y=np.arange(2))
    >>> {name: array.shape for name, array in so.data.read_npz(path).items()}
    {'x': (2, 3), 'y': (2,)}
    >>> directory.cleanup()
    """
    with Input(path) as file:
        archive = open_archive(file)
        members = array_members(archive)
        wanted = list(members) if names is None else list(names)
        return {name: _array(file, archive, find(file, members, name), mmap) for name in wanted}


def open_archive(file: Input) -> zipfile.ZipFile:
    """Return a zip archive's directory."""
    try:
        return zipfile.ZipFile(file.raw)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
        raise file.error(f"isn't a whole .npz file: {error}") from error


def array_members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays of an archive by name."""
    return {
        info.filename.removesuffix(_SUFFIX): info
        for info in archive.infolist()
        if info.filename.endswith(_SUFFIX)
    }


def find(file: Input, members: dict[str, zipfile.ZipInfo], name: str) -> zipfile.ZipInfo:
    """Return an array's member; DataError if there is none, or one that can't be read."""
    info = members.get(name)
    if info is None:
        has = ", ".join(map(repr, list(members)[:20])) or "none"
        raise file.error(f"has no array {name!r}; its arrays: {has}")
    if info.flag_bits & 1:
        raise file.error(f"its array {name!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise file.error(
            f"its array {name!r} is compressed by method {info.compress_type}; stored and "
            "deflated ones are read"
        )
    # Sizes of a directory that lies would have memory asked for that no file can fill.
    is_stored = info.compress_type == zipfile.ZIP_STORED
    most = info.compress_size * (1 if is_stored else GREATEST_RATIO)
    if not 0 <= info.header_offset < file.most:
        raise file.error(f"says that its array {name!r} is at byte {info.header_offset}")
    if info.compress_size > file.most or info.file_size > most:
        raise file.error(
            f"says that its array {name!r} has {info.file_size} bytes in {info.compress_size}, "
            "which can't be"
        )
    return info


def stored_header(file: Input, info: zipfile.ZipInfo) -> Header:
    """Return the header of an array that is stored as it is, with its place in the archive."""
    file.seek(info.header_offset)
    magic, name_length, extra_length = _LOCAL_HEADER.unpack(
        file.exactly(_LOCAL_HEADER.size, "the header of a member of the zip archive")
    )
    if magic != MAGICS[0]:
        raise file.error(f"has no member at byte {info.header_offset}, where its directory says so")
    start = file.offset + name_length + extra_length
    if start + info.file_size > file.most:
        raise file.error(
            f"ends at byte {file.most}; its directory says that {info.filename} ends at byte "
            f"{start + info.file_size}"
        )
    file.seek(start)
    header = npy_header(file)
    check_size(file, header, start + info.file_size)
    return header


def _array(file: Input, archive: zipfile.ZipFile, info: zipfile.ZipInfo, mmap: bool) -> Array:
    if mmap and info.compress_type == zipfile.ZIP_STORED:
        header = stored_header(file, info)
        if header.dtype.isnative:
            return mapped_array(file, header)
    try:
        stream = archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error) as error:
        raise file.error(f"its array {info.filename} can't be read: {error}") from error
    with stream:
        member = Input.member(file, info.filename, stream, info.file_size)
        header = npy_header(member)
        check_size(member, header)
        array = read_array(member, header)
        member.check_end()
        return array
