"""What can be wrong with data."""

from __future__ import annotations


class DataError(ValueError):
    """A data file is damaged, or isn't what it was taken for.

    The message names the file and the byte offset or the line.
    """


class DecodeError(RuntimeError):
    """A sample couldn't be decoded; `__cause__` is what the decoding function raised.

    Attributes
    ----------
    index : int
        Which sample it is.
    """

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message, index)
        self.index = index

    def __str__(self) -> str:
        return str(self.args[0])


def shown(value: object) -> str:
    """Return what a file or a caller gave, for a message: one line, and not too long."""
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."
