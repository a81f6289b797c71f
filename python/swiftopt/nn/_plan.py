"""A planned network: prebuilt calls and their memory, for one shape of the input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt.nn._memory import aligned, assign_slots
from swiftopt.nn._planner import Planner
from swiftopt.nn._state import check_arrays
from swiftopt.nn._tree import attributes
from swiftopt.nn._values import (
    Call,
    Operand,
    Runnable,
    Storage,
    Value,
    as_kind,
    dtype_name,
    itemsize,
)

if TYPE_CHECKING:
    from swiftopt.nn._module import Module


class Plan:
    """All that a network needs to run on inputs of one shape and dtype.

    Attributes
    ----------
    recording : Recording
        What was recorded, without memory.
    is_training : bool
        Whether there can be a backward pass.
    nbytes : int
        How much memory activations and their gradients take.
    last_use : int
        Grows from one forward pass of any network to the next.
    """

    def __init__(self, module: Module, x: Array) -> None:
        check_arrays(module)
        _check_contiguous(x, f"{type(module).__name__}: the input")
        self.recording = recording = Recording(module, x.shape, dtype_name(x))
        self.is_training = recording.planner.training
        self.last_use = 0
        self._name = type(module).__name__
        self._depends_on = attributes(module)  # kept, so that their ids stay theirs
        kept = recording.kept()
        full = _needed(recording.backward, kept)
        calls = (*recording.forward, *full)
        slots = assign_slots(calls, kept)
        buffers = {slot: aligned(slot.nbytes) for slot in dict.fromkeys(slots.values())}
        self.nbytes = sum(slot.nbytes for slot in buffers)
        memory = {storage: buffers[slot] for storage, slot in slots.items()}
        self._source = _External(recording.source, x)
        # Calls need an array from the start; the caller's takes its place.
        target = recording.target
        placeholder = aligned(target.count * itemsize(target.kind))
        self._wanted = _External(recording.wanted, as_kind(placeholder, target.kind))
        externals = (self._source, self._wanted)
        self._memory = _Memory(memory, externals)
        built = {call: self._memory.build(call) for call in calls}
        self._paths = {id(runnable): call.path for call, runnable in built.items()}
        self._forward = [built[call] for call in recording.forward]
        self._backward = [built[call] for call in _needed(full, set())]
        self._full_backward = [built[call] for call in full]

    def forward(self, x: Array) -> Array:
        """Compute the output; `x` has the shape and dtype that were planned for."""
        if x is not self._source.array:
            self._check_input(x)
            self._source.use(x)
        call = None
        try:
            for call in self._forward:
                call()
        except ValueError as error:  # an index out of range
            if path := self._paths.get(id(call)):
                error.add_note(f"in the layer {path!r}")
            raise
        return self._memory.result(self.recording.target)

    def layer_outputs(self, x: Array) -> Iterator[tuple[str, Array]]:
        """Compute the output, and yield the path and output of each layer as it is done.

        Inner layers come before those that they are part of. An array is overwritten when the
        next one is asked for. Layers that were fused into another one don't occur.
        """
        if x is not self._source.array:
            self._check_input(x)
            self._source.use(x)
        last: dict[str, int] = {}
        written: dict[Storage, int] = {}
        for index, call in enumerate(self.recording.forward):
            parts = call.path.split(".") if call.path else []
            last.update({".".join(parts[:length]): index for length in range(len(parts) + 1)})
            for _, is_written, _, operand in call.operands():
                if is_written and isinstance(operand, Value):
                    written.setdefault(operand.storage, index)
        # A fused call may write an output after its layer's own calls.
        done = [
            (max(last[path], written[value.storage]), path, value)
            for path, value in self.recording.planner.outputs.items()
            if path in last and value.storage in written
        ]
        for index, run in enumerate(self._forward):
            run()
            for at, path, value in done:
                if at == index:
                    yield path, self._memory.view(value)

    def backward(self, grad_output: Array, input_gradient: bool) -> Array | None:
        """Compute the gradients of the parameters, and that of the input if asked for."""
        if grad_output is not self._wanted.array:
            self._wanted.use(self._checked(grad_output))
        for call in self._full_backward if input_gradient else self._backward:
            call()
        if not input_gradient:
            return None
        gradient = self.recording.source_gradient
        return None if gradient is None else self._memory.result(gradient)

    def _check_input(self, x: Array) -> None:
        """Refuse what the calls can't read, or what they write before they are done with it."""
        _check_contiguous(x, f"{self._name}: the input")
        if any(np.may_share_memory(x, result) for result in self._memory.results()):
            raise ValueError(
                f"{self._name}: the input is what an earlier pass returned, which this one "
                "overwrites; pass a copy"
            )

    def _checked(self, grad_output: Array) -> Array:
        """Return a gradient of the output as an array: the calls only compare sizes."""
        wanted = self.recording.wanted
        grad_output = as_array(grad_output, f"{self._name}: grad_output")
        _check_contiguous(grad_output, f"{self._name}: grad_output")
        if grad_output.shape != wanted.shape:
            raise ValueError(
                f"{self._name}: grad_output has shape {grad_output.shape}, the output "
                f"{wanted.shape}; they must be the same"
            )
        if dtype_name(grad_output) != wanted.kind:
            raise TypeError(
                f"{self._name}: grad_output has dtype {dtype_name(grad_output)}, the output "
                f"{wanted.kind}; they must be the same"
            )
        return grad_output


class Recording:
    """The calls of a network for one shape of the input.

    Attributes
    ----------
    source, target : Value
        The network's input and output.
    wanted, source_gradient : Value
        The gradients with respect to target and source; None if nothing depends on it.
    forward, backward : tuple of Call
        What computes target, and what computes gradients.
    """

    def __init__(self, module: Module, shape: tuple[int, ...], kind: str) -> None:
        self.planner = planner = Planner(module.dtype, training=module.training)
        self.source = planner.external(shape, kind)
        self.target = planner.module(module, self.source)
        self.forward = tuple(planner.calls)
        self.wanted = planner.external(self.target.shape, self.target.kind)
        self.source_gradient: Value | None = None
        if planner.training:
            planner.keep(self.wanted)  # it is the caller's
            planner.set_gradient(self.target, self.wanted)
            planner.backward()
            self.source_gradient = planner.gradient(self.source)
        self.backward = tuple(planner.calls[len(self.forward) :])

    def kept(self) -> set[Storage]:
        """Return what the caller gets to see."""
        results = (self.target, self.source_gradient)
        return {value.storage for value in results if value is not None}


class _External:
    """An array that the caller brings, and the calls that use it."""

    def __init__(self, value: Value, array: Array) -> None:
        self.storage = value.storage
        self.array = array
        self.users: list[tuple[Runnable, int]] = []

    def use(self, array: Array) -> None:
        """Let all calls use another array from now on; none does if one can't."""
        try:
            for user, index in self.users:
                user.replace(index, array)
        except (TypeError, ValueError):
            for user, index in self.users:
                user.replace(index, self.array)
            raise
        self.array = array


class _Memory:
    """Where everything in a plan is."""

    def __init__(
        self, buffers: dict[Storage, Array], externals: tuple[_External, _External]
    ) -> None:
        self._buffers = buffers
        self._externals = {external.storage: external for external in externals}
        self._results: dict[Value, Array] = {}

    def build(self, call: Call) -> Runnable:
        """Return a call with the memory of its arrays, and let externals know of it."""
        try:
            built = call.build(self._array_of)
        except (TypeError, ValueError) as error:
            if call.path:
                error.add_note(f"in the layer {call.path!r}")
            raise
        for index, _, _, operand in call.operands():
            if isinstance(operand, Value) and operand.storage in self._externals:
                self._externals[operand.storage].users.append((built, index))
        return built

    def results(self) -> Iterable[Array]:
        """Return all arrays that callers have got."""
        return self._results.values()

    def result(self, value: Value) -> Array:
        """Return a value to the caller: always the same array, unless it is an external one."""
        if value.storage in self._externals:
            return self._externals[value.storage].array.reshape(value.shape)
        found = self._results.get(value)
        if found is None:
            found = self._results[value] = self.view(value)
        return found

    def _array_of(self, operand: Operand) -> Array | None:
        if not isinstance(operand, Value):
            return operand
        if operand.storage in self._externals:
            return self._externals[operand.storage].array
        return self.view(operand)

    def view(self, value: Value) -> Array:
        size = itemsize(value.kind)
        start = value.offset * size
        buffer = self._buffers[value.storage][start : start + value.count * size]
        return as_kind(buffer, value.kind).reshape(value.shape)


def _check_contiguous(array: Array, what: str) -> None:
    if not array.flags.c_contiguous:
        raise ValueError(
            f"{what} is not C-contiguous; pass np.ascontiguousarray(...), which copies"
        )


def _needed(calls: Sequence[Call], results: set[Storage]) -> tuple[Call, ...]:
    """Return the calls that `results` or arrays of a module (its gradients) depend on."""
    needed = set(results)
    chosen: list[Call] = []
    for call in reversed(calls):
        written = [operand for _, is_written, _, operand in call.operands() if is_written]
        if not any(
            operand.storage in needed if isinstance(operand, Value) else operand is not None
            for operand in written
        ):
            continue
        chosen.append(call)
        needed.update(
            operand.storage
            for _, is_written, _, operand in call.operands()
            if not is_written and isinstance(operand, Value)
        )
    return tuple(reversed(chosen))
