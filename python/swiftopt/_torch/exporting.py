"""From an optimizer to torch's state_dict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from itertools import count
from typing import Any

from swiftopt._dtypes import decoded
from swiftopt._rules import Slot
from swiftopt._slots import SCALE
from swiftopt._torch.blocks import decode
from swiftopt._torch.subject import Subject, lock_of, torch_shape
from swiftopt._torch.values import LARGEST_FLOAT32_COUNT, as_plain, running_product


def exported(optimizer: Any) -> dict[str, Any]:
    """See `swiftopt.torch_state_dict`."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "torch_state_dict makes torch's tensors, so it needs torch (pip install torch)"
        ) from error
    with lock_of(optimizer):
        subject = Subject.of(optimizer)
        numbers = count()
        _check_products(subject)
        state: dict[int, dict[str, Any]] = {}
        groups = []
        for group, indices in subject.groups:
            own = dict(zip(indices, numbers, strict=False))
            groups.append({**_entries(subject, group), "params": list(own.values())})
            for index, number in own.items():
                entries = _state(subject, group, index, torch)
                if entries:
                    state[number] = entries
    return {"state": state, "param_groups": groups}


def _current(value: Any, step: int) -> Any:
    """Return a hyper-parameter as the update after `step` others takes it."""
    if isinstance(value, tuple | list):
        return tuple(_current(item, step) for item in value)
    return as_plain(value(step) if callable(value) else value, "a hyper-parameter")


def _entries(subject: Subject, group: Mapping[str, Any]) -> dict[str, Any]:
    torch_class, step = subject.torch_class, subject.optimizer.step_count
    for name, value in {**torch_class.fixed, "cautious": False}.items():
        if _current(group[name], step) != value:
            raise ValueError(
                f"{name} is {group[name]!r}; torch.optim.{torch_class.name} has only {value!r}"
            )
    entries = {name: _current(group[name], step) for name in torch_class.entries}
    decay = subject.decay_of(group.settings)  # type: ignore[attr-defined]
    kinds = ("coupled", "decoupled") if torch_class.has_decoupled else (subject.rule.decay,)
    if decay not in kinds and entries.get("weight_decay"):
        raise ValueError(
            f"decay is {decay!r}; torch.optim.{torch_class.name} has only "
            + " and ".join(map(repr, kinds))
        )
    if torch_class.has_decoupled:
        entries["decoupled_weight_decay"] = decay == "decoupled"
    return {**entries, **torch_class.flags}


def _state(subject: Subject, group: Any, index: int, torch: Any) -> dict[str, Any]:
    """Return what torch keeps of a parameter; nothing if it would make that anew."""
    torch_class = subject.torch_class
    scalars = dict(zip(subject.rule.scalar_names, subject.binding.scalars[index], strict=True))
    steps = int(scalars["step"])
    start = torch_class.start
    if steps == 0 and (start is None or group[start[0]] == start[1]):
        return {}
    entries: dict[str, Any] = {}
    if torch_class.counts_steps:
        dtype = torch.float32 if steps <= LARGEST_FLOAT32_COUNT else torch.float64
        entries["step"] = torch.tensor(float(steps), dtype=dtype)
    for name in torch_class.scalars:
        entries[name] = torch.tensor(float(scalars[name]), dtype=torch.float64)
    shape = subject.binding.forms[index].shape
    for slot in subject.slots_of(index, group.settings):
        numbers = _numbers(subject.binding.slots[index], slot)
        entries[slot.name] = torch.tensor(numbers).reshape(torch_shape(shape, slot.form))
    return entries


def _numbers(slots: Mapping[str, Any], slot: Slot) -> Any:
    array, scales = slots[slot.name], slots.get(slot.name + SCALE)
    if scales is None:
        return decoded(array)
    return decode(array, scales, is_signed=slot.content != "nonnegative")


def _check_products(subject: Subject) -> None:
    """Warn if torch's bias corrections aren't those here."""
    step = subject.optimizer.step_count
    for group, indices in subject.groups:
        for name, position in subject.torch_class.products.items():
            beta = _current(group["betas"][position], step)
            column = subject.rule.scalar_names.index(name)
            for index in indices:
                steps, product = subject.binding.scalars[index, [0, column]].tolist()
                difference = running_product(float(beta), int(steps)) - product
                if abs(difference) > 1e-6 * (1 - product):
                    warnings.warn(
                        f"betas[{position}] has changed: after {steps:.0f} updates of "
                        f"{subject.binding.names[index]!r} torch corrects with "
                        f"1 - {beta:g}**{steps:.0f} where 1 - {product:g} is right",
                        stacklevel=4,
                    )
                    return
