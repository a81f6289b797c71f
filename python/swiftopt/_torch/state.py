"""The state of each parameter, as a state_dict of torch has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from swiftopt._arrays import Array
from swiftopt._cast import cast
from swiftopt._dtypes import kind_of
from swiftopt._forms import arrays_of
from swiftopt._rules import Settings, Slot
from swiftopt._slots import SCALE, Slots
from swiftopt._torch.blocks import encode
from swiftopt._torch.parsing import TorchGroup
from swiftopt._torch.subject import Subject, torch_shape
from swiftopt._torch.values import as_count, as_numbers, as_scalar, running_product

_LARGEST = {
    "float16": 65504.0,
    "bfloat16": float.fromhex("0x1.fep127"),
    "float32": float.fromhex("0x1.fffffep127"),
    None: float.fromhex("0x1.fffffep127"),  # the scale of 8-bit blocks
    "float64": float.fromhex("0x1.fffffffffffffp1023"),
}


class ParameterState(NamedTuple):
    """What a parameter's state becomes."""

    position: int
    scalars: list[float]
    slots: Slots


def given_steps(
    subject: Subject, groups: list[TorchGroup], state: Mapping[Any, Any], step: int | None
) -> int | None:
    """Return how many steps there were, for a class that doesn't count them; else None.

    Raises
    ------
    TypeError, ValueError
        If `step` doesn't fit the state, or is missing though schedules need it.
    """
    name = subject.torch_class.name
    if subject.torch_class.counts_steps:
        if step is not None:
            raise ValueError(f"step is {step!r}, but torch.optim.{name} counts the steps itself")
        return None
    has_buffers = any(_has_state(entries) for entries in state.values())
    if step is None:
        if _is_scheduled(subject):
            raise ValueError(
                f"torch.optim.{name} doesn't count steps, and there are schedules here; "
                "give step=, how many there were"
            )
        return 1 if has_buffers else 0
    steps = as_count(step, "step")
    keeps_buffers = name == "Muon" or any(group.entries["momentum"] != 0 for group in groups)
    if has_buffers and steps == 0:
        raise ValueError("step is 0, but the state has momentum buffers, which a step makes")
    if keeps_buffers and steps > 0 and not has_buffers:
        raise ValueError(f"step is {steps}, but the state has no momentum buffers")
    return steps


def _has_state(entries: Mapping[str, Any]) -> bool:
    return any(value is not None for value in entries.values())


def _is_scheduled(subject: Subject) -> bool:
    values = [
        value
        for group, _ in subject.groups
        for name, entry in group.items()
        if name != "params"
        for value in (entry if isinstance(entry, tuple | list) else (entry,))
    ]
    return any(callable(value) for value in [*values, subject.optimizer.clip_norm])


def parameter_states(
    subject: Subject,
    groups: list[TorchGroup],
    settings: list[Settings],
    state: Mapping[Any, Any],
    uncounted: int | None,
) -> list[ParameterState]:
    """Return the new state of every parameter in arrays of its own.

    Raises
    ------
    TypeError, ValueError
        If torch's doesn't fit.
    """
    binding = subject.binding
    arrays = arrays_of(binding.names, binding.params)
    parameters = []
    for group, group_settings in zip(groups, settings, strict=True):
        entries = group.entries
        for index, number in zip(group.indices, group.ids, strict=True):
            own = state.get(number, {})
            is_new = not _has_state(own)
            steps = _steps(subject, entries, number, own, uncounted)
            slots = binding.new_slots(arrays[index], index, group_settings, {}, ())
            _check_known(subject, number, own)
            if not is_new:
                _fill(subject, entries, index, number, own, slots)
            scalars = _scalars(subject, entries, number, own, steps)
            parameters.append(ParameterState(index, scalars, slots))
    return parameters


def _check_known(subject: Subject, number: Any, own: Mapping[str, Any]) -> None:
    torch_class = subject.torch_class
    known = [*(["step"] if torch_class.counts_steps else []), *torch_class.scalars]
    known += torch_class.slots
    for name in own:
        if name not in known:
            raise ValueError(
                f"state[{number!r}] has {name!r}; "
                f"torch.optim.{torch_class.name} has {', '.join(known)}"
            )


def _steps(
    subject: Subject,
    entries: Mapping[str, Any],
    number: Any,
    own: Mapping[str, Any],
    given: int | None,
) -> int:
    if given is not None:
        # Without momentum there is nothing to tell whether a parameter had gradients.
        has_had_one = _has_state(own) or (
            subject.torch_class.name == "SGD" and entries["momentum"] == 0
        )
        return given if has_had_one else 0
    if not _has_state(own):
        return 0
    if "step" not in own:
        raise ValueError(f"state[{number!r}] has no 'step'")
    steps = as_count(own["step"], f"state[{number!r}]['step']")
    if steps == 0 and subject.torch_class.name == "Rprop":
        # The step sizes would start once more.
        raise ValueError(f"state[{number!r}]['step'] is 0; Rprop makes its state in step 1")
    return steps


def _scalars(
    subject: Subject, entries: Mapping[str, Any], number: Any, own: Mapping[str, Any], steps: int
) -> list[float]:
    torch_class, rule = subject.torch_class, subject.rule
    values = dict(zip(rule.scalar_names, rule.scalar_values, strict=True))
    values["step"] = float(steps)
    for name, position in torch_class.products.items():
        values[name] = running_product(float(entries["betas"][position]), steps)
    for name in torch_class.scalars if steps > 0 else ():
        what = f"state[{number!r}][{name!r}]"
        if name not in own:
            raise ValueError(f"state[{number!r}] has no {name!r}")
        values[name] = as_scalar(own[name], what)
        if not 0 <= values[name] < 1:
            raise ValueError(f"{what} is {values[name]}; it must be in [0, 1)")
    return list(values.values())


def _fill(
    subject: Subject,
    entries: Mapping[str, Any],
    index: int,
    number: Any,
    own: Mapping[str, Any],
    slots: Slots,
) -> None:
    """Write torch's numbers to the new arrays of a parameter."""
    for slot in subject.rule.slots:
        if slot.name not in slots:
            continue
        what = f"state[{number!r}][{slot.name!r}]"
        value = own.get(slot.name)
        if value is not None:
            shape = torch_shape(subject.binding.forms[index].shape, slot.form)
            _store(slots, slot, _numbers(value, what, slot, shape, slots[slot.name]))
        elif _is_needed(subject, slot, entries):
            name = subject.binding.names[index]
            raise ValueError(f"state[{number!r}], of {name!r}, has no {slot.name!r}")


def _is_needed(subject: Subject, slot: Slot, entries: Mapping[str, Any]) -> bool:
    """Whether torch has this slot too, with the hyper-parameters that it has."""
    if slot.name not in subject.torch_class.slots:
        return False
    entry = subject.torch_class.slots[slot.name]
    return entry is None or bool(entries[entry])


def _numbers(value: Any, what: str, slot: Slot, shape: tuple[int, ...], target: Array) -> Array:
    numbers = as_numbers(value, what)
    if numbers.shape != shape:
        raise ValueError(f"{what} has the shape {numbers.shape}; it must have the shape {shape}")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{what} has numbers that aren't finite")
    if slot.content == "nonnegative" and (numbers < 0).any():
        raise ValueError(f"{what} has numbers below 0")
    kind = kind_of(target)
    if float(np.abs(numbers).max(initial=0)) > _LARGEST[kind]:
        raise ValueError(f"{what} has numbers too large for the state's {kind or 'float32'}")
    return numbers.reshape(target.shape)


def _store(slots: Slots, slot: Slot, numbers: Array) -> None:
    if slot.name + SCALE in slots:
        codes, scales = encode(numbers, is_signed=slot.content != "nonnegative")
        slots[slot.name][...] = codes
        slots[slot.name + SCALE][...] = scales
    else:
        cast(np.require(numbers, requirements=["C", "A"]), out=slots[slot.name])
