"""New state arrays: which ones a parameter has, and what they start at."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from swiftopt._allocation import state_zeros
from swiftopt._arrays import Array
from swiftopt._dtypes import computation_kind, decoded, write
from swiftopt._forms import Form
from swiftopt._rules import Rule, Settings, Slot
from swiftopt._state_dtypes import BLOCK8

Slots = dict[str, Array]

BLOCK_ELEMENTS = 256
SCALE = "_scale"

# Beside the rule's own slots.
MASTER = "master"
COMPENSATION = "compensation"
EMA = "ema"
ACCUMULATOR = "accumulator"


def new_slots(
    rule: Rule,
    array: Array,
    form: Form,
    settings: Settings,
    known: Mapping[str, Array],
    wanted: Collection[str],
    *,
    accumulates: bool,
) -> Slots:
    """Return new arrays for the slots that a group asks for and that aren't `known`.

    Those that are `wanted` are made too if a hyper-parameter could ask for them.
    """
    slots: Slots = {}
    for place, slot in enumerate(rule.slots):
        is_asked_for = settings.uses(slot.required_by) or slot.name in wanted
        if slot.name not in known and is_asked_for and _can_have(rule, form, slot):
            slots.update(_new_slot(rule, array, form, slot, settings, place))
    extras = _extras(form, settings, accumulates, has_ema=settings.has_ema or EMA in wanted)
    for place, (name, kind) in enumerate(extras.items(), len(rule.slots)):
        if name not in known:
            slots[name] = state_zeros(form.shape, kind, array, place)
    if MASTER in slots:
        write(slots[MASTER], decoded(array))
    if EMA in slots:
        write(slots[EMA], decoded(known.get(MASTER, array)))
    return slots


def optional_slots(rule: Rule) -> set[str]:
    """Return the names of the slots that a hyper-parameter brings when it is set."""
    names = {slot.name for slot in rule.slots if slot.required_by >= 0}
    return {EMA, *names, *(name + SCALE for name in names)}


def restart_mean(slots: Slots, array: Array) -> None:
    """Begin anew with a mean that was off, if there is one: it is of what was trained then."""
    if EMA in slots:
        write(slots[EMA], decoded(slots.get(MASTER, array)))


def _can_have(rule: Rule, form: Form, slot: Slot) -> bool:
    is_matrix = rule.matrix_form(form.shape) != (0, 0)
    return slot.owner in ("all", "matrices" if is_matrix else "others")


def _new_slot(
    rule: Rule, array: Array, form: Form, slot: Slot, settings: Settings, place: int
) -> Slots:
    start = settings.first(slot.initial_value)
    kind = settings.state_dtypes.get(slot.name, computation_kind(form.kind))
    if kind == BLOCK8:
        return _new_blocks(array, form, slot, start, place)
    new = state_zeros(slot_shape(rule, form.shape, slot), kind, array, place)
    if slot.starts_as_parameter:
        write(new, decoded(array))
    elif start != 0:
        write(new, start)
    return {slot.name: new}


def _new_blocks(array: Array, form: Form, slot: Slot, start: float, place: int) -> Slots:
    codes = state_zeros(form.shape, "uint8", array, place)
    scales = np.zeros(-(-codes.size // BLOCK_ELEMENTS), np.float32)
    if start != 0:  # the greatest code stands for the scale itself
        codes.fill(255 if slot.content == "nonnegative" else 127)
        scales.fill(start)
    return {slot.name: codes, slot.name + SCALE: scales}


def slot_shape(rule: Rule, shape: tuple[int, ...], slot: Slot) -> tuple[int, ...]:
    """Return the shape of a slot of a parameter: its own, or one per row or column."""
    if slot.form == "full":
        return shape
    if rule.kind == "matrix":
        rows, columns = rule.matrix_form(shape)
        return (rows,) if slot.form == "row" else (columns,)
    return shape[:-1] if slot.form == "row" else shape[:-2] + shape[-1:]


def _extras(form: Form, settings: Settings, accumulates: bool, *, has_ema: bool) -> dict[str, str]:
    """Return the dtypes of the arrays that the options ask for."""
    computation = computation_kind(form.kind)
    extras: dict[str, str] = {}
    if form.is_low_precision and settings.low_precision == "master":
        extras[MASTER] = computation
    if form.is_low_precision and settings.low_precision == "kahan":
        extras[COMPENSATION] = form.kind
    if has_ema:
        extras[EMA] = computation
    if accumulates:
        extras[ACCUMULATOR] = computation
    return extras
