"""`fit`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from swiftopt._early_stopping import EarlyStopping
from swiftopt._groups import as_flag
from swiftopt._loss_scaler import LossScaler
from swiftopt._plateau import ReduceOnPlateau
from swiftopt._settings import _whole
from swiftopt.optimizer import Optimizer
from swiftopt.train._arguments import (
    Callback,
    Rngs,
    as_callbacks,
    as_rngs,
    check_mode,
    check_monitor,
    check_window,
    saved_params,
    warn_of_no_update,
)
from swiftopt.train._checkpoints import Checkpoints
from swiftopt.train._data import Source
from swiftopt.train._guard import Guard
from swiftopt.train._history import History
from swiftopt.train._interrupts import Interrupts
from swiftopt.train._logs import as_logs
from swiftopt.train._loop import Loop, Parts, Position
from swiftopt.train._metrics import Metric, named_metrics
from swiftopt.train._models import FunctionModel, as_model
from swiftopt.train._progress import progress as as_progress

_Path = str | os.PathLike[str]


def fit(
    model: Any,
    data: Any,
    *,
    optimizer: Optimizer,
    loss: Any = None,
    epochs: int = 1,
    validation: Any = None,
    evaluate: Callable[..., Mapping[str, Any]] | None = None,
    metrics: Iterable[Metric | str] | Mapping[str, Metric] = (),
    scaler: LossScaler | None = None,
    early_stopping: EarlyStopping | None = None,
    plateau: ReduceOnPlateau | None = None,
    monitor: str | None = None,
    checkpoint: _Path | None = None,
    checkpoint_every: int | None = None,
    keep: int = 1,
    resume: bool = False,
    params: Any = None,
    rng: Rngs = None,
    log: _Path | Iterable[_Path] | None = None,
    progress: bool | None = None,
    callbacks: Callback | Iterable[Callback] | None = None,
) -> History:
    """Train a model, and return what happened in each epoch.

    Parameters
    ----------
    model : swiftopt.nn.Module, or function
        A network; or your own ``model(*batch) -> (loss, gradients)``, with gradients as
        ``optimizer.step`` takes them, or ``(loss, gradients, {name: number})``.
    data : iterable of batches, or function
        A `swiftopt.data.Loader`, a list, or any other iterable that can be iterated once per
        epoch; or a function that returns one for each epoch. It gets the number of completed
        epochs if it has an argument called ``epoch``, or a positional one without default. A
        network needs pairs (inputs, targets).
    optimizer : Optimizer
        Of a network, made with ``net.named_parameters()``. Its options do the rest:
        ``accumulate``, ``clip_norm``, ``ema_decay``, ``report_norm``, schedules. A window of
        ``accumulate`` that the last batch leaves unfinished makes no update; it stays in the
        optimizer, and in checkpoints, for the batches of a later call.
    loss : swiftopt.nn loss
        For a network: `CrossEntropyLoss`, `MSELoss`, or anything that is called with
        predictions and targets and has ``backward()``.
    epochs : int, default 1
        How many there are to be in all, those before a resumption included.
    validation : as `data`, optional
        Evaluated after every epoch, in evaluation mode, and with averaged weights if the
        optimizer has them (see `Optimizer.evaluation`). Results are called "val_...".
    evaluate : function, optional
        For a model that is a function, ``evaluate(*batch) -> {name: number}`` for `validation`.
    metrics : sequence of functions or "accuracy", or dict {name: function}
        For a network: functions of predictions and targets (bfloat16 predictions come as
        float32) that give the mean over a batch.
    scaler : LossScaler, optional
        With which a function scales its loss before it differentiates. It returns the loss
        itself, and the gradients of the scaled one.
    early_stopping : EarlyStopping, optional
        Observes `monitor` after every epoch and ends the training. Its best weights are
        restored by its own ``restore()``.
    plateau : ReduceOnPlateau, optional
        Observes `monitor` after every epoch; it is a factor in ``lr=0.1 * plateau``.
    monitor : str, optional
        An entry of the history. Default: "val_loss" with `validation`, else "loss". An
        accuracy needs ``mode="max"`` in whatever observes it.
    checkpoint : path, optional
        Saved after every epoch, by `swiftopt.save` (the extra ``swiftopt[checkpoint]``).
        Whether that can be done is tried before the first one. A Ctrl-C then waits for the
        end of the step, saves, and raises KeyboardInterrupt; a second one doesn't wait.
    checkpoint_every : int, optional
        Save also each time that so many batches are done.
    keep : int, default 1
        How many checkpoints to keep, as in `swiftopt.save`.
    resume : bool, default False
        Go on from `checkpoint`, with the same bits as a run that never stopped. If there is no
        such file, begin.
    params : nest of arrays, optional
        For a model that is a function, with `checkpoint`: the arrays to save, which are all
        those of the optimizer and whatever else the function changes. Default: the
        optimizer's. Of a network everything is saved.
    rng : numpy.random.Generator or list of them, optional
        What model or data draw random numbers from; their states are in checkpoints.
    log : path or list of paths, optional
        Each epoch is written to a ``.csv`` or ``.jsonl`` file, or to a folder for TensorBoard
        (the extra ``swiftopt[train]``; a new one may end with "/"). A new run replaces the file
        of another run, and no other file; a resumed one continues it without repeating lines.
    progress : bool, optional
        Show the progress on stderr. Default: if that is a terminal.
    callbacks : function or list of functions
        Each is called with a dict at each event, and may return True to stop. One with
        ``state`` and ``load_state(state)`` is part of checkpoints. The events:

        - "step", after every batch: ``epoch`` (counted from 1), ``batch`` in it, ``step``
          (batches in all), ``updates`` (of the optimizer), ``status`` (as in the report),
          ``samples``, ``loss``, the metrics of this batch, ``lr``, ``grad_norm`` (of all
          gradients together, before any limit; None if no update is due). To stop here leaves
          the epoch incomplete: it isn't validated and not in the history, and a resumed run
          goes on with it.
        - "epoch", after each: the entries of the history.
        - "end": ``epoch``, ``step``, ``reason`` ("epochs", "early_stopping" or "callback") and
          ``history``. Not after an exception.

    Returns
    -------
    dict of str to list
        Plain numbers per epoch: ``epoch``, ``step``, ``updates``, ``loss``, metrics, the same
        as ``val_...``, ``lr`` (of the last update), ``grad_norm`` (the mean over the updates;
        None without any), ``skipped`` (steps); and what a clock says: ``seconds`` (of
        training, without validation), ``samples_per_second``, ``data_wait`` (the share of
        time that waited for `data`). Losses and metrics are means over the epoch's batches,
        weighted by their samples, as the model was during the epoch.

    Raises
    ------
    FloatingPointError
        If a loss or a gradient is inf or nan, before anything is updated. It tells the step,
        the innermost layer (of a function only its gradients and parameters are known), the
        last losses and the learning rate. With a `scaler`, or an optimizer with
        ``skip_nonfinite=True``, steps with such gradients are skipped instead.
    TypeError, ValueError
        If an argument doesn't fit.
    CheckpointError
        If the file to resume from doesn't fit; nothing was changed then.
    OSError
        If `checkpoint` or a log can't be written.
    KeyboardInterrupt
        After a Ctrl-C.

    Warns
    -----
    RuntimeWarning
        If there was no update, since all batches together are fewer than ``accumulate``. Where
        their number is known, that is a ValueError at once.

    See Also
    --------
    lr_find

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> from swiftopt import nn
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((256, 2)).astype(np.float32)
    >>> labels = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    >>> batches = [(x[i : i + 32], labels[i : i + 32]) for i in range(0, 256, 32)]
    >>> net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)).reset_parameters(0)
    >>> history = so.train.fit(
    ...     net, batches, loss=nn.CrossEntropyLoss(), epochs=20, metrics=["accuracy"],
    ...     optimizer=so.AdamW(net.named_parameters(), lr=0.02),
    ... )
    >>> len(history["loss"]), history["accuracy"][-1] > 0.9
    (20, True)
    """
    epochs = _whole("epochs", epochs, 0, 2**53)
    keep = _whole("keep", keep, 1, 2**53)
    if checkpoint_every is not None:
        checkpoint_every = _whole("checkpoint_every", checkpoint_every, 1, 2**53)
    for name, part, kind in (
        ("scaler", scaler, LossScaler),
        ("early_stopping", early_stopping, EarlyStopping),
        ("plateau", plateau, ReduceOnPlateau),
    ):
        if part is not None and not isinstance(part, kind):
            raise TypeError(f"{name} is {part!r}; it must be of class {kind.__name__}")
    named = named_metrics(metrics)
    what = as_model(
        model,
        optimizer,
        loss=loss,
        metrics=named,
        evaluate=evaluate,
        scaler=scaler,
        params=params,
    )
    if isinstance(what, FunctionModel):
        if validation is not None and evaluate is None:
            raise ValueError("validation of a model that is a function needs evaluate")
        if checkpoint is not None:
            what.params = saved_params(params, optimizer)
    else:
        check_monitor(monitor, named, validation is not None)
    if as_flag("resume", resume) and checkpoint is None:
        raise ValueError("resume needs checkpoint: the file to go on from")
    if checkpoint_every is not None and checkpoint is None:
        raise ValueError("checkpoint_every needs checkpoint: the file to save to")
    source = Source(data, "data", epochs)
    check_window(optimizer, len(source) * epochs)
    monitor = monitor or ("loss" if validation is None else "val_loss")
    check_mode(monitor, {"early_stopping": early_stopping, "plateau": plateau})
    parts = Parts(
        model=what,
        data=source,
        optimizer=optimizer,
        validation=None if validation is None else Source(validation, "validation", epochs),
        scaler=scaler,
        early_stopping=early_stopping,
        plateau=plateau,
        monitor=monitor,
        callbacks=as_callbacks(callbacks),
        rngs=as_rngs(rng),
    )
    position = Position()
    if parts.validation is not None:
        position.validation_state = parts.validation.state
    logs = as_logs(log)
    checkpoints = Checkpoints(checkpoint, keep, parts, position)
    resumed = resume and checkpoints.resume()
    guard = Guard(model, optimizer, scaler)
    with ExitStack() as stack:
        stack.enter_context(guard.watching())
        stack.enter_context(what.training())
        interrupts = stack.enter_context(Interrupts(hold=checkpoint is not None))
        for one in logs:
            stack.callback(one.close)
            one.begin(position.history)
        shown = as_progress(progress, epochs, len(parts.data), position.step)
        stack.callback(shown.close)
        loop = Loop(
            parts,
            position,
            guard,
            shown,
            interrupts,
            save=lambda: checkpoints.save(guard.pausing()),
            save_every=checkpoint_every,
            logs=logs,
        )
        reason = loop.run(epochs, resumed=resumed)
    warn_of_no_update(optimizer, position.history)
    loop.end(reason)
    return position.history
