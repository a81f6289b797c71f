"""What is wrong with a checkpoint, and what differs from what was asked for."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 20


class CheckpointError(ValueError):
    """A file is no checkpoint, is damaged, or doesn't fit what it is loaded into.

    Nothing was changed. The lists are empty where the file itself is the problem.

    Attributes
    ----------
    missing : tuple of str
        What was asked for and isn't in the file, such as "parameter 'head.weight'".
    unexpected : tuple of str
        What the file has and nothing was there to take.
    mismatched : tuple of str
        What both have and isn't alike: name, what the file has, what was expected.
    renamed : dict of str to str
        Likely renames of parameters: {name that is missing: name in the file}, of equal shape
        and dtype.
    """

    def __init__(
        self,
        message: str,
        *,
        missing: Sequence[str] = (),
        unexpected: Sequence[str] = (),
        mismatched: Sequence[str] = (),
        renamed: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        self.mismatched = tuple(mismatched)
        self.renamed = dict(renamed or {})


def shown(value: object) -> str:
    """Return what a file has for a message: one line, and not too long."""
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def listed(names: Sequence[str]) -> str:
    """Return the names for a message, which stays readable whatever a file has."""
    shown = [name if len(name) <= 200 else name[:200] + "..." for name in names[:_SHOWN]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
