"""An optimizer as a record: what it is, its hyper-parameters, and where its state is."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array, as_parameter
from swiftopt._checkpoint._container import Tensors
from swiftopt._checkpoint._schedules import schedule_record
from swiftopt._checkpoint._values import encoded, no_store
from swiftopt._options import FIXED
from swiftopt._stateful import Stateful

# Of the whole optimizer, restored; "accumulate" and "seed" can't change.
OPTIONS = ("clip_norm", "skip_nonfinite", "report_norm", "report_update_norm")


def check_optimizer(optimizer: Any) -> Stateful:
    """Return it; TypeError or RuntimeError if it can't be saved or restored."""
    if not isinstance(optimizer, Stateful):
        raise TypeError(f"optimizer is a {type(optimizer).__name__}; it must be an optimizer")
    optimizer._check_open()
    return optimizer


def class_name(optimizer: Stateful) -> str:
    """Return the name of the optimizer's class here, whatever a caller derived from it."""
    return next(
        cls.__name__ for cls in type(optimizer).__mro__ if cls.__module__.startswith("swiftopt.")
    )


def member_names(optimizer: Stateful) -> list[list[str]]:
    """Return the names of each group's parameters."""
    members: list[list[str]] = [[] for _ in optimizer._groups]
    for binding in optimizer._bindings():
        for name, owner in zip(binding.names, binding.groups, strict=True):
            members[owner].append(name)
    return members


def check_same_arrays(optimizer: Stateful, arrays: dict[str, Array]) -> None:
    """Raise ValueError if `params` has another array than the optimizer for a name."""
    binding = optimizer._binding
    if binding is None:
        return
    for name, param in zip(binding.names, binding.params, strict=True):
        array = as_parameter(param, f"parameter {name!r}")
        given = arrays.get(name)
        if given is not None and given.ctypes.data != array.ctypes.data and array.size > 0:
            raise ValueError(
                f"params has another array for {name!r} than the optimizer, which updates its "
                "own; optimizer.rebind(params) first"
            )


def record_of(optimizer: Any, tensors: Tensors) -> dict[str, Any]:
    """Return the record, having put the state's arrays into `tensors`."""
    optimizer = check_optimizer(optimizer)

    groups = []
    for number, (group, names) in enumerate(
        zip(optimizer._groups, member_names(optimizer), strict=True)
    ):
        place = f"param_groups[{number}]"
        groups.append(
            {
                "params": names,
                "low_precision": group.settings.low_precision,
                "state_dtypes": group.settings.state_dtypes,
                "hyperparameters": {
                    name: schedule_record(value, f"{place}[{name!r}]")
                    for name, value in group.items()
                    if name != "params" and name not in FIXED
                },
            }
        )
    return {
        "class": class_name(optimizer),
        "rule": optimizer._rule.name,
        "seed": encoded(optimizer.seed, "seed", no_store),
        "accumulate": encoded(optimizer.accumulate, "accumulate", no_store),
        "options": {name: schedule_record(getattr(optimizer, name), name) for name in OPTIONS},
        "groups": groups,
        "steps": steps_of(optimizer),
        "state": [
            [
                name,
                {
                    slot: tensors.add(
                        f"optimizer/{slot}/{name}", array, f"slot {slot!r} of {name!r}"
                    )
                    for slot, array in slots.items()
                },
            ]
            for name, slots in optimizer.state.items()
        ],
    }


def steps_of(optimizer: Stateful) -> int | list[list[Any]]:
    """Return the completed updates: a number, or pairs of key and number without params.

    The state has each parameter's own count, which stays behind where gradients were None.
    """
    if optimizer._binding is not None:
        return optimizer._binding.plan.step_count
    counts = dict(optimizer._loaded_steps)
    counts.update(
        {binding.names[0]: binding.plan.step_count for binding in optimizer._lazy.values()}
    )
    return [[name, count] for name, count in counts.items()]
