"""From a loader's arguments to the plans of native code."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt.data._augmentation import Augmentation
from swiftopt.data._checks import whole
from swiftopt.data._element_types import BYTES, FLOATS, output_dtype
from swiftopt.data._fields import Field
from swiftopt.data._order import LISTED, Order
from swiftopt.data._program import Program, encode
from swiftopt.data._ragged import Ragged
from swiftopt.data._sample_memory import sample_memory
from swiftopt.data._shards import Shards


@dataclass
class Plans:
    """All that a plan needs but the order."""

    fields: list[Field]
    batch_size: int
    seed: int
    rank: int
    world: int
    drop_last: bool
    skip_errors: bool
    program: Program | None
    classes: int

    def __post_init__(self) -> None:
        self.samples = self.fields[0].count
        for field in self.fields:
            field.check_pad()
        self._caches = [
            sample_memory(field.source) if isinstance(field.source, Shards) else None
            for field in self.fields
        ]
        self.renew_staging()

    def renew_staging(self) -> None:
        """Allocate where what Python code reads goes first; plans made before use the old one."""
        self.staging = [
            np.empty((self.batch_size, *field.shape), field.dtype) if field.is_read else None
            for field in self.fields
        ]

    @property
    def is_read(self) -> bool:
        """Return whether Python code reads one of the fields."""
        return any(field.is_read for field in self.fields)

    def held_files(self) -> list[object]:
        """Return what keeps the files open that native code reads; ValueError if they aren't."""
        return [field.source.held() for field in self.fields if isinstance(field.source, Shards)]

    def rooms(self, order: Order) -> list[int]:
        """Return for each field the rows of the largest batch, or its items if it is ragged."""
        return [
            _item_room(field.source, order, self.batch_size)
            if isinstance(field.source, Ragged)
            else self.batch_size
            for field in self.fields
        ]

    def plan(self, order: Order) -> _core.DataPlan:
        """Return the plan of an epoch with this order."""
        return self._plan(
            order.native(self.samples, self.rank, self.world, self.seed),
            self.rooms(order),
            drop_last=self.drop_last,
            batch_starts=order.batch_starts,
            keys_by_position=order.repeats,
        )

    def plan_of(self, indices: Array, rooms: list[int]) -> _core.DataPlan:
        """Return the plan of a single batch of these samples."""
        order = Order(LISTED, len(indices), np.ascontiguousarray(indices))
        return self._plan(order.native(self.samples, 0, 1, self.seed), rooms)

    def _plan(
        self, sampler: tuple[object, ...], rooms: list[int], **settings: Any
    ) -> _core.DataPlan:
        fields = [
            field.native(
                rows if rows is not None else _source(field),
                is_batch=rows is not None,
                cache=cache,
                room=room,
            )
            for field, cache, rows, room in zip(
                self.fields, self._caches, self.staging, rooms, strict=True
            )
        ]
        if self.program is not None:
            settings.update(augment=self.program.numbers, image=self.program.in_shape)
        return _core.DataPlan(
            fields,
            sampler,
            self.batch_size,
            skip_errors=self.skip_errors,
            classes=self.classes,
            **settings,
        )

    def read_error(self, fault: Sequence[int]) -> OSError:
        """Return what a report says that went wrong, with the name of the file."""
        number, _, sample, file, offset, error = fault
        field = self.fields[number]
        reason = os.strerror(error) if error else "the file ends there"
        text = f"{field.name}: sample {sample} can't be read at byte {offset}: {reason}"
        return OSError(error or errno.EIO, text, field.source.segments[file].path)

    def indices_of(self, order: Order, epoch: int) -> Callable[[int], Array]:
        """Return what tells the samples of a batch."""
        if order.batch_starts is not None:
            starts, listed = order.batch_starts, order.first
            assert listed is not None
            return lambda batch: listed[
                starts[batch * self.world + self.rank] : starts[batch * self.world + self.rank + 1]
            ]
        native = order.native(self.samples, self.rank, self.world, self.seed)
        positions = order.positions(self.rank, self.world)

        def indices(batch: int) -> Array:
            first = batch * self.batch_size
            out = np.empty(min(self.batch_size, positions - first), np.int64)
            _core.sample_indices(native, epoch, first, out)
            return out

        return indices


def _source(field: Field) -> object:
    if isinstance(field.source, Shards):
        return [
            (segment.descriptor, segment.offset, segment.count) for segment in field.source.segments
        ]
    return field.source.values if isinstance(field.source, Ragged) else field.source


def _item_room(ragged: Ragged, order: Order, rows: int) -> int:
    """Return the items that the largest batch has once it is padded."""
    if order.batch_starts is None or order.first is None:
        return max(1, rows * ragged.most)
    lengths = np.diff(ragged.offsets)[order.first]
    longest = np.maximum.reduceat(lengths, order.batch_starts[:-1])
    return max(1, int((longest * np.diff(order.batch_starts)).max()))


def prepared(
    fields: list[Field],
    augment: list[Augmentation],
    dtype: Any,
    label_dtype: Any,
    classes: SupportsIndex | None,
    *,
    scale: bool,
) -> tuple[Program | None, int]:
    """Change fields to what a loader's keywords make of them.

    Returns the program of the augmentations and the number of classes, 0 for none.
    """
    columns = 0 if classes is None else whole("classes", classes, 1, 2**20)
    program = None
    if augment:
        program = _augmented(fields, augment, dtype, scale=scale)
        if program.mixes and len(fields) > 1 and not columns:
            raise ValueError(
                "augment mixes images, so labels become rows of float32; classes must say how many"
            )
    elif dtype is not None:
        fields[0] = fields[0].converted(dtype, "dtype", scale=scale)
    if (label_dtype is not None or columns) and len(fields) < 2:
        raise ValueError("label_dtype or classes is given; data must have a second field")
    if columns and label_dtype is not None:
        raise ValueError("classes makes labels float32; label_dtype must not be given")
    if columns:
        fields[1] = fields[1].one_hot(columns)
    elif label_dtype is not None:
        fields[1] = fields[1].converted(label_dtype, "label_dtype", scale=False)
    return program, columns


def _augmented(fields: list[Field], ops: list[Augmentation], dtype: Any, *, scale: bool) -> Program:
    images = fields[0]
    if isinstance(images.source, Ragged):
        raise TypeError(f"augment is given; {images.name} is a Ragged, not images of one size")
    wanted = None if dtype is None else _name(output_dtype(dtype, "dtype"))
    program = encode(ops, images.shape, images.kind, wanted)
    out_dtype, number = output_dtype(program.out_dtype, "dtype")
    fields[0] = replace(
        images,
        out_shape=program.out_shape,
        out_dtype=images.dtype if number == images.number else out_dtype,
        out_number=number,
        divides=scale and images.number == BYTES and number in FLOATS,
    )
    return program


def _name(found: tuple[np.dtype[Any], int]) -> str:
    return "bfloat16" if found[1] == 4 else str(found[0])
