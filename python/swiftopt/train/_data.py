"""Batches, epoch by epoch, from whatever gives them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


class Source:
    """Data that is iterated once per epoch.

    Parameters
    ----------
    data : iterable or function
        An iterable (a `swiftopt.data.Loader`, a list), or a function that returns one and is
        called once per epoch: with the number of completed epochs, if it has an argument
        called `epoch`, or a positional one without default.
    what : str
        What messages call it.
    epochs : int
        How often it is going to be iterated.
    """

    def __init__(self, data: Any, what: str, epochs: int = 1) -> None:
        self._data, self._what = data, what
        self._make: Callable[[int], Any]
        if isinstance(data, tuple) and data and all(isinstance(x, np.ndarray) for x in data):
            raise TypeError(
                f"{what} is a tuple of arrays; it must give batches: a list of such tuples, or "
                f"swiftopt.data.Loader({what}, batch_size=128)"
            )
        if isinstance(data, Mapping | str):
            raise TypeError(f"{what} is a {type(data).__name__}; it must be an iterable of batches")
        if hasattr(data, "__iter__"):
            if epochs > 1 and _is_used_up(data):
                raise ValueError(
                    f"{what} is a {type(data).__name__}, which can be iterated once only, for "
                    f"{epochs} epochs; give a list, or the function that makes it"
                )
            self._make = lambda epoch: data
        elif callable(data):
            self._make = _function_of_epoch(data)
        else:
            raise TypeError(
                f"{what} is a {type(data).__name__}; it must be an iterable of batches, or a "
                "function that returns one for each epoch"
            )

    @property
    def is_stateful(self) -> bool:
        """Whether the data itself knows where it is."""
        return hasattr(self._data, "state") and callable(getattr(self._data, "load_state", None))

    @property
    def loader(self) -> Any:
        """The data, if it is stateful: what checkpoints take as `loader`."""
        return self._data if self.is_stateful else None

    @property
    def epoch(self) -> Any:
        """The data's own count of completed epochs; None if it has none."""
        return getattr(self._data, "epoch", None) if self.is_stateful else None

    @property
    def state(self) -> Any:
        """Where the data is; None if it doesn't know."""
        return self._data.state if self.is_stateful else None

    def load_state(self, state: Any) -> None:
        """Go on from there."""
        if self.is_stateful and state is not None:
            self._data.load_state(state)

    def __len__(self) -> int:
        """Return the number of batches of an epoch, 0 if nobody knows."""
        try:
            return len(self._data)
        except TypeError:
            return 0

    def batches(self, epoch: int, done: int = 0) -> Iterator[Any]:
        """Return the batches of an epoch, without the first `done` ones.

        Stateful data continues where it is by itself; of other data they are skipped.
        """
        iterator: Iterator[Any] = iter(self._make(epoch))
        if not self.is_stateful:
            for number in range(done):
                if next(iterator, self) is self:
                    raise ValueError(
                        f"{self._what} gave {number} batches in the epoch that is resumed after "
                        f"{done}; it must give what it gave before"
                    )
        return iterator

    def check(self, count: int, epoch: int) -> None:
        """Raise ValueError if an epoch had no batch."""
        if count == 0:
            once = iter(self._make(epoch)) is self._data
            raise ValueError(
                f"{self._what} gave no batch in epoch {epoch + 1}"
                + ("; a generator can be iterated once only: give the function" if once else "")
            )


def _is_used_up(data: Any) -> bool:
    """Tell whether one loop over this is the only one, as over a generator, zip or map.

    A class of the caller's own that returns itself may begin anew each time.
    """
    return hasattr(data, "__next__") and not inspect.isfunction(type(data).__iter__)


def _function_of_epoch(function: Callable[..., Any]) -> Callable[[int], Any]:
    """Return a function of the epoch, which `function` gets if it asks for it.

    It does so by an argument called `epoch`, or by a positional one without default. Any other
    default is the caller's own, as in ``lambda batches=batches: ...``.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return lambda epoch: function()
    for parameter in parameters:
        if parameter.name == "epoch" and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            return lambda epoch: function(epoch=epoch)
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) and (
            parameter.default is parameter.empty
        ):
            return function
    return lambda epoch: function()


def as_arguments(batch: Any) -> tuple[Any, ...]:
    """Return a batch as the arguments of a function: of a tuple or list its elements."""
    return tuple(batch) if isinstance(batch, tuple | list) else (batch,)


def sample_count(batch: Any) -> int:
    """Return the length of the first array of a batch; 1 if it has none."""
    while isinstance(batch, tuple | list | dict):
        if not batch:
            return 1
        batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    shape: Any = getattr(batch, "shape", ())
    return int(shape[0]) if len(shape) > 0 else 1
