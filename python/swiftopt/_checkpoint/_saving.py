"""From objects to a file."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from swiftopt._arrays import Array
from swiftopt._checkpoint._container import Tensors
from swiftopt._checkpoint._file import check_place, replace_file, target_of
from swiftopt._checkpoint._optimizers import check_optimizer, check_same_arrays, record_of
from swiftopt._checkpoint._package import safetensors
from swiftopt._checkpoint._parameters import named_arrays
from swiftopt._checkpoint._schedules import check_schedule, schedule_record
from swiftopt._checkpoint._values import encoded
from swiftopt._settings import _whole

# Objects with a state that is a nest.
PARTS = ("scaler", "early_stopping", "loader")


def save_checkpoint(path: str | os.PathLike[str], objects: dict[str, Any], keep: int) -> None:
    """Write the objects, by the names of `save`'s arguments; None stands for none."""
    safetensors()  # before any work
    keep = _whole("keep", keep, 1, 2**53)
    target = target_of(path)
    given = {name: value for name, value in objects.items() if value is not None}
    with ExitStack() as stack:
        if "optimizer" in given:
            # No step of another thread may come in between.
            stack.enter_context(check_optimizer(given["optimizer"])._lock)
        tensors = Tensors()
        content = _content(given, tensors)
        replace_file(target, lambda new: tensors.write(new, content), keep)


def check_saving(path: str | os.PathLike[str], objects: dict[str, Any]) -> None:
    """Raise what `save_checkpoint` would, apart from a full disk; make missing folders.

    For those who save later, after much work.
    """
    safetensors()
    target = target_of(path)
    _content({name: value for name, value in objects.items() if value is not None}, Tensors())
    target.parent.mkdir(parents=True, exist_ok=True)
    check_place(target)


def _content(given: dict[str, Any], tensors: Tensors) -> dict[str, Any]:
    """Return the JSON of what is given, having put its arrays into `tensors`."""
    import swiftopt

    def store(place: str, array: Array) -> str:
        return tensors.add(place, array, place)

    content: dict[str, Any] = {"writer": f"swiftopt {swiftopt.__version__}"}
    if "params" in given:
        arrays = named_arrays(given["params"])
        if "optimizer" in given:
            check_same_arrays(given["optimizer"], arrays)
        content["params"] = [
            [name, tensors.add(f"params/{name}", array, f"parameter {name!r}")]
            for name, array in arrays.items()
        ]
    if "optimizer" in given:
        content["optimizer"] = record_of(given["optimizer"], tensors)
    if "schedule" in given:
        check_schedule(given["schedule"])
        content["schedule"] = schedule_record(given["schedule"], "schedule")
    for name in PARTS:
        if name in given:
            check_part(name, given[name])
            content[name] = encoded(given[name].state, f"{name}.state", store)
    if "extra" in given:
        content["extra"] = encoded(given["extra"], "extra", store)
    return content


def check_part(name: str, part: Any) -> None:
    """Raise TypeError unless this has a state that can be loaded."""
    if isinstance(part, type):
        raise TypeError(f"{name} is the class {part.__name__}; it must be an object of it")
    if not hasattr(part, "state") or not callable(getattr(part, "load_state", None)):
        raise TypeError(
            f"{name} is a {type(part).__name__}; it must have a property `state` and a method "
            "`load_state`"
        )
