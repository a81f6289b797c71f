"""What commands tell users instead of a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FAILURE, USAGE, INTERRUPTED = 1, 2, 130


class CommandError(Exception):
    """A command failed for a reason that its user can do something about."""

    exit_code = FAILURE


class ConfigError(CommandError):
    """A file of settings, or an expression, says something that can't be done."""

    exit_code = USAGE


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" with the known names that resemble `name`, or nothing."""
    by_lower = {other.lower(): other for other in known}
    if name.lower() in by_lower:
        return f"; did you mean {by_lower[name.lower()]!r}?"
    close = difflib.get_close_matches(name.lower(), by_lower, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(repr(by_lower[one]) for one in close)}?" if close else ""
