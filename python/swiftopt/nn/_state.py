"""Putting other numbers, or another dtype, into a module's arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt._cast import cast
from swiftopt._dtypes import kind_of, kind_of_dtype
from swiftopt.nn._values import NUMBER_KINDS

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from swiftopt.nn._module import Module


def load(own: Mapping[str, Array], state: Mapping[str, Any]) -> None:
    """Copy each array of `state` into that of the same name; all are checked before."""
    if missing := [name for name in own if name not in state]:
        raise KeyError(f"the state lacks {', '.join(missing)}")
    if unknown := [name for name in state if name not in own]:
        raise KeyError(f"the module has no {', '.join(unknown)}")
    given = {name: as_array(state[name], name) for name in own}
    for name, array in own.items():
        if given[name].shape != array.shape:
            raise ValueError(
                f"{name} has shape {given[name].shape} in the state, {array.shape} in the module"
            )
        if not _can_copy(given[name], array):
            raise TypeError(
                f"{name} has dtype {given[name].dtype} in the state, {array.dtype} in the module"
            )
    for name, array in own.items():
        _copy(given[name], array)


def check_arrays(root: Module) -> None:
    """Raise TypeError if arrays of a module were replaced by something of another dtype."""
    for module in root.named_modules().values():
        number = NUMBER_KINDS[module.dtype]
        for names, kind in ((module.value_names, module.dtype), (module.number_names, number)):
            for name in names:
                value = getattr(module, name)
                if value is None and names is module.number_names:  # no bias
                    continue
                what = f"{type(module).__name__}: {name}"
                found = as_array(value, what)
                if kind_of(found) != kind:
                    raise TypeError(
                        f"{what} has dtype {found.dtype}; it must be {kind} in a network of "
                        f"{module.dtype}"
                    )


def convert(root: Module, dtype: DTypeLike) -> None:
    """Replace the arrays of a module and of all in it by those of another dtype."""
    kind = _network_kind(dtype)
    for module in root.named_modules().values():
        for name in (*module.value_names, *module.number_names, *module.buffer_names):
            array = getattr(module, name)
            if array is None or kind_of(array) is None:
                continue
            target = kind if name in module.value_names else NUMBER_KINDS[kind]
            if kind_of(array) != target:
                setattr(module, name, cast(array, target))
        module.dtype = kind


def _network_kind(dtype: DTypeLike) -> str:
    is_name = isinstance(dtype, str) and dtype == "bfloat16"  # NumPy may not know it
    kind = "bfloat16" if is_name else kind_of_dtype(np.dtype(dtype))
    if kind is None or kind not in NUMBER_KINDS:
        raise TypeError(f"dtype is {dtype!r}; it must be float32, float64 or bfloat16")
    return kind


def _can_copy(source: Array, target: Array) -> bool:
    if kind_of(target) is None:
        return np.can_cast(source.dtype, target.dtype, "same_kind")
    return kind_of(source) is not None and source.dtype.isnative


def _copy(source: Array, target: Array) -> None:
    if kind_of(source) == kind_of(target):
        np.copyto(target, source, "same_kind")
    else:
        cast(np.ascontiguousarray(source), out=target)
