"""What a plan is made of: values without memory yet, and the calls that compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import prod
from typing import Protocol

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt._dtypes import kind_of, zeros

#: What biases, norm weights, statistics and gradients of parameters have beside values.
NUMBER_KINDS = {"float32": "float32", "float64": "float64", "bfloat16": "float32"}


class Storage:
    """Memory that a plan will have: so many elements of one dtype.

    Attributes
    ----------
    writer : Call or None
        What writes it last so far; None for what comes from outside.
    reads : int
        How many calls need it as it is now. At 0 its writer may still compute something else.
    version : int
        How often that happened: values from before it are no longer to be had.
    """

    __slots__ = ("count", "is_external", "kind", "reads", "version", "writer")

    def __init__(self, count: int, kind: str, *, is_external: bool = False) -> None:
        self.count = count
        self.kind = kind
        self.is_external = is_external
        self.reads = 0
        self.version = 0
        self.writer: Call | None = None

    @property
    def nbytes(self) -> int:
        """Return how many bytes it takes."""
        return self.count * itemsize(self.kind)


@dataclass(frozen=True, slots=True)
class Value:
    """An array of a plan: a storage, or a part of one, in some shape."""

    storage: Storage
    shape: tuple[int, ...]
    offset: int = 0
    version: int = 0

    @property
    def kind(self) -> str:
        """Return the name of the dtype."""
        return self.storage.kind

    @property
    def count(self) -> int:
        """Return the number of elements."""
        return prod(self.shape)

    def reshaped(self, *shape: int) -> Value:
        """Return the same elements in another shape."""
        return Value(self.storage, shape, self.offset, self.version)

    def changed(self) -> Value:
        """Return what its writer computes from now on, in the same place."""
        self.storage.version += 1
        return Value(self.storage, self.shape, self.offset, self.storage.version)

    def part(self, index: int) -> Value:
        """Return one element of the first axis."""
        shape = self.shape[1:]
        return Value(self.storage, shape, self.offset + index * prod(shape), self.version)


Operand = Value | Array | None


class Runnable(Protocol):
    """A call that only has to be made, and whose arrays can be replaced."""

    def __call__(self) -> object:
        """Compute."""

    def replace(self, index: int, array: Array, /) -> object:
        """Use another array as number `index`."""


@dataclass(frozen=True)
class Function:
    """A layer function as the library describes it."""

    name: str
    #: By name: its number, whether it is written, and the input that it may coincide with.
    arrays: Mapping[str, tuple[int, bool, str | None]]
    sizes: tuple[str, ...]
    settings: Mapping[str, float]


@cache
def functions() -> Mapping[str, Function]:
    """Return all layer functions by name."""
    return {
        entry["name"]: Function(
            entry["name"],
            {
                name: (
                    index,
                    role != "input",
                    entry["arrays"][may_be][0] if may_be >= 0 else None,
                )
                for index, (name, _, role, _, may_be) in enumerate(entry["arrays"])
            },
            tuple(entry["sizes"]),
            {name: default for name, default, *_ in entry["settings"]},
        )
        for entry in _core.layer_descriptions()
    }


@dataclass(eq=False)
class Call:
    """A call of a layer function that can still be changed: other passes fuse into it."""

    function: Function
    arrays: dict[str, Operand]
    sizes: Mapping[str, int]
    settings: dict[str, float]
    path: str
    position: int

    def has(self, name: str) -> bool:
        """Tell whether the function has this array, and it isn't used yet."""
        return name in self.function.arrays and self.arrays.get(name) is None

    def operands(self) -> list[tuple[int, bool, str | None, Operand]]:
        """Return each array's number, whether it is written, what it may be, and itself."""
        arrays = self.function.arrays
        return [(*arrays[name], operand) for name, operand in self.arrays.items()]

    def named(self, name: str | None) -> Operand:
        """Return the array with this name."""
        return self.arrays.get(name) if name is not None else None

    def build(self, array_of: Callable[[Operand], Array | None]) -> Runnable:
        """Return it ready to run, with the memory of its arrays."""
        function = self.function
        return _core.LayerCall(
            function.name,
            tuple(array_of(self.arrays.get(name)) for name in function.arrays),
            tuple(self.sizes[name] for name in function.sizes),
            tuple({**function.settings, **self.settings}.values()),
        )


@dataclass(eq=False)
class Action(Call):
    """A call of a Python function with arrays, of which the last is written."""

    run: Callable[..., object] = field(kw_only=True)

    def has(self, name: str) -> bool:
        """Nothing fuses into it."""
        return False

    def operands(self) -> list[tuple[int, bool, str | None, Operand]]:
        """Return each array's number, whether it is written, what it may be, and itself."""
        last = len(self.arrays) - 1
        return [
            (index, index == last, None, operand)
            for index, operand in enumerate(self.arrays.values())
        ]

    def build(self, array_of: Callable[[Operand], Array | None]) -> Runnable:
        """Return it ready to run, with the memory of its arrays."""
        return _BoundAction(self.run, [array_of(operand) for operand in self.arrays.values()])


class _BoundAction:
    """A Python function with its arrays."""

    __slots__ = ("arrays", "run")

    def __init__(self, run: Callable[..., object], arrays: list[Array | None]) -> None:
        self.run = run
        self.arrays = arrays

    def __call__(self) -> object:
        return self.run(*self.arrays)

    def replace(self, index: int, array: Array, /) -> None:
        self.arrays[index] = array


def itemsize(kind: str) -> int:
    """Return the bytes of an element."""
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


def dtype_name(array: Array) -> str:
    """Return "bfloat16" for what stands for it, else NumPy's name."""
    return kind_of(array) or array.dtype.name


def as_kind(buffer: Array, kind: str) -> Array:
    """Return a uint8 array as one of another dtype, in the same memory."""
    template = zeros((0,), kind) if kind == "bfloat16" else np.empty(0, kind)
    if template.dtype == np.uint16:
        return buffer.view(np.uint16).view(type(template))
    return buffer.view(template.dtype)
