"""What a step reads and writes: the byte mix that the limit's loop repeats."""

from __future__ import annotations

from collections.abc import Sequence

from .rules import Array

#: How a pass uses an array; the values are limit.c's.
READ, UPDATE, FILL = 0, 1, 2
#: Elements that share a scale where states are in 8 bits.
BLOCK = 256

Stream = tuple[Array, int]
#: For each tensor the arrays that one pass over the problem touches.
Pass = list[list[Stream]]

_TIMES = {READ: 1, UPDATE: 2, FILL: 1}


def bytes_moved(passes: Sequence[Pass]) -> int:
    """Bytes that all passes read plus the bytes that they write."""
    return sum(
        array.nbytes * _TIMES[access]
        for one in passes
        for tensor in one
        for array, access in tensor
    )
