"""What the header of an array's file says, and the array behind it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal, cast

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._input import Input


@dataclass(frozen=True)
class Header:
    """An array of a file: its elements start at byte `offset`."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    is_fortran: bool = False

    @property
    def size(self) -> int:
        """Return the bytes of the elements."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def order(self) -> Literal["C", "F"]:
        """Return the order of the elements as NumPy calls it."""
        return "F" if self.is_fortran else "C"

    def __str__(self) -> str:
        return f"{self.shape} of {self.dtype}"


def check_size(file: Input, header: Header, size: int | None = None) -> None:
    """Raise DataError if the file can't hold what its header says, before memory is asked for.

    A file that isn't compressed has exactly `size` bytes, or all that it has.
    """
    end = header.offset + header.size
    most = file.most if size is None else size
    if most < end:
        has = f"has at most {most} bytes" if file.is_compressed else f"ends at byte {most}"
        raise file.error(f"{has}; its header says {header}, which end at byte {end}")
    if not file.is_compressed and end < most:
        raise file.error(
            f"has {most} bytes; its header says {header}, which end at byte {end} already"
        )


def read_array(file: Input, header: Header) -> Array:
    """Return the elements that come next, in native byte order."""
    array = _empty(file, header)
    # An array without elements has no memory to view; a 0-d one has no axis to view it along.
    if array.size:
        flat = array.reshape(-1, order="A").view(np.uint8)
        filled = file.fill(memoryview(cast(Any, flat)))
        if filled < header.size:
            raise file.error(
                f"ends at byte {header.offset + filled}; its header says {header}, which end at "
                f"byte {header.offset + header.size}"
            )
    return array.astype(header.dtype.newbyteorder("="), copy=False)


def whole_array(file: Input, header: Header, *, mmap: bool) -> Array:
    """Return all that a file has behind its header, mapped if it is asked for and can be."""
    check_size(file, header)
    if mmap and not file.is_compressed and header.dtype.isnative:
        return mapped_array(file, header)
    array = read_array(file, header)
    file.check_end()
    return array


def mapped_array(file: Input, header: Header) -> Array:
    """Return the elements where they lie in the file, read-only; its size has been checked."""
    if not header.size:
        return _empty(file, header)
    try:
        return np.memmap(
            file.path,
            header.dtype,
            mode="r",
            offset=header.offset,
            shape=header.shape,
            order=header.order,
        )
    except ValueError as error:
        raise file.error(f"its header says {header}, which NumPy can't hold: {error}") from error


def _empty(file: Input, header: Header) -> Array:
    try:
        return np.empty(header.shape, header.dtype, order=header.order)
    except ValueError as error:  # too many axes, or too long ones beside one of length 0
        raise file.error(f"its header says {header}, which NumPy can't hold: {error}") from error
