"""Dropout without a stored mask."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import output, run, value


def dropout(
    x: Any,
    p: float = 0.5,
    training: bool = True,
    *,
    seed: int,
    counter: int = 0,
    out: Array | None = None,
) -> Array:
    """Return x / (1 - p), but 0 in place of each element with probability p.

    Which elements are dropped depends on `seed`, `counter` and their place in the array alone,
    so no mask is kept: `dropout_backward` with the same numbers drops the same ones, on every
    machine and for every number of threads. Elements are dropped independently. p is used as
    the nearest multiple of 2^-16 where elements are dropped, and as it is in 1 / (1 - p).

    Sources: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from
    overfitting"; Philox 4x32-7 of Salmon et al. 2011, "Parallel random numbers: as easy as 1,
    2, 3".

    Parameters
    ----------
    x : array of any shape
        float32, float64 or bfloat16, C-contiguous.
    p : float, default 0.5
        In 0 ... 1.
    training : bool, default True
        If not, x is returned as it is (or copied to `out`).
    seed : int
        In 0 ... 2**64 - 1: the generator's key. Each layer should have one of its own.
    counter : int, default 0
        In 0 ... 2**64 - 1. Another number gives other elements: the step, for one.
    out : array, optional
        Where to write, of the shape and dtype of `x`, which it may be itself; else a new array.

    Returns
    -------
    array
        What was not dropped, scaled.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If `out` has another shape, is read-only or overlaps `x` in part, an array is not
        contiguous, or a number is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> y = F.dropout(np.ones(1000, np.float32), 0.2, seed=7)
    >>> sorted(set(y.tolist())), int((y == 0).sum())
    ([0.0, 1.25], 193)
    >>> gradient = F.dropout_backward(np.ones(1000, np.float32), 0.2, seed=7)
    >>> bool((gradient == y).all())
    True
    """
    given, kind = value("dropout", "x", x)
    if not training:
        if out is None:
            return given
        target = output("dropout", "out", out, given.shape, kind)
        target[...] = given
        return target
    target = output("dropout", "out", out, given.shape, kind)
    random = _random("dropout", seed, counter)
    run("dropout", (given, random, target), (given.size,), (p,))
    return target


def dropout_backward(
    grad_output: Any, p: float = 0.5, *, seed: int, counter: int = 0, out: Array | None = None
) -> Array:
    """Return the gradient with respect to what `dropout` got in training.

    Parameters
    ----------
    grad_output : array of any shape
        The gradient with respect to what `dropout` returned.
    p, seed, counter
        As `dropout` had them.
    out : array, optional
        Where to write, of the same shape and dtype; it may be `grad_output` itself.

    Returns
    -------
    array
        The gradient.

    Raises
    ------
    TypeError, ValueError
        As `dropout`.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.dropout_backward(np.array([1.0, 2.0]), 0.0, seed=7).tolist()
    [1.0, 2.0]
    """
    gradient, kind = value("dropout_backward", "grad_output", grad_output)
    target = output("dropout_backward", "out", out, gradient.shape, kind)
    random = _random("dropout_backward", seed, counter)
    run("dropout_backward", (gradient, random, target), (gradient.size,), (p,))
    return target


def _random(function: str, seed: int, counter: int) -> Array:
    for name, number in (("seed", index(seed)), ("counter", index(counter))):
        if not 0 <= number < 2**64:
            raise ValueError(f"{function}: {name} is {number}; it must be in 0 ... 2**64 - 1")
    return np.array([seed, counter], np.uint64)
