"""`train`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swiftopt._cli._command import command, config_argument, json_option, set_option, train_command
from swiftopt._cli._errors import INTERRUPTED, CommandError
from swiftopt._cli._output import is_terminal, print_json, say

if TYPE_CHECKING:
    from swiftopt._cli._experiment import Experiment


@command(
    "train",
    "Train what a TOML file describes.",
    "swiftopt train examples/fashion_mnist.toml",
    "swiftopt train examples/fashion_mnist.toml --set train.epochs=20 --resume",
)
@config_argument
@set_option
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, if it is there.")
@click.option("--overwrite", is_flag=True, help="Begin anew where there is a checkpoint.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors, notes and --json.")
@json_option
def train(
    config: Path,
    changes: tuple[str, ...],
    resume: bool,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Train the network that a TOML file describes.

    After Ctrl-C, or a kill, --resume goes on from the file's checkpoint to the same bits.
    """
    import swiftopt
    from swiftopt._cli._experiment import read
    from swiftopt._cli._outputs import check_writable

    if resume and overwrite:
        raise click.UsageError("--resume goes on and --overwrite begins anew: give one of them")
    experiment = read(config, changes)
    resume = resume or (experiment.settings["resume"] and not overwrite)
    _check_checkpoint(config, experiment.checkpoint, resume=resume, overwrite=overwrite)
    check_writable(experiment.outputs)
    started = time.perf_counter()
    try:
        history = _fit(experiment, resume=resume, quiet=quiet or as_json)
    except KeyboardInterrupt:
        _stopped(config, changes, experiment)
        return INTERRUPTED
    stopping = experiment.early_stopping
    best = None
    if stopping is not None and stopping.best_observation is not None:
        best = stopping.best_observation + 1
        stopping.restore()
    # The best weights are what was validated: averaged already if the optimizer averages.
    with nullcontext() if best is not None else averaged(experiment.optimizer):
        experiment.net.eval()
        tested = None if experiment.test is None else evaluated(experiment, experiment.test)
        # Before the weights are saved, which may fail.
        if as_json:
            seconds = time.perf_counter() - started
            _print_json(experiment, history, tested, best, seconds)
        elif not quiet:
            _print(tested, best)
        if experiment.weights is not None:
            swiftopt.save(experiment.weights, params=experiment.net.state_dict())
    if not quiet and not as_json:
        for path in (experiment.checkpoint, experiment.weights):
            if path is not None:
                say(f"saved: {path}")
    return 0


def _print(tested: dict[str, float] | None, best: int | None) -> None:
    if best is not None:
        say(f"best: epoch {best}, whose weights were put back")
    if tested is not None:
        say(f"test: {', '.join(f'{k} {v:.4g}' for k, v in tested.items())}")


def _print_json(
    experiment: Experiment,
    history: dict[str, list[Any]],
    tested: dict[str, float] | None,
    best: int | None,
    seconds: float,
) -> None:
    print_json(
        {
            "history": history,
            "test": tested,
            "best_epoch": best,
            "seconds": seconds,
            "checkpoint": experiment.checkpoint and str(experiment.checkpoint),
            "weights": experiment.weights and str(experiment.weights),
        }
    )


def _check_checkpoint(
    config: Path, checkpoint: Path | None, *, resume: bool, overwrite: bool
) -> None:
    if checkpoint is None:
        if resume:
            raise click.UsageError(f"--resume: {config} has no checkpoint in [train]")
        return
    if checkpoint.exists() and not resume and not overwrite:
        raise CommandError(
            f"{checkpoint} exists: --resume goes on from it, --overwrite begins anew"
        )


def _fit(experiment: Experiment, *, resume: bool, quiet: bool) -> dict[str, list[Any]]:
    from swiftopt import train
    from swiftopt._cli._resuming import Resumption

    settings = experiment.settings
    callbacks: list[Callable[[dict[str, Any]], None]] = []
    if experiment.checkpoint is not None:
        callbacks.append(Resumption(experiment))
    # A terminal has these lines from the progress.
    if not quiet and not is_terminal():
        callbacks.append(partial(_line, settings["epochs"]))
    return train.fit(
        experiment.net,
        experiment.data,
        loss=experiment.loss,
        optimizer=experiment.optimizer,
        epochs=settings["epochs"],
        validation=experiment.validation,
        metrics=experiment.metrics,
        early_stopping=experiment.early_stopping,
        plateau=experiment.plateau,
        monitor=settings["monitor"],
        checkpoint=experiment.checkpoint,
        checkpoint_every=settings["checkpoint_every"],
        keep=settings["keep"],
        resume=resume,
        log=experiment.logs or None,
        progress=False if quiet else None,
        callbacks=callbacks,
    )


def _line(epochs: int, info: dict[str, Any]) -> None:
    from swiftopt.train._progress import epoch_text

    if info["event"] == "epoch":
        say(epoch_text({key: info[key] for key in info if key != "event"}, epochs))


def _stopped(config: Path, changes: tuple[str, ...], experiment: Experiment) -> None:
    words = "Stopped; there is no checkpoint in [train], so nothing was saved."
    if experiment.checkpoint is not None and experiment.checkpoint.exists():
        words = f"Stopped. To go on: {train_command(config, changes, '--resume')}"
    click.echo(words, err=True)


@contextmanager
def averaged(optimizer: Any) -> Iterator[None]:
    """Put averaged weights in place, if the optimizer has them."""
    with ExitStack() as stack:
        with suppress(ValueError):  # it has no averages
            stack.enter_context(optimizer.evaluation())
        yield


def evaluated(experiment: Experiment, data: Any) -> dict[str, float]:
    """Return means over data."""
    from swiftopt import cast, train
    from swiftopt._dtypes import kind_of

    total = 0
    sums: dict[str, float] = {"loss": 0.0, **dict.fromkeys(experiment.metrics, 0.0)}
    for inputs, targets in data:
        predictions: Any = experiment.net(inputs)
        sums["loss"] += len(inputs) * float(experiment.loss(predictions, targets))
        if "accuracy" in sums:
            if kind_of(predictions) == "bfloat16":
                predictions = cast(predictions, "float32")
            sums["accuracy"] += len(inputs) * train.accuracy(predictions, targets)
        total += len(inputs)
    return {name: value / total for name, value in sums.items()}
