"""Published copies: arrays that get each new parameter in another dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swiftopt._arrays import Array, as_parameter
from swiftopt._dtypes import kind_of
from swiftopt._structure import Structure


def published_arrays(publish: Any, names: Sequence[str]) -> dict[str, Array]:
    """Return the option `publish`, a nest or a dict of dotted names, as {name: array}."""
    if publish is None:
        return {}
    structure = Structure(publish)
    arrays = {}
    for name, leaf in zip(structure.names, structure.leaves(publish, "publish"), strict=True):
        if name not in names:
            raise ValueError(f"publish: there is no parameter {name!r}")
        array = arrays[name] = as_parameter(leaf, f"publish[{name!r}]")
        if kind_of(array) not in ("float32", "float16", "bfloat16"):
            raise TypeError(
                f"publish[{name!r}] has dtype {array.dtype}; it must be float32, float16 or "
                "bfloat16"
            )
    return arrays
