"""The constructors of schedules by name, which JSON and `repr` go through."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from swiftopt._schedule import Schedule

constructors: dict[str, Callable[..., Schedule]] = {}
_Constructor = TypeVar("_Constructor", bound="Callable[..., Schedule]")


def constructor(function: _Constructor) -> _Constructor:
    """Register a function under the name that its schedules have in JSON and `repr`."""
    constructors[function.__name__] = function
    return function
