"""Dropping elements at random."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn import _checks
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class Dropout(Module):
    """In training, zero elements by chance and scale the others by 1 / (1 - p).

    Srivastava et al. 2014, in the form that needs nothing in evaluation. Which are dropped
    follows from a key and a counter (Philox 4x32-7): no mask is stored, and a run is the
    same for every number of threads. Each forward pass in training counts on; the counter is
    saved and restored with `state_dict`.

    Parameters
    ----------
    p : float, default 0.5
        The chance to be dropped, 0 <= p < 1.
    rng : int or numpy.random.Generator, optional
        For the key.

    Attributes
    ----------
    random : uint64 array (2,)
        Key and counter.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.Dropout(0.25, rng=0)
    >>> y = layer(np.ones((100, 100), np.float32))
    >>> sorted({round(float(element), 3) for element in y.ravel()})
    [0.0, 1.333]
    >>> bool(abs((y == 0).mean() - 0.25) < 0.02)
    True
    """

    buffer_names = ("random",)

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        super().__init__()
        self.p = _checks.fraction(self, "p", p)
        self.random: Array = np.zeros(2, np.uint64)
        self.reset_parameters(rng)

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the key, and count from 0."""
        self.random[...] = rng.integers(2**64, dtype=np.uint64), 0

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record it; nothing in evaluation."""
        _checks.floating(self, x, planner)
        if not self.training or self.p == 0:
            return x
        x = planner.activation(x)
        y = planner.value(*x.shape)
        sizes, settings = {"count": x.count}, {"p": self.p}
        one, counter = np.ones(1, np.uint64), self.random[1:]
        # What this pass drew from: another network with this layer may count on before `backward`.
        used = np.zeros(2, np.uint64)
        planner.action(_count_on, one, counter, self.random, used)
        planner.call("dropout", {"x": x, "random": used, "y": y}, sizes, settings)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            x_gradient = planner.value(*x.shape)
            planner.call(
                "dropout_backward",
                {"dy": gradient, "random": used, "dx": x_gradient},
                sizes,
                settings,
            )
            planner.add_gradient(x, x_gradient)

        planner.on_backward(backward)
        return y

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return f"p={self.p}"


def _count_on(one: Array, counter: Array, random: Array, used: Array) -> None:
    np.add(counter, one, out=counter)
    np.copyto(used, random)
