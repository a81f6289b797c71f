"""A cache that keeps the signature of its function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def kept(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function with a memory of what it has returned, for hashable arguments."""
    remembering: Callable[..., T] = cache(function)
    return remembering
