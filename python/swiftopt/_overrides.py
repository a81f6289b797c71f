"""Groups by name: `overrides` gives parameters whose names match a pattern other options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from swiftopt._groups import ParameterGroup

# Makes a group without parameters from all of its entries.
NewGroup = Callable[[dict[str, Any]], ParameterGroup]


class Override(NamedTuple):
    """Options for the parameters whose dotted names match one of the patterns."""

    patterns: tuple[str, ...]
    entries: dict[str, Any]

    def matches(self, name: str) -> bool:
        """Whether this is for the parameter of that name."""
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)


def as_overrides(value: Any, known: Mapping[str, Any]) -> tuple[Override, ...]:
    """Return the option `overrides` as it was checked against the names of a group's entries."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise TypeError(f"overrides is a {type(value).__name__}; it must be a dict")
    overrides = []
    for key, entries in value.items():
        patterns = key if isinstance(key, tuple) else (key,)
        if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
            raise TypeError(f"overrides: {key!r} must be a pattern or a tuple of patterns")
        if not isinstance(entries, Mapping):
            raise TypeError(
                f"overrides[{key!r}] is a {type(entries).__name__}; it must be a dict of options"
            )
        if "params" in entries:
            raise ValueError(f"overrides[{key!r}] has 'params'; its pattern says which they are")
        check_entries(f"overrides[{key!r}]", entries, known)
        overrides.append(Override(patterns, dict(entries)))
    return tuple(overrides)


def check_entries(what: str, entries: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise unless a group has all of these entries."""
    unknown = entries.keys() - known.keys() - {"params"}
    if unknown:
        raise ValueError(
            f"{what}: {min(unknown, key=str)!r} is not a hyper-parameter of a group; "
            f"these are: {', '.join(sorted(known))}"
        )


class Placement:
    """The groups, and which of them a parameter belongs to.

    Each group that the caller listed is a base (without a list there is one); a base and
    an override that matches some of its parameters make another group.
    """

    def __init__(self, overrides: tuple[Override, ...], new_group: NewGroup) -> None:
        self.overrides = overrides
        self.groups: list[ParameterGroup] = []
        self._indices: dict[tuple[int, int | None], int] = {}
        self._bases: list[int] = []
        self._new_group = new_group

    def copy(self) -> Placement:
        """Return one that can grow without this one noticing."""
        other = Placement(self.overrides, self._new_group)
        other.groups = self.groups.copy()
        other._indices = self._indices.copy()
        other._bases = self._bases.copy()
        return other

    def add_base(self, entries: dict[str, Any]) -> int:
        """Add a group that no override made, and return the number of the base."""
        base = len(self._bases)
        self._bases.append(self._add((base, None), entries))
        return base

    def _add(self, key: tuple[int, int | None], entries: dict[str, Any]) -> int:
        self.groups.append(self._new_group(entries))
        index = self._indices[key] = len(self.groups) - 1
        return index

    def place(self, base: int, names: Sequence[str]) -> list[int]:
        """Return the index of the group of each parameter, adding groups where needed."""
        return [self._place(base, name) for name in names]

    def _place(self, base: int, name: str) -> int:
        number = next((n for n, o in enumerate(self.overrides) if o.matches(name)), None)
        index = self._indices.get((base, number))
        if index is not None:
            return index
        override = self.overrides[number]  # type: ignore[index]  # a base alone is known
        inherited = {
            key: value for key, value in self.groups[self._bases[base]].items() if key != "params"
        }
        try:
            return self._add((base, number), {**inherited, **override.entries})
        except (TypeError, ValueError) as error:
            raise type(error)(f"overrides[{override.patterns[0]!r}]: {error}") from None

    def check_patterns(self, names: Sequence[str]) -> None:
        """Raise for a pattern that no name matches, which is probably a typo."""
        for override in self.overrides:
            for pattern in override.patterns:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise ValueError(
                        f"overrides: the pattern {pattern!r} matches no parameter; "
                        f"the names begin with: {', '.join(names[:8])}"
                    )
