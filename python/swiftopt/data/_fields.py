"""What a loader's data consist of: one field, a tuple or a dict of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt._dtypes import kind_of
from swiftopt.data._element_types import (
    BYTES,
    FLOATS,
    is_convertible,
    number_of,
    number_of_array,
    output_dtype,
)
from swiftopt.data._ragged import Ragged
from swiftopt.data._shards import Shards

MOST_FIELDS = 16
Build = Callable[[tuple[Array, ...]], Any]


@dataclass(frozen=True)
class Field:
    """One array, or whatever takes its place, and what its samples become.

    `source` is an array whose first axis are the samples, a `Shards`, a `Ragged`, or an object
    with `read(indices, out)`. Shapes are those of a sample, or of an item of a `Ragged`.
    """

    name: str
    source: Any
    count: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    number: int | None  # its so_dtype; None: only bytes to native code
    out_shape: tuple[int, ...]
    out_dtype: np.dtype[Any]
    out_number: int
    divides: bool = False  # by 255

    @property
    def is_read(self) -> bool:
        """Return whether Python code reads it."""
        return not isinstance(self.source, np.ndarray | Shards | Ragged)

    @property
    def kind(self) -> str:
        """Return the name of its dtype, which may be bfloat16."""
        is_array = isinstance(self.source, np.ndarray)
        return (kind_of(self.source) if is_array else None) or str(self.dtype)

    def converted(self, dtype: object, what: str, *, scale: bool) -> Field:
        """Return the field with another dtype in the batches; TypeError if it can't have it."""
        out_dtype, number = output_dtype(dtype, what)
        if self.number is None or not is_convertible(self.number, number):
            can = (
                "stays as it is"
                if self.number is None
                else "can become floating point, or an integer dtype that holds all its values"
            )
            raise TypeError(f"{what} is {dtype!s}; {self.name} has dtype {self.kind}, which {can}")
        if number == self.number:
            return replace(self, out_dtype=self.dtype, out_number=number, divides=False)
        divides = scale and self.dtype == np.uint8 and number in FLOATS
        return replace(self, out_dtype=out_dtype, out_number=number, divides=divides)

    def one_hot(self, classes: int) -> Field:
        """Return the field, labels, as rows with a 1 at the label's place."""
        is_label = self.shape == () and not isinstance(self.source, Ragged)
        if not is_label or self.number is None or self.number in FLOATS:
            raise TypeError(
                f"classes is {classes}; {self.name} must be one integer per sample, but has dtype "
                f"{self.kind} and shape {self.shape} of a sample"
            )
        if isinstance(self.source, np.ndarray) and not isinstance(self.source, np.memmap):
            wrong = np.flatnonzero((self.source < 0) | (self.source >= classes))
            if len(wrong):
                raise ValueError(
                    f"classes is {classes}; {self.name} has the label {self.source[wrong[0]]} at "
                    f"sample {wrong[0]}, but labels must be in 0 ... {classes - 1}"
                )
        out_dtype, number = output_dtype("float32", "dtype")
        return replace(self, out_shape=(classes,), out_dtype=out_dtype, out_number=number)

    def check_pad(self) -> None:
        """Raise ValueError if it is a `Ragged` whose pad its batches can't have."""
        if not isinstance(self.source, Ragged) or self.out_number in FLOATS:
            return
        pad, dtype = self.source.pad, self.out_dtype
        least, most = (0, 1) if dtype == np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if not pad.is_integer() or not least <= int(pad) <= most:
            raise ValueError(
                f"{self.name} is a Ragged with pad {pad:g}, but its batches are {dtype}; pad must "
                f"be a whole number in {least} ... {most}"
            )

    def native(
        self, source: object, *, is_batch: bool, cache: object, room: int
    ) -> tuple[Any, ...]:
        """Return the field as _core.DataPlan takes it."""
        elements, out_elements = prod(self.shape), prod(self.out_shape)
        number, out_number = self.number, self.out_number
        if number is None:
            elements *= self.dtype.itemsize
            out_elements, number, out_number = elements, BYTES, BYTES
        offsets, pad = None, 0.0
        if isinstance(self.source, Ragged):
            offsets, pad = self.source.offsets, self.source.pad
        return (
            source, number, out_number, self.divides, is_batch, elements, out_elements, cache,
            offsets, pad, room,
        )  # fmt: skip


def read_fields(data: object) -> tuple[list[Field], Build]:
    """Return the fields, and what makes a batch of a tuple of arrays, one per field."""
    build: Build
    if isinstance(data, Mapping):
        names = list(data)
        fields = [_field(value, f"data[{name!r}]") for name, value in data.items()]

        def build(arrays: tuple[Array, ...]) -> Any:
            return dict(zip(names, arrays, strict=True))

    elif isinstance(data, tuple | list):
        fields = [_field(value, f"data[{index}]") for index, value in enumerate(data)]
        make = getattr(type(data), "_make", None)  # of a named tuple
        build = make if callable(make) else _same
    else:
        fields = [_field(data, "data")]
        build = _first
    if not 1 <= len(fields) <= MOST_FIELDS:
        raise ValueError(f"data has {len(fields)} fields; it must have 1 ... {MOST_FIELDS}")
    first = fields[0]
    for field in fields:
        if field.count != first.count:
            raise ValueError(
                f"{field.name} has {field.count} samples and {first.name} {first.count}; "
                "all fields must have the same number"
            )
    if first.count == 0:
        raise ValueError("data is empty: there are no samples")
    return fields, build


def _same(arrays: tuple[Array, ...]) -> Any:
    return arrays


def _first(arrays: tuple[Array, ...]) -> Any:
    return arrays[0]


def _field(value: Any, name: str) -> Field:
    if isinstance(value, Ragged):
        array = value.values
        count, sample = len(value), array.shape[1:]
        dtype, number = array.dtype, number_of_array(array)
    elif isinstance(value, Shards) or hasattr(value, "read"):
        shape: Any = getattr(value, "shape", ())
        dtype = getattr(value, "dtype", np.dtype("V"))
        if not isinstance(shape, tuple) or not shape or dtype == np.dtype("V"):
            raise TypeError(
                f"{name} is a {type(value).__name__} with a method read; it must also have "
                "`shape`, the samples first, and `dtype`"
            )
        count, sample, number = shape[0], shape[1:], number_of(dtype)
    else:
        value = np.asarray(value) if isinstance(value, list | range) else as_array(value, name)
        _check_array(value, name)
        count, sample = value.shape[0], value.shape[1:]
        dtype, number = value.dtype, number_of_array(value)
    if count > 0 and prod(sample) * dtype.itemsize == 0:
        raise ValueError(f"{name} has samples of shape {sample}; a sample must have elements")
    return Field(
        name, value, count, sample, dtype, number, sample, dtype,
        BYTES if number is None else number,
    )  # fmt: skip


def _check_array(array: Array, name: str) -> None:
    if array.ndim == 0:
        raise ValueError(f"{name} is a single number; its first axis must be the samples")
    if array.dtype.hasobject:
        raise TypeError(f"{name} has dtype {array.dtype}; it must have elements of a fixed size")
    if array.ndim > 1 and array.shape[0] > 0 and not array[0].flags.c_contiguous:
        raise ValueError(
            f"{name} has samples that are not contiguous; pass np.ascontiguousarray(...), which "
            "copies"
        )
