"""When to stop, and the best weights so far."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from swiftopt._arrays import Array, as_parameter
from swiftopt._base import is_list_of_groups
from swiftopt._checkpoint import load, save
from swiftopt._checkpoint._package import safetensors
from swiftopt._checkpoint._path import check_path
from swiftopt._control import EARLY_STOPPING, IMPROVED, StateMachine, as_choice, as_metric
from swiftopt._dtypes import kind_of
from swiftopt._groups import as_number
from swiftopt._state import is_same_dtype, raw_bits
from swiftopt._structure import Structure


class EarlyStopping(StateMachine):
    """Tells when a metric has stopped improving, and keeps the best weights.

    Call `observe` with the metric, once per epoch or so, and stop when it returns True.

    Parameters
    ----------
    patience : int, default 10
        The observation in a row without improvement at which to stop; 0 is taken as 1.
        (`ReduceOnPlateau` reduces one observation later, as torch does.)
    min_delta : float, default 0.0
        By how much a metric must beat the best one to be an improvement, >= 0.
    mode : {"min", "max"}, default "min"
        Whether a smaller or a greater metric is better.
    params : nest of arrays, list of groups, or None
        The weights to keep, as an optimizer takes them. At each improvement they are
        copied as they are then. The nest is looked through anew each time, so entries of
        dicts and lists may be replaced.
    path : str or path-like, default None
        Keep them in this file, by `save`, instead of in memory.

    Raises
    ------
    TypeError, ValueError
        If an argument is not such a number, word or nest.
    ImportError
        If `path` is given and the package safetensors is missing.

    Notes
    -----
    Inside ``with optimizer.evaluation():`` the arrays hold the averaged weights, so those are
    what `observe` keeps there. Call `restore` outside, since the block ends by writing the
    trained weights back.

    A metric that is inf or nan counts as no improvement, gives a RuntimeWarning, and is
    counted in the state.

    References
    ----------
    Prechelt 1998, "Early stopping - but when?".

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.zeros(1)
    >>> stopping = so.EarlyStopping(patience=2, params=[w])
    >>> for epoch, loss in enumerate((3.0, 1.0, 2.0, 1.5, 0.5)):
    ...     w[:] = epoch
    ...     if stopping.observe(loss):
    ...         break
    >>> epoch, stopping.best_observation, stopping.best
    (3, 1, 1.0)
    >>> stopping.restore()
    >>> w
    array([1.])
    """

    __slots__ = ("_best_params", "_params", "_path", "_structure")

    _machine = EARLY_STOPPING
    _names = ("best", "bad_observations", "observations", "nonfinite")
    _reals = ("best",)

    # None: nothing is kept in memory; empty before the first improvement.
    _best_params: dict[str, Array] | None

    def __init__(
        self,
        patience: int = 10,
        *,
        min_delta: float = 0.0,
        mode: Literal["min", "max"] = "min",
        params: Any = None,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        self._begin(
            {"patience": patience, "min_delta": min_delta, "mode": mode},
            as_number("patience", patience),
            as_number("min_delta", min_delta),
            as_choice("mode", mode, "min", "max"),
        )
        if path is not None and params is None:
            raise ValueError("path is where params are kept; give params too")
        if path is not None:  # now, and not after an epoch of training
            check_path(path)
            safetensors()
        self._params = params
        self._path = None if path is None else os.fspath(path)
        self._structure = None if params is None else _structure(params)
        self._best_params = None if params is None or path is not None else {}
        self._arrays()  # raises if one can't be restored

    def observe(self, metric: float) -> bool:
        """Look at a metric, keep the weights if it is the best one, and tell whether to stop.

        Parameters
        ----------
        metric : float
            A Python or NumPy number, or a 0-d array.

        Raises
        ------
        TypeError
            If it isn't a number.
        OSError
            If the weights can't be saved; the observation doesn't count then.

        Warns
        -----
        RuntimeWarning
            If it is inf or nan.
        """
        number, after = as_metric(metric, self), self._numbers.copy()
        # Weights first: the state must not tell of a best metric whose weights aren't kept.
        if self._observe(number, after) & IMPROVED and self._params is not None:
            self._keep()
        self._numbers[:] = after
        return self.should_stop

    def _keep(self) -> None:
        if self._path is None:
            # New arrays, so that whatever interrupts this leaves the old ones whole.
            self._best_params = {name: array.copy() for name, array in self._arrays().items()}
        else:
            save(self._path, params=self._arrays())

    def restore(self) -> None:
        """Write the best weights back into the arrays of `params`, in place.

        Only the parameters: what an optimizer has besides (master copies of float16 and
        bfloat16 parameters, moments, averages, published copies) stays as it is, and a
        master would overwrite its restored parameter at the next step. To train on from the
        best weights, make a new optimizer after this, or load a checkpoint that was saved
        with the optimizer.

        Raises
        ------
        ValueError
            If no weights are kept, or an array changed its shape or dtype; nothing was
            written then.
        """
        if self._params is None:
            raise ValueError("no weights are kept; make the EarlyStopping with params=")
        if self.best is None:
            raise ValueError("there are no best weights yet: no metric has been finite")
        arrays = self._arrays()
        if self._path is not None:
            load(self._path, params=arrays)
            return
        assert self._best_params is not None
        for name, array in arrays.items():
            _check_same(f"parameter {name!r}", array, self._best_params[name])
        for name, array in arrays.items():
            array[...] = self._best_params[name]

    def _arrays(self) -> dict[str, Array]:
        """Return the parameters as they are now, by name."""
        if self._structure is None:
            return {}
        leaves = self._structure.leaves(_nest(self._params), "params")
        arrays = {}
        for name, leaf in zip(self._structure.names, leaves, strict=True):
            array = arrays[name] = as_parameter(leaf, f"parameter {name!r}")
            if not array.flags.writeable:
                raise ValueError(f"parameter {name!r} is read-only; it couldn't be restored")
        return arrays

    @property
    def state(self) -> dict[str, Any]:
        """The state as a new dict: numbers, None where there is none yet.

        Where weights are kept in memory, "best_params" is a dict {name: copy}, empty before
        the first improvement.
        """
        numbers = super().state
        if self._best_params is None:
            return numbers
        copies = {name: array.copy() for name, array in self._best_params.items()}
        return {**numbers, "best_params": copies}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state` gave.

        Raises
        ------
        TypeError, ValueError
            If it isn't a state of such an object, or its weights have other names, shapes or
            dtypes; nothing was changed then.
        """
        if self._best_params is None:
            self._numbers[:] = self._checked(state, self._names)
            return
        numbers = self._checked(state, (*self._names, "best_params"))
        best_params = self._loaded_params(state["best_params"], has_best=state["best"] is not None)
        self._numbers[:], self._best_params = numbers, best_params

    def _loaded_params(self, given: Any, *, has_best: bool) -> dict[str, Array]:
        if not isinstance(given, Mapping):
            raise TypeError(f"state['best_params'] is a {type(given).__name__}; it must be a dict")
        arrays = self._arrays() if has_best else {}
        if given.keys() != arrays.keys():
            raise ValueError(
                f"state['best_params'] has {sorted(given)}; it must have {sorted(arrays)}"
            )
        copies = {}
        for name, array in arrays.items():
            value = np.asanyarray(given[name])
            _check_same(f"state['best_params'][{name!r}]", value, array)
            copies[name] = copy = array.copy()
            raw_bits(copy)[...] = raw_bits(value)
        return copies

    @property
    def best(self) -> float | None:
        """The best metric so far; None before the first finite one."""
        return self._entry("best")

    @property
    def best_observation(self) -> int | None:
        """The index of the observation with the best metric, from 0; None before it."""
        if self.best is None:
            return None
        return self._count("observations") - self._count("bad_observations") - 1

    @property
    def observations(self) -> int:
        """How many metrics it looked at."""
        return self._count("observations")

    @property
    def should_stop(self) -> bool:
        """What the last `observe` returned; False before the first.

        It isn't final: an improvement after it, if one goes on, makes it False again.
        """
        patience = max(1, self._arguments["patience"])
        return bool(self._count("bad_observations") >= patience)


def _nest(params: Any) -> Any:
    return [group["params"] for group in params] if is_list_of_groups(params) else params


def _structure(params: Any) -> Structure:
    """Return what gives the weights the names that an optimizer would give them."""
    return Structure(_nest(params), is_grouped=is_list_of_groups(params))


def _check_same(what: str, array: Array, expected: Array) -> None:
    if array.shape != expected.shape or not is_same_dtype(array, expected):
        raise ValueError(
            f"{what} has shape {array.shape} and dtype {kind_of(array) or array.dtype}; it must "
            f"have shape {expected.shape} and dtype {kind_of(expected) or expected.dtype}"
        )
