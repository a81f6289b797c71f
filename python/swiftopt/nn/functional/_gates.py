"""The products of recurrent cells."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array, as_array
from swiftopt._dtypes import zeros
from swiftopt.nn.functional._arrays import number, number_kind, run, value


def product(
    a: Array,
    b: Array,
    c: Array,
    *,
    a_is_transposed: bool = False,
    b_is_transposed: bool = False,
    bias: Array | None = None,
    adds: bool = False,
) -> None:
    """Write op(a) op(b) + bias to c, or add it to what is there."""
    depth = a.shape[0] if a_is_transposed else a.shape[1]
    run(
        "matmul",
        (a, b, bias, None, None, c, None, None, None),
        (*c.shape, depth, a.shape[1], b.shape[1], c.shape[1]),
        (a_is_transposed, b_is_transposed, 1.0, float(adds), 0.0, 0.0),
    )


class Cell:
    """The checked arguments of a cell with `gates` gates."""

    def __init__(
        self, function: str, gates: int, x: Any, hidden: Any, weight_ih: Any, weight_hh: Any
    ) -> None:
        self.function = function
        self.x, self.kind = value(function, "x", x)
        if self.x.ndim != 2:
            raise ValueError(
                f"{function}: x has shape {self.x.shape}; it must have the axes batch and features"
            )
        self.hidden, _ = value(function, "the hidden state", hidden, like=self.kind)
        if self.hidden.ndim != 2 or self.hidden.shape[0] != self.x.shape[0]:
            raise ValueError(
                f"{function}: the hidden state has shape {self.hidden.shape}, x has shape "
                f"{self.x.shape}; the hidden state must have the same batch and hidden_size"
            )
        self.batch, self.size = self.hidden.shape
        self.weight_ih = self._weight("weight_ih", weight_ih, gates, self.x.shape[1])
        self.weight_hh = self._weight("weight_hh", weight_hh, gates, self.size)
        self.width = gates * self.size

    def _weight(self, name: str, weight: Any, gates: int, features: int) -> Array:
        given, _ = value(self.function, name, weight, like=self.kind)
        self.check(name, given, (gates * self.size, features))
        return given

    def check(self, name: str, array: Array, shape: tuple[int, ...]) -> None:
        """Raise ValueError if an argument hasn't this shape."""
        if array.shape != shape:
            raise ValueError(
                f"{self.function}: {name} has shape {array.shape}; with x {self.x.shape} and "
                f"hidden_size {self.size} it must have {shape}"
            )

    def numbers(self, name: str, array: Any, shape: tuple[int, ...]) -> Array:
        """Return an argument as numbers of this shape."""
        given = number(self.function, name, array, self.kind)
        self.check(name, given, shape)
        return given

    def values(self, name: str, array: Any, shape: tuple[int, ...]) -> Array:
        """Return an argument as values of this shape."""
        given, _ = value(self.function, name, array, like=self.kind)
        self.check(name, given, shape)
        return given

    def bias(self, name: str, bias: Any) -> Array | None:
        """Return a bias of all gates, if it was given."""
        return None if bias is None else self.numbers(name, bias, (self.width,))

    def new_numbers(self, *shape: int) -> Array:
        return zeros(shape, number_kind(self.kind))

    def new_values(self, *shape: int) -> Array:
        return zeros(shape, self.kind)

    def weight_gradients(self, of_input: Array, of_hidden: Array) -> tuple[Array, Array]:
        """Return the weights' gradients from those of the gates."""
        ih, hh = self.new_numbers(*self.weight_ih.shape), self.new_numbers(*self.weight_hh.shape)
        product(of_input, self.x, ih, a_is_transposed=True)
        product(of_hidden, self.hidden, hh, a_is_transposed=True)
        return ih, hh

    def bias_gradient(self, of_gates: Array) -> Array:
        """Return a bias's gradient from that of the gates."""
        sums = self.new_numbers(self.width)
        run("column_sums", (of_gates, sums), of_gates.shape)
        return sums


def state(function: str, hx: Any) -> tuple[Array, Array]:
    """Return the hidden state and the cell of an LSTM."""
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        raise TypeError(f"{function}: hx must be the hidden state and the cell, a tuple of two")
    return as_array(hx[0], f"{function}: hx[0]"), as_array(hx[1], f"{function}: hx[1]")
