"""Parameters by name, as an optimizer names them."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array, as_parameter
from swiftopt._base import is_list_of_groups
from swiftopt._structure import Structure


def named_arrays(params: Any) -> dict[str, Array]:
    """Return the arrays of a nest, or of a list of groups, by their dotted names.

    Raises
    ------
    TypeError, ValueError
        If a leaf is no array, or two have one name.
    """
    is_grouped = is_list_of_groups(params)
    nest = [group["params"] for group in params] if is_grouped else params
    structure = Structure(nest, is_grouped=is_grouped)
    leaves = structure.leaves(nest, "params")
    return {
        name: as_parameter(leaf, f"parameter {name!r}")
        for name, leaf in zip(structure.names, leaves, strict=True)
    }


def check_writable(arrays: dict[str, Array]) -> None:
    """Raise ValueError if one can't be restored in place."""
    for name, array in arrays.items():
        if not array.flags.writeable:
            raise ValueError(f"parameter {name!r} is read-only; it must be writable")
