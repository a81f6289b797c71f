"""What all layers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from swiftopt._arrays import Array, as_array
from swiftopt.nn._plan import Plan
from swiftopt.nn._state import convert, load
from swiftopt.nn._tree import joined, signature, walk
from swiftopt.nn._values import NUMBER_KINDS, Value, dtype_name

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from swiftopt.nn._planner import Planner

#: Where the random numbers of new parameters come from.
Rng = int | np.random.Generator | None

_PLANS_KEPT = 6
_SIGNATURES = count()
_USES = count()


class Module:
    """A layer or a network: arrays, and the calls that compute with them.

    The arrays are attributes, named in `value_names` (weight matrices, which have the
    network's dtype), `number_names` (everything else that is trained: float32 also in a
    bfloat16 network) and `buffer_names` (running statistics and counters, which no optimizer
    changes).

    The first forward pass on inputs of a new shape plans the whole network: all memory is
    allocated, and what can be computed together is. Later ones only run the plan: nothing
    is allocated, and the output is in the same array each time (copy it to keep it).
    Arrays may be changed in place between steps, as optimizers do.

    A class of your own sets arrays and modules as attributes and defines `plan` (not
    `forward`, which runs what was planned):

    >>> import numpy as np
    >>> from swiftopt import nn
    >>> class Pair(nn.Module):
    ...     def __init__(self, features):
    ...         super().__init__()
    ...         self.first = nn.Linear(features, features)
    ...         self.second = nn.Linear(features, features)
    ...     def plan(self, x, planner):
    ...         hidden = planner.child("first", self.first, x)
    ...         return planner.child("second", self.second, hidden)
    >>> net = Pair(4)
    >>> list(net.named_parameters())
    ['first.weight', 'first.bias', 'second.weight', 'second.bias']
    >>> net(np.ones((2, 4), np.float32)).shape
    (2, 4)
    """

    value_names: ClassVar[tuple[str, ...]] = ()
    number_names: ClassVar[tuple[str, ...]] = ()
    buffer_names: ClassVar[tuple[str, ...]] = ()

    #: Counts the changes of attributes of any module: a plan holds until the next one.
    _changes: ClassVar[list[int]] = [0]

    training: bool
    dtype: str
    _plans: dict[tuple[tuple[int, ...], object, type, int], Plan]

    def __init__(self) -> None:
        self._own_gradients: dict[str, Array] = {}
        self._plans = {}
        self._current: Plan | None = None
        self._checked = -1
        self._signature = -1
        self._signatures: dict[tuple[object, ...], int] = {}
        self._all_gradients: dict[str, Array] | None = None
        self.training = True
        self.dtype = "float32"

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            if "_plans" not in self.__dict__:
                raise AttributeError(
                    f"{type(self).__name__}: call super().__init__() before {name} is set"
                )
            Module._changes[0] += 1
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        Module._changes[0] += 1

    # ---------------------------------------------------------------- defining

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the calls that compute the output from `x`, and return it.

        For those who write layers; see `Planner`.
        """
        raise NotImplementedError(f"{type(self).__name__} doesn't define plan(x, planner)")

    def initialize(self, rng: np.random.Generator) -> None:
        """Set the parameters of this module in place; its children did so already."""

    def children(self) -> dict[str, Module]:
        """Return the modules that this one consists of, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Module)}

    def gradient_of(self, name: str) -> Array:
        """Return the array for the gradient of this module's parameter `name`."""
        gradient = self._own_gradients.get(name)
        parameter = getattr(self, name)
        kind = NUMBER_KINDS[self.dtype]
        if gradient is None or gradient.shape != parameter.shape or gradient.dtype != kind:
            gradient = self._own_gradients[name] = np.zeros(parameter.shape, kind)
        return gradient

    # ----------------------------------------------------------------- running

    def __call__(self, x: Array) -> Array:
        return self.forward(x)

    def forward(self, x: Array) -> Array:
        """Compute the output.

        Parameters
        ----------
        x : array
            C-contiguous; the first axis is the batch. It is used in place: until `backward`
            it must stay as it is. A bfloat16 network also takes float32.

        Returns
        -------
        array
            The network's own memory, which the next forward pass on this shape overwrites.

        Raises
        ------
        TypeError, ValueError
            If `x` is no such array, or a layer can't take its shape or dtype; nothing was
            computed then.
        """
        if self._checked != Module._changes[0]:
            self._check()
        if not isinstance(x, np.ndarray):
            x = as_array(x, f"{type(self).__name__}: the input")
        plan = self._plans.get((x.shape, x.dtype, type(x), self._signature))
        if plan is None:
            plan = self._new_plan(x)
        plan.last_use = next(_USES)
        self.__dict__["_current"] = None
        output = plan.forward(x)
        self.__dict__["_current"] = plan
        return output

    def backward(self, grad_output: Array, *, input_gradient: bool = False) -> Array | None:
        """Compute the gradients of the last `forward`, into the arrays of `gradients()`.

        Parameters
        ----------
        grad_output : array
            The gradient of the loss with respect to the output, in its shape and dtype: what
            a loss's `backward` returns.
        input_gradient : bool, default False
            Compute also the gradient with respect to the input, which costs the first
            layer another product.

        Returns
        -------
        array or None
            The gradient with respect to the input, if asked for (None for indices).

        Raises
        ------
        RuntimeError
            If there was no `forward` since the last `backward`, or in evaluation mode.
        TypeError, ValueError
            If `grad_output` hasn't the shape or dtype of the output.
        """
        plan = self._current
        if plan is None or not plan.is_training:
            why = "" if plan is None else "; the last one was in evaluation mode (call train())"
            if plan is None and type(self).forward is not Module.forward:
                why = f"; {type(self).__name__} has a forward of its own: define plan instead"
            raise RuntimeError(f"backward needs a forward pass in training mode before it{why}")
        gradient = plan.backward(grad_output, input_gradient)
        self.__dict__["_current"] = None  # what the forward pass kept was overwritten
        return gradient

    def _check(self) -> None:
        """Find out whether the plans still hold, after any module was changed."""
        known = self._signatures
        key = tuple(signature(self))
        if key not in known:
            planned = {number for *_, number in self._plans}
            for other, number in [*known.items()]:
                if number not in planned:
                    del known[other]
            known[key] = next(_SIGNATURES)
        self.__dict__["_signature"] = known[key]
        self.__dict__["_all_gradients"] = None
        self.__dict__["_checked"] = Module._changes[0]

    def _new_plan(self, x: Array) -> Plan:
        self._check_input(x)
        plan = Plan(self, x)
        if len(self._plans) >= _PLANS_KEPT:
            del self._plans[min(self._plans, key=lambda key: self._plans[key].last_use)]
        self._plans[x.shape, x.dtype, type(x), self._signature] = plan
        return plan

    def _check_input(self, x: Array) -> None:
        kind = dtype_name(x)
        name = type(self).__name__
        if x.ndim == 0:
            raise ValueError(f"{name}: the input is a number; it must have a batch axis")
        if kind in ("uint8", "int32", "int64") or kind == self.dtype:
            return
        if kind == "float32" and self.dtype == "bfloat16":
            return
        if np.issubdtype(x.dtype, np.integer) and self.input_kind() == "int64":
            raise TypeError(
                f"{name}: the input has dtype {kind}; indices must be uint8, int32 or int64; "
                "x.astype(np.int64) converts"
            )
        raise TypeError(
            f"{name}: the input has dtype {kind}, the network {self.dtype}"
            + (f"; x.astype(np.{self.dtype}) converts" if self.dtype != "bfloat16" else "")
        )

    # ------------------------------------------------------------------ arrays

    def named_modules(self) -> dict[str, Module]:
        """Return this module ("") and all in it by their dotted names, in order."""
        return dict(walk(self, ""))

    def named_parameters(self) -> dict[str, Array]:
        """Return the trained arrays themselves by their dotted names: an optimizer's params."""
        return {
            joined(path, name): getattr(module, name)
            for path, module in walk(self, "")
            for name in module.parameter_names()
        }

    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of this module's own parameters; a bias that is None isn't one."""
        names = (*self.value_names, *self.number_names)
        return tuple(name for name in names if getattr(self, name) is not None)

    def gradients(self) -> dict[str, Array]:
        """Return the gradient of each parameter, with the keys of `named_parameters`.

        The very arrays that each `backward` overwrites, so one ``optimizer.bind`` serves all
        steps. float32 for float32 and bfloat16 parameters, float64 for float64 ones.
        """
        if self._checked != Module._changes[0]:
            self._check()
        found = self._all_gradients
        if found is None:
            found = self.__dict__["_all_gradients"] = {
                joined(path, name): module.gradient_of(name)
                for path, module in walk(self, "")
                for name in module.parameter_names()
            }
        return dict(found)

    def buffers(self) -> dict[str, Array]:
        """Return the arrays that no optimizer changes, such as running statistics."""
        return {
            joined(path, name): getattr(module, name)
            for path, module in walk(self, "")
            for name in module.buffer_names
            if getattr(module, name) is not None
        }

    def state_dict(self) -> dict[str, Array]:
        """Return parameters and buffers: the arrays themselves, for `swiftopt.save`."""
        return self.named_parameters() | self.buffers()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy arrays, as from `state_dict`, into this module's.

        Raises
        ------
        KeyError
            If names are missing or unknown.
        TypeError, ValueError
            If a dtype can't be converted (floats can), or a shape differs. Nothing was changed
            then.
        """
        load(self.state_dict(), state)

    # ------------------------------------------------------------------- modes

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode: dropout drops, batch norm uses the batch's statistics."""
        for module in self.named_modules().values():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation mode, in which there is no `backward`."""
        return self.train(False)

    def to(self, dtype: DTypeLike) -> Self:
        """Convert the module to another dtype: "float32", "float64" or "bfloat16".

        bfloat16 is for activations and weight matrices: biases, norm weights and statistics
        become float32, as are all gradients. Parameters become new arrays, so an
        optimizer has to be made afterwards; its masters are float32 by default.
        """
        convert(self, dtype)
        return self

    def reset_parameters(self, rng: Rng = None) -> Self:
        """Draw all parameters anew, in place.

        Parameters
        ----------
        rng : int or numpy.random.Generator, optional
            The same seed gives the same parameters.
        """
        generator = np.random.default_rng(rng)
        for child in self.children().values():
            child.reset_parameters(generator)
        self.initialize(generator)
        return self

    # ------------------------------------------------------------------ shapes

    def input_kind(self) -> str:
        """Return the dtype of inputs, as far as it is known without one."""
        return self.dtype

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the output for that of an input, batch included.

        Raises
        ------
        ValueError
            If a layer can't take its input; the message says which and why.
        """
        from swiftopt.nn._summary import record

        return record(self, input_shape).target.shape

    def summary(self, input_shape: tuple[int, ...]) -> None:
        """Print a table of shapes, parameters, FLOPs and bytes.

        Parameters
        ----------
        input_shape : tuple of int
            With the batch.

        Examples
        --------
        >>> from swiftopt import nn
        >>> net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
        >>> net.summary((128, 784))
        layer                    output shape  parameters   FLOPs           bytes
        -------------------------------------------------------------------------
        0      Linear(784, 512)  128 x 512        401,920   103 M          2.27 M
        1      ReLU()            128 x 512              0       0  with the above
        2      Linear(512, 10)   128 x 10           5,130  1.31 M           288 k
        -------------------------------------------------------------------------
        total                                     407,050   104 M          2.56 M
        parameters take 1.63 MB, activations and their gradients 673 kB
        FLOPs: 2 for each multiply-add of a product or convolution in the forward pass;
        the backward pass has about twice as many. Bytes: what the forward pass reads and writes.
        """
        from swiftopt.nn._summary import summarize

        print(summarize(self, input_shape))

    # ------------------------------------------------------------------ copies

    def __getstate__(self) -> dict[str, Any]:
        # Plans hold addresses; a copy makes its own.
        return self.__dict__ | {
            "_own_gradients": {},
            "_all_gradients": None,
            "_plans": {},
            "_current": None,
            "_signatures": {},
            "_checked": -1,
        }

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return ""

    def __repr__(self) -> str:
        children = self.children()
        if not children:
            return f"{type(self).__name__}({self.describe()})"
        lines = [f"({name}): {child!r}" for name, child in children.items()]
        inner = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {inner}\n)"
