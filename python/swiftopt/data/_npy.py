"""The .npy format of NumPy."""

from __future__ import annotations

import ast
import os
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._errors import shown
from swiftopt.data._header import Header, whole_array
from swiftopt.data._input import Input

MAGIC = b"\x93NUMPY"
# As NumPy's reader has it: a longer one could exhaust the parser of Python literals.
_LONGEST_HEADER = 10_000
_KEYS = {"descr", "fortran_order", "shape"}


def read_npy(path: str | os.PathLike[str], *, mmap: bool = False) -> Array:
    """Read a .npy file (format versions 1 to 3 of `numpy.lib.format`), without ever unpickling.

    Parameters
    ----------
    path : str or path
        The file, as it is or compressed by gzip; its content decides, not its name.
    mmap : bool
        Map the elements where they lie in the file, read-only, instead of reading them. Files
        that are compressed or in foreign byte order are read all the same.

    Returns
    -------
    array
        In native byte order.

    Raises
    ------
    DataError
        If the file is truncated, too long, damaged, something else, or holds Python objects.
    OSError
        If it can't be read.

    Examples
    --------
    >>> import numpy as np, swiftopt as so, tempfile, pathlib
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(directory.name, "x.npy")
    >>> np.save(path, np.arange(6.0).reshape(2, 3))
    >>> so.data.read_npy(path, mmap=True)[1]
    memmap([3., 4., 5.])
    >>> directory.cleanup()
    """
    with Input(path) as file:
        return whole_array(file, npy_header(file), mmap=mmap)


def npy_header(file: Input) -> Header:
    """Read the header of a .npy file, which starts where `file` is."""
    magic = file.exactly(8, "the first eight bytes of a .npy header")
    if magic[:6] != MAGIC:
        raise file.error(f"isn't a .npy file: it starts with {magic[:6]!r}, not with {MAGIC!r}")
    version = magic[6]
    if version not in (1, 2, 3) or magic[7] != 0:
        raise file.error(f"is .npy of version {version}.{magic[7]}; 1.0, 2.0 and 3.0 are known")
    length_bytes = file.exactly(2 if version == 1 else 4, "the length of its .npy header")
    length = int.from_bytes(length_bytes, "little")
    if length > _LONGEST_HEADER:
        raise file.error(f"its .npy header is {length} bytes long; {_LONGEST_HEADER} are allowed")
    start = file.offset
    text = file.exactly(length, f"its .npy header of {length} bytes")
    try:
        values = ast.literal_eval(text.decode("utf-8" if version == 3 else "latin-1").strip())
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise file.error(f"its .npy header at byte {start} can't be read: {error}") from error
    if not isinstance(values, dict) or values.keys() != _KEYS:
        raise file.error(
            f"its .npy header at byte {start} is {shown(values)}; it must be a dict with descr, "
            "fortran_order and shape"
        )
    shape, is_fortran = values["shape"], values["fortran_order"]
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise file.error(f"its .npy header at byte {start} has the shape {shown(shape)}")
    if not isinstance(is_fortran, bool):
        raise file.error(
            f"its .npy header at byte {start} has the fortran_order {shown(is_fortran)}"
        )
    return Header(_dtype(file, values["descr"], start), shape, file.offset, is_fortran)


def _dtype(file: Input, description: Any, start: int) -> np.dtype[Any]:
    try:
        dtype = np.lib.format.descr_to_dtype(description)
    except Exception as error:
        raise file.error(
            f"its .npy header at byte {start} has the dtype {shown(description)}, which NumPy "
            f"doesn't know: {error}"
        ) from error
    if dtype.hasobject:
        raise file.error("holds pickled Python objects, which aren't read: they could run any code")
    if not dtype.itemsize:
        raise file.error(f"has the dtype {dtype}, whose elements have no bytes")
    return dtype
