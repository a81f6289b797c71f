"""`lr_find`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import numpy as np

from swiftopt._groups import as_positive
from swiftopt._loss_scaler import LossScaler
from swiftopt._settings import _whole
from swiftopt.optimizer import Optimizer
from swiftopt.train._arguments import Rngs, as_rngs
from swiftopt.train._data import Source
from swiftopt.train._models import Model, as_model, trained_arrays
from swiftopt.train._range_test import RangeTest

#: The test ends when the smoothed loss is so many times the least one.
_DIVERGED = 4.0


def lr_find(
    model: Any,
    data: Any,
    *,
    optimizer: Optimizer,
    loss: Any = None,
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    smoothing: float = 0.9,
    scaler: LossScaler | None = None,
    params: Any = None,
    rng: Rngs = None,
) -> RangeTest:
    """Find a learning rate: train for some steps at rising rates, and undo it.

    The rate rises from `lowest` to `highest` by the same factor at each update, in all
    groups. The test ends early when the smoothed loss is 4 times its minimum, or when a
    loss or gradient is inf or nan. Afterwards parameters, the network's statistics and counters,
    optimizer, scaler, data and random generators are what they were, bit for bit.

    Parameters
    ----------
    model, data, optimizer, loss, scaler, params, rng
        As for `fit`. `data` is iterated as often as it takes. The optimizer may have trained
        already: the test begins with a copy of its state.
    lowest, highest : float, default 1e-7 and 10
        The ends of the range, 0 < lowest < highest.
    steps : int, default 100
        Updates, of ``optimizer.accumulate`` batches each, >= 2.
    smoothing : float, default 0.9
        The weight of what was before in the running mean of the losses, in [0, 1).

    Returns
    -------
    RangeTest
        With ``rates``, ``losses``, ``suggestion``, ``minimum`` and ``plot(path)``.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit.
    FloatingPointError
        If the loss isn't finite at the lowest rate already.

    References
    ----------
    Smith 2017, "Cyclical learning rates for training neural networks", section 3.3.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([4.0, -2.0])
    >>> def loss_and_gradient(scale):
    ...     return 0.5 * float(scale @ w**2), [scale * w]
    >>> optimizer = so.SGD([w], lr=0.1)
    >>> found = so.train.lr_find(
    ...     loss_and_gradient, [np.array([1.0, 0.5])], optimizer=optimizer, lowest=1e-4
    ... )
    >>> 0.01 < found.suggestion < 1
    True
    >>> w, optimizer.step_count
    (array([ 4., -2.]), 0)
    """
    lowest, highest = as_positive("lowest", lowest), as_positive("highest", highest)
    if not lowest < highest:
        raise ValueError(f"lowest is {lowest}, highest {highest}; lowest must be the smaller one")
    steps = _whole("steps", steps, 2, 2**53)
    if not isinstance(smoothing, int | float) or not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing!r}; it must be in [0, 1)")
    what = as_model(
        model, optimizer, loss=loss, metrics={}, evaluate=None, scaler=scaler, params=params
    )
    rates = np.geomspace(lowest, highest, steps)
    generators = as_rngs(rng)
    with ExitStack() as stack:
        source = Source(data, "data")
        for part in (source, scaler):
            if part is not None:
                stack.callback(part.load_state, copy.deepcopy(part.state))
        for generator in generators:
            stack.callback(setattr, generator.bit_generator, "state", generator.bit_generator.state)
        stack.enter_context(_keeping(_arrays_of(what, optimizer)))
        stack.enter_context(what.training())
        batches = stack.enter_context(_endless(source))
        losses = _losses(what, batches, _twin(optimizer), scaler, rates, smoothing)
    if not losses:
        raise FloatingPointError(f"the loss or a gradient is inf or nan at the rate {lowest:.3g}")
    return RangeTest(rates[: len(losses)], losses, smoothing)


def _losses(
    model: Model,
    batches: Iterator[Any],
    optimizer: Optimizer,
    scaler: LossScaler | None,
    rates: Any,
    smoothing: float,
) -> list[float]:
    """Return the losses before the updates at the rates, until training diverges."""
    optimizer.skip_nonfinite = True
    losses: list[float] = []
    mean, least = 0.0, float("inf")
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = float(rate)
        total, samples, status = 0.0, 0, "accumulating"
        while status == "accumulating":
            loss, gradients, _, number = model.train(next(batches))
            total, samples = total + loss * number, samples + number
            report = optimizer.step(
                gradients, samples=number if optimizer.accumulate > 1 else None, scaler=scaler
            )
            status = report.status
        # A scaler may have to find its scale first: the step is tried again at the next rate.
        if not np.isfinite(total) or (status == "skipped" and scaler is None):
            break
        losses.append(total / samples)
        mean = smoothing * mean + (1 - smoothing) * losses[-1]
        smoothed = mean / (1 - smoothing ** len(losses))
        least = min(least, smoothed)
        if smoothed > _DIVERGED * abs(least) and smoothed > losses[0]:
            break
    return losses


def _twin(optimizer: Optimizer) -> Optimizer:
    """Return a copy of the optimizer, states included, that updates the same arrays."""
    shared = [*trained_arrays(optimizer), *optimizer.publish.values()]
    return copy.deepcopy(optimizer, {id(array): array for array in shared})


def _arrays_of(model: Model, optimizer: Optimizer) -> list[Any]:
    arrays = [*trained_arrays(optimizer), *optimizer.publish.values(), *_leaves(model.params)]
    return list({id(array): array for array in arrays}.values())


def _leaves(nest: Any) -> Iterator[Any]:
    if isinstance(nest, dict):
        nest = list(nest.values())
    if isinstance(nest, list | tuple):
        for child in nest:
            yield from _leaves(child)
    elif nest is not None:
        yield nest


@contextmanager
def _keeping(arrays: list[Any]) -> Iterator[None]:
    saved = [np.array(array, copy=True) for array in arrays]
    try:
        yield
    finally:
        for array, values in zip(arrays, saved, strict=True):
            np.asarray(array)[...] = values


@contextmanager
def _endless(source: Source) -> Iterator[Iterator[Any]]:
    """Give the batches of one epoch after the other, and end the last one."""
    current: list[Any] = []

    def batches() -> Iterator[Any]:
        for epoch in count():
            current[:] = [source.batches(epoch)]
            number = 0
            for batch in current[0]:
                yield batch
                number += 1
            source.check(number, epoch)

    try:
        yield batches()
    finally:
        # Before the data's state is put back.
        for iterator in current:
            if hasattr(iterator, "close"):
                iterator.close()
