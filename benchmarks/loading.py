"""Packages that may be there or not."""

from __future__ import annotations

import importlib
from typing import Any


class MissingError(Exception):
    """A contender can't take part; the message says why."""


def load(module: str) -> Any:
    """Import an optional package, or raise MissingError."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingError(f"{module}: {error}") from error
