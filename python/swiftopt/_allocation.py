"""Where new state arrays lie in memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import BFloat16View, bfloat16_view, zeros

_PAGE = 4096

# Bytes from the parameter's place in its page to that of each state array. Large NumPy arrays
# all begin at the same place in a page; a loop over several of them then loads right behind
# stores with the same lower address bits, which processors take for the same address, and
# all streams compete for the same sets of the cache. Apart, rules that compute little and
# rules with many states are 10 to 25 % faster in the cache.
_OFFSETS = (1024, 2048, 3072, 512, 1536, 2560, 3584)

# Smaller arrays are mostly many, and padding would cost them more than it gains.
_LEAST_BYTES = 4 * _PAGE


def state_zeros(shape: tuple[int, ...], kind: str, parameter: Array, place: int) -> Array:
    """Return a new array of zeros, the one with number `place` of a parameter's state.

    `kind` is one of `swiftopt._dtypes.KINDS`, or "uint8" for the codes of 8-bit blocks.
    """
    if kind == "uint8":
        return _staggered_zeros(shape, np.dtype(np.uint8), parameter, place)
    small = zeros((0,), kind)  # knows what stands for bfloat16 here
    array = _staggered_zeros(shape, small.dtype, parameter, place)
    return bfloat16_view(array) if isinstance(small, BFloat16View) else array


def _staggered_zeros(
    shape: tuple[int, ...], dtype: np.dtype[Any], parameter: Array, place: int
) -> Array:
    size = prod(shape) * dtype.itemsize
    if size < _LEAST_BYTES:
        return np.zeros(shape, dtype)
    memory = np.zeros(size + _PAGE, np.uint8)
    target = parameter.ctypes.data + _OFFSETS[place % len(_OFFSETS)]
    # Element addresses stay aligned: the parameter is aligned to its own, at least 2.
    target -= target % 8
    begin = (target - memory.ctypes.data) % _PAGE
    return memory[begin : begin + size].view(dtype).reshape(shape)
