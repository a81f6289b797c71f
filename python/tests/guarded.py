"""Arrays that end, or begin, where a page begins that can't be touched.

Run as a program it makes every call of the reference rows on such arrays: a kernel that reads
or writes one element too many ends the process.
"""

import contextlib
import ctypes
import mmap
import sys

import numpy as np

PAGE = mmap.PAGESIZE
PROT_NONE = 0

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def guarded(array: np.ndarray, at_end: bool) -> np.ndarray:
    """A copy whose last (first) element lies beside a page that can't be touched."""
    pages = max(1, -(-array.nbytes // PAGE))
    room = mmap.mmap(-1, (pages + 1) * PAGE)
    flat = np.frombuffer(room, np.uint8)
    address = flat.ctypes.data
    forbidden = address + pages * PAGE if at_end else address
    start = pages * PAGE - array.nbytes if at_end else PAGE
    copy = flat[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    if _libc.mprotect(forbidden, PAGE, PROT_NONE) != 0:
        raise OSError(ctypes.get_errno(), "mprotect failed")
    return copy


def other_sizes(sizes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The sizes with one of them changed, or with two exchanged."""
    changed = [
        (*sizes[:place], value, *sizes[place + 1 :])
        for place in range(len(sizes))
        for value in {0, 1, 2, 3, sizes[place] - 1, sizes[place] + 1} - {sizes[place], -1}
    ]
    exchanged = [
        (*sizes[:place], sizes[place + 1], sizes[place], *sizes[place + 2 :])
        for place in range(len(sizes) - 1)
        if sizes[place] != sizes[place + 1]
    ]
    return changed + exchanged


def main() -> None:
    """Make every call twice, with the guards at either end.

    And with other sizes, which either don't fit the arrays or are harmless.
    """
    from python.tests.layer_calls import CASES, DTYPES, make_call

    from swiftopt import _core

    for name, index in CASES:
        for dtype in DTYPES:
            for at_end in (True, False):
                call = make_call(name, index, dtype)
                for array, given in call.arrays.items():
                    if given is not None:
                        call.arrays[array] = guarded(given, at_end)
                print(name, index, dtype, flush=True)
                call.run()
                arrays = [call.arrays[array] for array, *_ in call.described]
                for sizes in other_sizes(call.case.sizes):
                    with contextlib.suppress(ValueError):
                        _core.LayerCall(name, arrays, sizes, call.case.settings)()


if __name__ == "__main__":
    main()
    sys.exit(0)
