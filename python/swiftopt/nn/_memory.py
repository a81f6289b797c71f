"""Memory for the values of a plan: each gets a slot for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn._values import Call, Storage, Value

ALIGNMENT = 64


class Slot:
    """Memory that several storages use, one after the other."""

    __slots__ = ("buffer", "nbytes")

    def __init__(self) -> None:
        self.nbytes = 0
        self.buffer: Array | None = None


def assign_slots(calls: Sequence[Call], kept: Iterable[Storage]) -> dict[Storage, Slot]:
    """Give a slot to each storage that the calls use, except external ones.

    A slot is used again as soon as its storage was read for the last time, the one that was
    freed last first: it is the likeliest to be in the cache. Storages in `kept` keep theirs
    to the end.
    """
    last_use: dict[Storage, int] = {}
    for index, call in enumerate(calls):
        for *_, operand in call.operands():
            if isinstance(operand, Value):
                last_use[operand.storage] = index
    last_use.update({storage: len(calls) for storage in kept})
    slots: dict[Storage, Slot] = {}
    free: list[Slot] = []
    for index, call in enumerate(calls):
        taken = []
        for _, is_written, may_be, operand in call.operands():
            if not (is_written and isinstance(operand, Value)):
                continue
            storage = operand.storage
            if storage in slots or storage.is_external:
                continue
            source = call.named(may_be)
            if (
                isinstance(source, Value)
                and source.storage in slots
                and source.storage not in taken
                and last_use[source.storage] == index
                and _fits(call, source, storage)
            ):
                slots[storage] = slots[source.storage]
                taken.append(source.storage)
            else:
                slots[storage] = _take(free, storage.nbytes)
        for storage in _dying(call, last_use, index):
            if storage in slots and storage not in taken:
                free.append(slots[storage])
    return slots


def _fits(call: Call, source: Value, storage: Storage) -> bool:
    """Tell whether an output may overwrite an input: it is as large, and not read twice."""
    used = [operand for *_, operand in call.operands() if isinstance(operand, Value)]
    reads = sum(operand.storage is source.storage for operand in used)
    return reads == 1 and source.offset == 0 and source.storage.nbytes == storage.nbytes


def _dying(call: Call, last_use: dict[Storage, int], index: int) -> list[Storage]:
    """Return, once each, the storages that no later call uses."""
    used = [operand.storage for *_, operand in call.operands() if isinstance(operand, Value)]
    return [storage for storage in dict.fromkeys(used) if last_use[storage] == index]


def _take(free: list[Slot], nbytes: int) -> Slot:
    """Return the slot freed last that is large enough, else the largest, which grows."""
    for position in reversed(range(len(free))):
        if free[position].nbytes >= nbytes:
            return free.pop(position)
    slot = max(free, key=lambda slot: slot.nbytes, default=None)
    if slot is None:
        slot = Slot()
    else:
        free.remove(slot)
    slot.nbytes = nbytes
    return slot


def aligned(nbytes: int) -> Array:
    """Return memory that starts at a multiple of 64 bytes."""
    buffer = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    return buffer[start : start + nbytes]
