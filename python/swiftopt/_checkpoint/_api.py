"""`save` and `load`, which import what they need when they are called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swiftopt._checkpoint._result import Checkpoint


def save(
    path: str | os.PathLike[str],
    *,
    params: Any = None,
    optimizer: Any = None,
    schedule: Any = None,
    scaler: Any = None,
    early_stopping: Any = None,
    loader: Any = None,
    extra: Any = None,
    keep: int = 1,
) -> None:
    """Write a checkpoint: all that a run needs to go on with the same bits.

    One safetensors file, without pickle, with a checksum of each tensor. It is complete
    before it gets its name: whatever happens meanwhile, `path` is the old checkpoint or the
    new one. Needs the extra ``swiftopt[checkpoint]``.

    Parameters
    ----------
    path : str or path
        The file, by custom with the ending ".safetensors". A symbolic link is followed.
    params : array, nest of dicts and lists, or list of groups
        Arrays by name, as the optimizer names them; also buffers that aren't trained, of
        any integer, floating or bool dtype.
    optimizer : Optimizer
        Its state, step count, hyper-parameters and options. Gradients that it received and
        hasn't used are not saved.
    schedule : Schedule or Controlled
        One that the optimizer doesn't have itself; the optimizer's own are saved with it.
    scaler, early_stopping, loader : object
        Anything with a property ``state`` (a nest as `extra`) and a method
        ``load_state(state)``.
    extra : dict, list, tuple, str, int, float, bool, None, array, or nest of these
        What else the run needs, such as the epoch and ``rng.bit_generator.state``.
    keep : int, default 1
        How many checkpoints there are to be, this one included. Older ones are called
        "run.1.safetensors", "run.2.safetensors", ... from the newest on.

    Raises
    ------
    ImportError
        If the package safetensors is missing.
    TypeError, ValueError
        If something can't be saved; the message says where it is.
    OSError
        If the file can't be written; the old one is as it was.
    RuntimeError
        Inside ``optimizer.evaluation()``, where `params` aren't what is trained.

    See Also
    --------
    load

    Examples
    --------
    >>> import numpy as np, swiftopt as so, tempfile, pathlib
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(directory.name, "run.safetensors")
    >>> params = {"w": np.zeros(3, np.float32)}
    >>> optimizer = so.AdamW(params, lr=0.1)
    >>> report = optimizer.step({"w": np.ones(3, np.float32)})
    >>> so.save(path, params=params, optimizer=optimizer, extra={"epoch": 1})
    >>> so.load(path, params=params, optimizer=optimizer).extra
    {'epoch': 1}
    >>> directory.cleanup()
    """
    from swiftopt._checkpoint._saving import save_checkpoint

    save_checkpoint(
        path,
        {
            "params": params,
            "optimizer": optimizer,
            "schedule": schedule,
            "scaler": scaler,
            "early_stopping": early_stopping,
            "loader": loader,
            "extra": extra,
        },
        keep,
    )


def load(
    path: str | os.PathLike[str],
    *,
    params: Any = None,
    optimizer: Any = None,
    schedule: Any = None,
    scaler: Any = None,
    early_stopping: Any = None,
    loader: Any = None,
    strict: bool = True,
) -> Checkpoint:
    """Read a checkpoint that `save` wrote, into the objects that are given.

    All that is to be read is checked before anything is changed: names, shapes, dtypes,
    states, and the checksum of each tensor. Files of unknown origin are safe to load.

    Parameters
    ----------
    path : str or path
        The file.
    params : array, nest of dicts and lists, or list of groups
        Restored in place, matched by name.
    optimizer : Optimizer
        Of the same class, seed, ``accumulate`` and state dtypes as the one that was saved.
        State, step count, hyper-parameters and options become those of the file, whatever
        they were set to before.
    schedule : Schedule or Controlled
        The states of its state machines are restored; a pure schedule must be the saved one.
    scaler, early_stopping, loader : object
        Their ``load_state`` gets the state that was saved.
    strict : bool, default True
        Raise if anything given is not in the file, differs in form, or (in params and
        optimizer) leaves something of the file over. With False what fits is loaded, the
        rest stays as it is, and the result tells what that was.

    Returns
    -------
    Checkpoint
        With ``extra``, ``schedule``, and what was restored. If no object is given, it has
        everything in the file, in new arrays.

    Raises
    ------
    ImportError
        If the package safetensors is missing.
    OSError
        If the file can't be read.
    CheckpointError
        If it is no checkpoint, is damaged, is of a newer format, or doesn't fit; a
        ValueError with the lists ``missing``, ``unexpected``, ``mismatched``, ``renamed``.
        Nothing was changed.
    TypeError, ValueError
        If an argument can't be loaded into.

    See Also
    --------
    save

    Examples
    --------
    >>> import numpy as np, swiftopt as so, tempfile, pathlib
    >>> directory = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(directory.name, "run.safetensors")
    >>> so.save(path, params={"w": np.ones(2)}, extra={"epoch": 3})
    >>> so.load(path).params
    {'w': array([1., 1.])}
    >>> so.load(path, params={"weight": np.ones(2)})
    Traceback (most recent call last):
    ...
    swiftopt...CheckpointError: ...likely renamed: 'w' -> 'weight'...
    >>> directory.cleanup()
    """
    from swiftopt._checkpoint._loading import load_checkpoint

    return load_checkpoint(
        path,
        {
            "params": params,
            "optimizer": optimizer,
            "schedule": schedule,
            "scaler": scaler,
            "early_stopping": early_stopping,
            "loader": loader,
        },
        strict,
    )
