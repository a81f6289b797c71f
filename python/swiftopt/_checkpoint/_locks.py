"""Locks that end with the process that holds them."""

from __future__ import annotations

import fcntl


def lock(handle: int, *, wait: bool) -> bool | None:
    """Lock an open file or directory for this handle alone, until it is closed.

    Returns whether it is locked now; None where the file system has no locks.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
