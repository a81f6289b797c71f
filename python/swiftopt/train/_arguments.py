"""Checks of what `fit` was given, before it does anything."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt._checkpoint._parameters import named_arrays
from swiftopt.optimizer import Optimizer
from swiftopt.train._history import History
from swiftopt.train._models import named_arrays_of

#: One generator or several.
Rngs = np.random.Generator | Sequence[np.random.Generator] | None
#: A function of a dict; see `fit`.
Callback = Callable[[dict[str, Any]], Any]


def as_callbacks(callbacks: Any) -> list[Callback]:
    """Return the callbacks, of one, several or None."""
    found = _as_list("callbacks", callbacks, "function of a dict", callable(callbacks))
    for callback in found:
        if not callable(callback):
            raise TypeError(f"callbacks: {callback!r} must be a function of a dict")
    return found


def as_rngs(rng: Any) -> list[np.random.Generator]:
    """Return the generators, of one, several or None."""
    kind = np.random.Generator
    found = _as_list("rng", rng, "numpy.random.Generator", isinstance(rng, kind))
    for one in found:
        if not isinstance(one, kind):
            raise TypeError(f"rng: {one!r} must be a numpy.random.Generator")
    return found


def _as_list(name: str, given: Any, what: str, is_one: bool) -> list[Any]:
    if given is None:
        return []
    if is_one:
        return [given]
    if not isinstance(given, Iterable):
        raise TypeError(f"{name} is {given!r}; it must be a {what}, or a list of them")
    return list(given)


def check_monitor(monitor: str | None, metrics: Iterable[str], is_validated: bool) -> None:
    """Raise ValueError now for what a network will never have, and not after an epoch."""
    names = ["loss", *metrics]
    names += [f"val_{name}" for name in names] if is_validated else []
    if monitor is not None and monitor not in names:
        raise ValueError(f"monitor is {monitor!r}; there are {', '.join(map(repr, names))}")


def check_mode(monitor: str, parts: Mapping[str, Any]) -> None:
    """Raise ValueError if one of the parts takes the worst accuracy for the best one."""
    for name, part in parts.items():
        if part is None or not monitor.endswith("accuracy"):
            continue
        if part._arguments["mode"] == "min":
            raise ValueError(
                f"monitor is {monitor!r}, but {name} has mode='min' and takes the least for the "
                "best; make it with mode='max'"
            )


def check_window(optimizer: Optimizer, batches: int) -> None:
    """Raise ValueError if so many batches make no update; 0 if nobody knows their number."""
    missing = optimizer.accumulate - _accumulated(optimizer)
    if 0 < batches < missing:
        raise ValueError(
            f"the optimizer accumulates {optimizer.accumulate} batches for an update, and data has "
            f"{batches} in all epochs: nothing would be trained"
        )


def warn_of_no_update(optimizer: Optimizer, history: History) -> None:
    """Tell if all batches together didn't fill the window."""
    norms = [norm for norm in history.get("grad_norm", []) if norm is not None]
    if optimizer.accumulate == 1 or not history or norms or any(history["skipped"]):
        return
    warnings.warn(
        f"nothing was trained: the optimizer accumulates {optimizer.accumulate} batches for an "
        f"update, and there were {_accumulated(optimizer)}",
        RuntimeWarning,
        stacklevel=3,
    )


def _accumulated(optimizer: Optimizer) -> int:
    """Return how many batches are in the window already."""
    states = optimizer.state.values()
    return max((int(slots.get("micro_batches", 0)) for slots in states), default=0)


def saved_params(params: Any, optimizer: Optimizer) -> Any:
    """Return what a checkpoint saves for a model that is a function.

    Those are the optimizer's arrays, if nothing is said. What is said must have them all: a
    resumed run would have the optimizer's state, and begin again with the parameters.

    Raises
    ------
    ValueError
        If it lacks some.
    """
    own = named_arrays_of(optimizer)
    if params is None:
        return own
    given = named_arrays(params).values()
    lacking = [name for name, array in own.items() if not _has(given, as_array(array, name))]
    if lacking:
        raise ValueError(
            f"params lacks {', '.join(map(repr, lacking))} of the optimizer, so a resumed run "
            "would begin anew with that; give all that is trained, or params=None for just that"
        )
    return params


def _has(arrays: Iterable[Array], array: Array) -> bool:
    """Tell whether the memory of `array` is in one of the arrays, as itself or as a part."""
    start, size = array.ctypes.data, array.nbytes
    for other in arrays:
        first = other.ctypes.data
        is_part = other.flags.forc and first <= start and start + size <= first + other.nbytes
        if start == first or is_part:
            return True
    return size == 0
