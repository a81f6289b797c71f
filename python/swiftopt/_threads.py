"""How many threads a step may use."""

from __future__ import annotations

import sys

from swiftopt import _core


def get_num_threads() -> int:
    """Return how many threads a step may use, the calling one included.

    At first that is SWIFTOPT_NUM_THREADS, else OMP_NUM_THREADS, else the number of
    processors that this process may run on.

    Examples
    --------
    >>> import swiftopt as so
    >>> so.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def set_num_threads(count: int) -> None:
    """Set how many threads a step may use; results are the same bits for any number.

    Raises
    ------
    TypeError, ValueError
        If `count` is not a whole number in 1 ... 256.

    Examples
    --------
    >>> import swiftopt as so
    >>> before = so.get_num_threads()
    >>> so.set_num_threads(1)
    >>> so.get_num_threads()
    1
    >>> so.set_num_threads(before)
    """
    _core.set_num_threads(count)


def register_threadpoolctl() -> None:
    """Let the threadpoolctl package see and limit swiftopt's threads.

    Done by itself if threadpoolctl was imported before swiftopt. Without the package this
    raises ImportError.
    """
    from swiftopt._threadpoolctl import register

    register()


if "threadpoolctl" in sys.modules:
    register_threadpoolctl()
