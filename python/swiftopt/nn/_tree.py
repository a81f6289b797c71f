"""Modules as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swiftopt.nn._module import Module


def walk(module: Module, path: str) -> Iterator[tuple[str, Module]]:
    """Yield a module and all in it, in order, with their dotted names below `path`."""
    yield path, module
    for name, child in module.children().items():
        yield from walk(child, joined(path, name))


def joined(path: str, name: str) -> str:
    """Return the dotted name of a part of `path`."""
    return f"{path}.{name}" if path else name


def signature(root: Module) -> Iterator[object]:
    """Yield what a plan depends on: all public attributes, arrays by what they are."""
    for path, module in walk(root, ""):
        yield path
        for name, value in vars(module).items():
            if not name.startswith("_"):
                # What has an id here lives as long as the plans that depend on it: they hold it.
                yield value if isinstance(value, int | float | str | None) else id(value)


def attributes(root: Module) -> list[object]:
    """Return the values of all public attributes."""
    return [
        value
        for _, module in walk(root, "")
        for name, value in vars(module).items()
        if not name.startswith("_")
    ]
