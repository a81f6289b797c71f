"""The memory that batches land in: allocated once, and used again and again."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.data._element_types import aligned_array
from swiftopt.data._fields import Build, Field
from swiftopt.data._ragged import Ragged


class Ring:
    """Slots, each with an array per field that has room for the largest batch.

    `rooms` are, for each field, the rows of the largest batch, or its items if the field is a
    `Ragged`.
    """

    def __init__(self, fields: list[Field], rooms: list[int], slots: int, build: Build) -> None:
        self.rooms = rooms
        self._build = build
        self._is_ragged = [isinstance(field.source, Ragged) for field in fields]
        self.slots = [
            tuple(
                aligned_array((room, *field.out_shape), field.out_dtype, field.out_number)
                for field, room in zip(fields, rooms, strict=True)
            )
            for _ in range(slots)
        ]

    def batch(self, slot: int, rows: int, longest: tuple[int, ...], *, copy: bool) -> Any:
        """Return the first rows of a slot as the caller's kind of batch."""
        arrays = tuple(
            self._rows(array, rows, longest[index] if self._is_ragged[index] else None)
            for index, array in enumerate(self.slots[slot])
        )
        return self._build(tuple(array.copy() for array in arrays) if copy else arrays)

    def _rows(self, array: Array, rows: int, longest: int | None) -> Array:
        if longest is not None:
            return array[: rows * longest].reshape(rows, longest, *array.shape[1:])
        return array if rows == len(array) else array[:rows]
