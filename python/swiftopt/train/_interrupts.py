"""Ctrl-C between steps instead of within one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interrupted(Exception):  # noqa: N818  (like KeyboardInterrupt, which it becomes)
    """A Ctrl-C where no checkpoint can be written, on its way to where one can."""


class Interrupts:
    """Holds a first Ctrl-C back, if `hold`, until somebody asks for it; a second one acts at once.

    Only in the main thread, which is where signals arrive, and only where Ctrl-C means what it
    means by default.
    """

    def __init__(self, hold: bool) -> None:
        self._hold = (
            hold
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        self._was_pressed = False

    def __enter__(self) -> Interrupts:
        if self._hold:
            signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._hold:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if self._was_pressed and error is None:
                raise KeyboardInterrupt

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._was_pressed:
            signal.default_int_handler(number, frame)
        self._was_pressed = True

    @property
    def was_pressed(self) -> bool:
        """Whether there was a Ctrl-C."""
        return self._was_pressed
