"""Arrays of indices, which layers read."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt.nn.functional._arrays import contiguous

_DTYPES = (np.dtype(np.uint8), np.dtype(np.int32), np.dtype(np.int64))


def indices(function: str, name: str, array: object) -> Array:
    """Return an argument as an array of indices.

    Raises TypeError if its dtype isn't uint8, int32 or int64, ValueError if it isn't contiguous.
    """
    given = as_array(array, f"{function}: {name}")
    if given.dtype not in _DTYPES:
        raise TypeError(
            f"{function}: {name} has dtype {given.dtype}; it must be uint8, int32 or int64 "
            f"({name}.astype(np.int64) converts integers)"
        )
    contiguous(function, name, given)
    return given
