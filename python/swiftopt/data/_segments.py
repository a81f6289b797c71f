"""Where the samples of a shard lie in its file."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swiftopt.data._header import Header, check_size
from swiftopt.data._idx import TYPES, idx_header
from swiftopt.data._input import Input
from swiftopt.data._npy import MAGIC, npy_header
from swiftopt.data._npz import MAGICS, array_members, find, open_archive, stored_header

_SUFFIXES = (".npy", ".npz", ".idx", "-ubyte")

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class Segment:
    """Samples that follow each other in an open file."""

    path: str
    descriptor: int
    offset: int
    count: int


def shard_paths(paths: Paths) -> list[Path]:
    """Return the files that are meant: of a folder or a pattern sorted by name, else as given."""
    if not isinstance(paths, str | os.PathLike):
        if not isinstance(paths, Iterable):
            raise TypeError(f"Shards: paths is {paths!r}; it must be a path or a list of them")
        files = [Path(path) for path in paths]
        if not files:
            raise ValueError("Shards: there are no files")
        return files
    place = Path(paths)
    if place.is_dir():
        files = sorted(
            path
            for path in place.iterdir()
            if path.name.endswith(_SUFFIXES) and not path.name.startswith(".") and path.is_file()
        )
        if not files:
            raise FileNotFoundError(
                f"Shards: no file in the folder {place} ends in {', '.join(_SUFFIXES)}"
            )
        return files
    if place.exists() or not glob.has_magic(str(place)):
        return [place]
    files = [Path(path) for path in sorted(glob.glob(str(place), recursive=True))]  # noqa: PTH207 (it may be absolute)
    if not files:
        raise FileNotFoundError(f"Shards: no file matches {place}")
    return files


def open_segment(path: Path, member: str | None) -> tuple[Segment, np.dtype[Any], tuple[int, ...]]:
    """Open a shard; return it with the dtype and the shape of its samples."""
    with Input(path) as file:
        header = _header(file, member)
        if not header.shape:
            raise file.error("holds a single number; a shard must have an axis of samples")
        if not header.dtype.isnative:
            raise file.error(
                f"its elements are {header.dtype}, in foreign byte order; shards are read as they "
                "are, so convert it: np.save(new_path, so.data.open(path))"
            )
        if header.is_fortran and len(header.shape) > 1:
            raise file.error(
                "is in Fortran order, which tears samples apart; convert it: "
                "np.save(new_path, np.ascontiguousarray(so.data.open(path)))"
            )
        try:
            descriptor = os.dup(file.raw.fileno())
        except OSError as error:
            if error.errno == errno.EMFILE:
                error.strerror = "Too many open files: raise `ulimit -n`, or use larger shards"
            error.filename = str(path)
            raise
    segment = Segment(str(path), descriptor, header.offset, header.shape[0])
    return segment, header.dtype, header.shape[1:]


def _header(file: Input, member: str | None) -> Header:
    if file.is_compressed:
        raise file.error("is compressed by gzip; shards are read in pieces, so unpack it first")
    start = file.read(6)
    file.seek(0)
    if start.startswith(MAGICS):
        members = array_members(open_archive(file))
        if member is None and len(members) != 1:
            raise file.error(f"has the arrays {', '.join(map(repr, members))}; name a member")
        info = find(file, members, next(iter(members)) if member is None else member)
        if info.compress_size != info.file_size:
            raise file.error(
                f"its array {info.filename} is compressed; shards are read in pieces, so write it "
                "with np.savez"
            )
        return stored_header(file, info)
    if member is not None:
        raise file.error("is no .npz file, so it has no member")
    is_idx = len(start) >= 4 and start[:2] == b"\0\0" and start[2] in TYPES
    if not is_idx and start != MAGIC:
        raise file.error(f"starts with {start!r}: it is neither .npy nor .npz nor IDX")
    header = idx_header(file) if is_idx else npy_header(file)
    check_size(file, header)
    return header
