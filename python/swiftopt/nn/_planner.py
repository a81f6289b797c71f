"""The recording of a network: which calls compute it, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING

from swiftopt._arrays import Array
from swiftopt._cast import cast
from swiftopt.nn._values import (
    NUMBER_KINDS,
    Action,
    Call,
    Function,
    Operand,
    Storage,
    Value,
    functions,
)

if TYPE_CHECKING:
    from swiftopt.nn._module import Module


class Planner:
    """Records the calls of one network for one shape of its input.

    A module's `plan` adds the calls that compute its output with `call`, and says with
    `on_backward` what to add for its gradients; that happens in the reverse order. Nothing has
    memory yet, and calls may still be changed by those that come later: see `_fusion`.

    Attributes
    ----------
    kind, number_kind : str
        The dtype of activations and weight matrices, and that of everything else.
    training : bool
        Whether there will be a backward pass.
    calls : list of Call
        All that was recorded.
    """

    def __init__(self, kind: str, *, training: bool) -> None:
        self.kind = kind
        self.number_kind = NUMBER_KINDS[kind]
        self.training = training
        self.calls: list[Call] = []
        self.outputs: dict[str, Value] = {}
        self._path: list[str] = []
        self._tape: list[tuple[str, Callable[[], None]]] = []
        self._gradients: dict[Storage, Value] = {}
        self._seen: set[int] = set()
        self._parents: list[Module] = []
        self._is_forward = True

    # ------------------------------------------------------------------ values

    def value(self, *shape: int, kind: str | None = None) -> Value:
        """Return a new value; by default an activation."""
        return Value(Storage(prod(shape), kind or self.kind), shape)

    def number(self, *shape: int) -> Value:
        """Return a new value of statistics or the like."""
        return self.value(*shape, kind=self.number_kind)

    def external(self, shape: tuple[int, ...], kind: str) -> Value:
        """Return a value whose memory the caller brings."""
        return Value(Storage(prod(shape), kind, is_external=True), shape)

    def keep(self, value: Value) -> None:
        """Let nothing fuse into what computes `value`: it is needed as it is.

        Call it for a value that several modules read, before the first one.

        Raises
        ------
        ValueError
            If something did already.
        """
        if self._is_forward and value.version != value.storage.version:
            raise ValueError(
                "a value is read after the layer that follows it was computed in its place; "
                "call planner.keep(value) before that layer is planned"
            )
        value.storage.reads += 1

    def activation(self, x: Value) -> Value:
        """Return `x` in the network's dtype: the input of a bfloat16 network may be float32."""
        if x.kind == self.kind:
            return x
        y = self.value(*x.shape)
        self.action(_convert, x, y)

        def backward() -> None:
            gradient = self.gradient(y)
            if gradient is not None:
                self.add_gradient(x, gradient)

        self.on_backward(backward)
        return y

    # ------------------------------------------------------------------- calls

    def call(
        self,
        function: str,
        arrays: Mapping[str, Operand],
        sizes: Mapping[str, int],
        settings: Mapping[str, float] | None = None,
    ) -> Call:
        """Record a call of a layer function; what isn't given is left out or the default."""
        call = Call(
            functions()[function],
            dict(arrays),
            sizes,
            dict(settings or {}),
            ".".join(self._path),
            len(self.calls),
        )
        self._add(call)
        return call

    def action(self, run: Callable[..., object], *arrays: Operand) -> None:
        """Record a call of a Python function; it writes its last array."""
        nothing = Function(getattr(run, "__name__", "action"), {}, (), {})
        named = {str(index): array for index, array in enumerate(arrays)}
        path = ".".join(self._path)
        self._add(Action(nothing, named, {}, {}, path, len(self.calls), run=run))

    def _add(self, call: Call) -> None:
        for _, is_written, _, operand in call.operands():
            if isinstance(operand, Value):
                if is_written:
                    operand.storage.writer = call
                else:
                    self.keep(operand)
        self.calls.append(call)

    # ----------------------------------------------------------------- modules

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Record what follows as a part of the module called `name`."""
        self._path.append(name)
        yield
        self._path.pop()

    def child(self, name: str, module: Module, x: Value) -> Value:
        """Plan a module that is a part of another, which calls it `name`."""
        if self._parents and self._parents[-1].children().get(name) is not module:
            parent = type(self._parents[-1]).__name__
            raise ValueError(
                f"{parent}: {type(module).__name__} {name!r} isn't among children(), so no "
                f"optimizer would see its parameters; make it the attribute {name} of {parent}, "
                "or the layers of a list a Sequential"
            )
        with self.inside(name):
            return self.module(module, x)

    def module(self, module: Module, x: Value) -> Value:
        """Plan a module, after a check that it belongs into this network."""
        path = ".".join(self._path)
        where = f" at {path!r}" if path else ""
        if id(module) in self._seen:
            raise ValueError(
                f"{type(module).__name__}{where} occurs twice in the network; "
                "each place needs a module of its own"
            )
        self._seen.add(id(module))
        if module.dtype != self.kind:
            raise ValueError(
                f"{type(module).__name__}{where} has dtype {module.dtype} in a network of "
                f"{self.kind}; convert the whole network with to()"
            )
        self._parents.append(module)
        try:
            y = module.plan(x, self)
        except (TypeError, ValueError) as error:
            if path and not hasattr(error, "__notes__"):
                error.add_note(f"in the layer {path!r}")
            raise
        self._parents.pop()
        self.outputs[path] = y
        return y

    # --------------------------------------------------------------- gradients

    def on_backward(self, plan: Callable[[], None]) -> None:
        """Call `plan` when the gradients of everything recorded later are planned."""
        self._tape.append((".".join(self._path), plan))

    def gradient(self, value: Value) -> Value | None:
        """Return the gradient with respect to `value`; None if the loss doesn't depend on it."""
        gradient = self._gradients.get(value.storage)
        return gradient and Value(gradient.storage, value.shape, gradient.offset)

    def set_gradient(self, value: Value, gradient: Value) -> None:
        """Replace the gradient with respect to `value`."""
        self._gradients[value.storage] = gradient

    def add_gradient(self, value: Value, gradient: Value) -> None:
        """Add to the gradient with respect to `value`."""
        from swiftopt.nn._fusion import add

        former = self.gradient(value)
        self._gradients[value.storage] = gradient if former is None else add(self, former, gradient)

    def backward(self) -> None:
        """Record the calls of the backward pass."""
        self._is_forward = False
        for path, plan in reversed(self._tape):
            self._path = [path] if path else []
            plan()
        self._path = []


def _convert(source: Array, out: Array) -> None:
    # The caller's input has its own shape even where a layer sees another one of it.
    cast(source.reshape(out.shape), out=out)
