"""What is said when a loss or a gradient is inf or nan."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from swiftopt._arrays import as_array
from swiftopt._core import Report
from swiftopt._dtypes import decoded, kind_of
from swiftopt._loss_scaler import LossScaler
from swiftopt.nn import Module
from swiftopt.nn._plan import Plan
from swiftopt.optimizer import Optimizer
from swiftopt.train._models import named_arrays_of

_LOSSES_SHOWN = 5


class Guard:
    """Stops a run whose numbers aren't finite, and tells where they began.

    A scaler, or the optimizer's own ``skip_nonfinite``, says that steps may be skipped.
    """

    def __init__(self, model: Any, optimizer: Optimizer, scaler: LossScaler | None) -> None:
        self._model, self._optimizer = model, optimizer
        self._skips = optimizer.skip_nonfinite
        self._may_skip = scaler is not None or self._skips
        self._losses: deque[float] = deque(maxlen=_LOSSES_SHOWN)
        self._where = ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have the optimizer look at the gradients, so that bad ones change nothing."""
        self._optimizer.skip_nonfinite = True
        try:
            yield
        finally:
            self._optimizer.skip_nonfinite = self._skips

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Show the optimizer as the caller made it: for a checkpoint."""
        self._optimizer.skip_nonfinite = self._skips
        try:
            yield
        finally:
            self._optimizer.skip_nonfinite = True

    def loss(self, loss: float, gradients: Any, batch: Any, where: str) -> None:
        """Look at a loss before its step."""
        self._where = where
        if np.isfinite(loss):
            self._losses.append(loss)
            return
        bad = [place for place, array in _arrays(gradients, "gradients") if not _is_finite(array)]
        if self._may_skip and bad:
            return  # the optimizer skips it
        but = "" if bad else ", but all gradients are finite"
        message = f"the loss is {loss}{but}, and nothing was updated"
        if bad and not isinstance(self._model, Module):  # all that is known of its inside
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            message += f"; not finite: {bad[0]}{more}"
        raise FloatingPointError(self._message(message, batch))

    def report(self, report: Report, gradients: Any, batch: Any) -> None:
        """Look at what a step reported."""
        if report.status == "skipped" and not self._may_skip:
            name, more = self._bad_gradient(gradients, report.first_bad or "?")
            raise FloatingPointError(
                self._message(
                    f"the gradient of {named(self._model, name)}{more} is inf or nan, and nothing "
                    "was updated",
                    batch,
                )
            )

    def _bad_gradient(self, gradients: Any, first: str) -> tuple[str, str]:
        """Return the name to blame, and a remark on others."""
        if not isinstance(self._model, Module):
            return first, ""
        bad = [name for name, gradient in gradients.items() if not _is_finite(gradient)]
        if not bad:  # it was in an earlier batch of the window
            return first, ""
        # The backward pass goes from the last layer to the first.
        return bad[-1], f" (and of {len(bad) - 1} parameters before it)" if len(bad) > 1 else ""

    def _message(self, what: str, batch: Any) -> str:
        losses = ", ".join(f"{loss:.4g}" for loss in self._losses) or "none before"
        lines = [f"{self._where}: {what}"]
        if origin := first_nonfinite(self._model, self._optimizer, batch):
            lines.append(f"the first that is not finite: {origin}")
        lines.append(f"last finite losses: {losses}; lr {learning_rate(self._optimizer):.3g}")
        return "; ".join(lines)


def learning_rate(optimizer: Optimizer) -> float:
    """Return the first group's rate for the next update."""
    lr: Any = optimizer.param_groups[0].get("lr", float("nan"))
    return float(lr(optimizer.step_count) if callable(lr) else lr)


def named(model: Any, name: str) -> str:
    """Return a parameter's name with its layer's class, if that is known."""
    if isinstance(model, Module):
        layer = model.named_modules().get(name.rpartition(".")[0])
        if layer is not None:
            return f"{name!r} ({type(layer).__name__})"
    return repr(name)


def first_nonfinite(model: Any, optimizer: Optimizer, batch: Any) -> str | None:
    """Return what is inf or nan first, in the order of computation."""
    for place, array in _arrays(batch, "batch"):
        if not _is_finite(array):
            return f"the data ({place})"
    is_network = isinstance(model, Module)
    parameters = model.named_parameters() if is_network else named_arrays_of(optimizer)
    if found := _first_array(model, parameters):
        return found
    if not is_network:
        return None
    # Before its buffers: running statistics follow from what was computed.
    return _first_layer(model, batch[0]) or _first_array(model, model.buffers())


def _first_array(model: Any, arrays: Mapping[str, Any]) -> str | None:
    for name, array in arrays.items():
        if not _is_finite(array):
            return f"parameter {named(model, name)}"
    return None


def _first_layer(net: Module, x: Any) -> str | None:
    # On a copy, since a forward pass in training changes statistics and counters. One that
    # can't be copied or run again must not hide what is to be said.
    with suppress(Exception):
        twin = copy.deepcopy(net)
        x = as_array(x, "the input")
        for path, y in Plan(twin, x).layer_outputs(x):
            if not _is_finite(y):
                layer = type(twin.named_modules()[path]).__name__
                return (
                    f"the output of layer {path!r} ({layer})" if path else f"the output of {layer}"
                )
    return None


def _arrays(nest: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(nest, Mapping):
        for key, value in nest.items():
            yield from _arrays(value, f"{place}[{key!r}]")
    elif isinstance(nest, tuple | list):
        for index, value in enumerate(nest):
            yield from _arrays(value, f"{place}[{index}]")
    else:
        yield place, nest


def _is_finite(array: Any) -> bool:
    try:
        array = as_array(array, "")
    except TypeError:
        return True  # None, a string
    if kind_of(array) is None:
        return True  # indices, counters, objects
    return bool(np.isfinite(decoded(array)).all())
