"""Opening a file by what it is."""

from __future__ import annotations

import os
from pathlib import Path

from swiftopt._arrays import Array
from swiftopt.data._csv import read_csv
from swiftopt.data._idx import TYPES, read_idx
from swiftopt.data._input import Input
from swiftopt.data._npy import MAGIC, read_npy
from swiftopt.data._npz import MAGICS, read_npz
from swiftopt.data._shards import Shards

_BY_NAME = {".idx": "idx", ".npy": "npy", ".npz": "npz", ".csv": ",", ".tsv": "\t"}


def open(  # noqa: A001 (named as what it does; used as data.open)
    path: str | os.PathLike[str], *, mmap: bool = True
) -> Array | dict[str, Array] | Shards:
    """Open a data file, or a folder of shards, as what its content says that it is.

    What the content leaves open (a damaged file, or text) is decided by the name, with or
    without `.gz`: .idx, .npy, .npz, .csv (commas) or .tsv (tabs).

    Parameters
    ----------
    path : str or path
        A file, or a folder, whose .npy files are the shards of one array.
    mmap : bool
        Map elements where they lie in the file instead of reading them, if that can be.

    Returns
    -------
    array, dict of str to array, or Shards
        What `read_idx`, `read_npy`, `read_npz` (a dict) or `read_csv` return, or `Shards` for a
        folder.

    Raises
    ------
    DataError
        If the file is of no known kind, or damaged.
    OSError
        If it can't be read.

    Examples
    --------
    >>> import numpy as np, swiftopt as so, tempfile
    >>> directory = tempfile.TemporaryDirectory()
    >>> np.save(f"{directory.name}/x.npy", np.zeros((2, 3)))
    >>> so.data.open(f"{directory.name}/x.npy").shape
    (2, 3)
    >>> so.data.open(directory.name)
    <Shards: 1 file, (2, 3) of float64>
    >>> directory.cleanup()
    """
    if Path(path).is_dir():
        return Shards(path)
    kind = _kind(path)
    if kind == "idx":
        return read_idx(path, mmap=mmap)
    if kind == "npy":
        return read_npy(path, mmap=mmap)
    if kind == "npz":
        return read_npz(path, mmap=mmap)
    return read_csv(path, delimiter=kind)


def _kind(path: str | os.PathLike[str]) -> str:
    with Input(path) as file:
        suffixes = [suffix.lower() for suffix in file.path.suffixes if suffix.lower() != ".gz"]
        named = _BY_NAME.get(suffixes[-1]) if suffixes else None
        try:
            start = file.read(8)
        except ValueError:  # damaged; the reader that its name asks for says how
            if named is None:
                raise
            return named
        if start.startswith(MAGIC):
            return "npy"
        if start.startswith(MAGICS):
            return "npz"
        if len(start) >= 4 and start[:2] == b"\0\0" and start[2] in TYPES:
            return "idx"
        if not start:
            raise file.error("is empty")
        if named is None:
            raise file.error(
                f"starts with {start!r}: it is neither IDX nor .npy nor .npz, and its name doesn't "
                "end in .csv or .tsv"
            )
        return named
