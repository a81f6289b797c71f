"""Tuning in stages: trials of Optuna, whose storage knows what is done."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.storages import JournalStorage

from swiftopt import train
from swiftopt._cli._document import Document
from swiftopt._cli._errors import CommandError, ConfigError
from swiftopt._cli._experiment import Experiment, build
from swiftopt._cli._stages import STAGES, Changes
from swiftopt._cli._train import averaged, evaluated
from swiftopt._cli._trials import storage_in

_FINISHED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


#: Gets the stage, the number of finished trials in it and the least loss, after each.
Progress = Callable[[str, int, float], None]


class Result(NamedTuple):
    """What a stage ended with.

    `values` are the numbers of the best trial so far: "val_loss" and other metrics of its best
    epoch, "test_..." of its weights at the end, "seconds" of an epoch.
    """

    stage: str
    values: dict[str, float]
    changes: Changes
    trials: int
    pruned: int


def tune(
    path: Path,
    changes: tuple[str, ...],
    folder: Path,
    *,
    trials: int,
    seed: int = 0,
    progress: Progress = lambda stage, trial, best: None,
) -> list[Result]:
    """Run what is missing of all stages, and return the file's own result and theirs.

    Parameters
    ----------
    path, changes
        As `Document` takes them.
    folder : path
        Of the storage; what is in it isn't run again.
    trials : int
        Of each stage, pruned ones included.
    seed : int
        Of the choices.
    progress : function
        Gets the stage, the number of finished trials in it and the least loss, after each.
    """
    document = Document(path, changes)
    if not build(document).validation:
        raise document.error("data", "validation", "must be above 0 to tune")
    identity = hashlib.sha256(
        b"\0".join([path.read_bytes(), *(change.encode() for change in changes)])
    ).hexdigest()
    stopping = document.section("train").get("early_stopping") or {}
    if "path" in stopping:  # the best weights of a trial aren't those of the training
        rest = {name: value for name, value in stopping.items() if name != "path"}
        document = document.changed({"train.early_stopping": rest})
    with storage_in(folder) as storage:
        return _stages(document, storage, trials, seed, progress, identity)


def _stages(
    document: Document,
    storage: JournalStorage,
    trials: int,
    seed: int,
    progress: Progress,
    identity: str,
) -> list[Result]:
    best = _first(_study(storage, "the file", identity, seed), document)
    results = [best]
    for stage in STAGES:
        before = best.changes
        study = _study(storage, _name(stage.name, before), identity, seed)
        for done in range(len(study.get_trials(states=_FINISHED)), trials):
            trial = study.ask()
            chosen = {**before, **stage.choose(trial, document, before)}
            trial.set_user_attr("changes", chosen)
            _run(study, trial, document, chosen)
            progress(stage.name, done + 1, min(_least(study), best.values["val_loss"]))
        best = _best(stage.name, study, best)
        results.append(best)
    return results


def _name(stage: str, before: Changes) -> str:
    """Return the name of a stage's study, whose trials all start from the same changes.

    More trials of an earlier stage may find others; then this stage begins anew.
    """
    if not before:
        return stage
    text = json.dumps(before, sort_keys=True)
    return f"{stage} after {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _study(storage: Any, name: str, identity: str, seed: int) -> optuna.Study:
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    if study.user_attrs.setdefault("file", identity) != identity:
        raise CommandError(
            "the folder has trials of another file, or of other --set: take another folder"
        )
    study.set_user_attr("file", identity)
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # it was interrupted
    # Another sequence after each resumption, or it would choose the same again.
    seed = (seed + len(study.trials)) % 2**32
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=5)
    return study


def _first(study: optuna.Study, document: Document) -> Result:
    if not study.get_trials(states=_FINISHED):
        trial = study.ask()
        trial.set_user_attr("changes", {})
        _run(study, trial, document, {})
    (trial_done,) = study.get_trials(states=_FINISHED)
    values = trial_done.user_attrs.get("values")
    if values is None:
        raise CommandError("the file's own training diverges; find a learning rate with lr-find")
    return Result(study.study_name, values, {}, 1, 0)


def _run(study: optuna.Study, trial: optuna.Trial, document: Document, changes: Changes) -> None:
    """Train, and tell the study how it went."""
    try:
        values = measure(document, changes, trial)
    # It diverged, is no good, or doesn't fit the file: a batch that is larger than the data.
    except (FloatingPointError, optuna.TrialPruned, ConfigError):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return
    trial.set_user_attr("values", values)
    study.tell(trial, values["val_loss"])


def measure(document: Document, changes: Changes, trial: optuna.Trial) -> dict[str, float]:
    """Train what a changed document describes, and return the numbers of its best epoch."""
    experiment: Experiment = build(document.changed(changes))
    pruned = []

    def report(info: dict[str, Any]) -> bool:
        if info["event"] == "epoch" and np.isfinite(info["val_loss"]):
            trial.report(info["val_loss"], info["epoch"])
            if trial.should_prune():
                pruned.append(info["epoch"])
        return bool(pruned)

    started = time.perf_counter()
    history = train.fit(
        experiment.net,
        experiment.data,
        loss=experiment.loss,
        optimizer=experiment.optimizer,
        epochs=experiment.settings["epochs"],
        validation=experiment.validation,
        metrics=experiment.metrics,
        early_stopping=experiment.early_stopping,
        plateau=experiment.plateau,
        monitor=experiment.settings["monitor"],
        progress=False,
        callbacks=report,
    )
    if pruned:
        raise optuna.TrialPruned
    seconds = time.perf_counter() - started
    losses = np.array(history["val_loss"])
    if not np.isfinite(losses).any():
        raise FloatingPointError("no loss of an epoch is finite")
    best = int(np.nanargmin(losses))
    found = {name: row[best] for name, row in history.items() if name.startswith("val_")}
    if experiment.test is not None:
        experiment.net.eval()
        with averaged(experiment.optimizer):
            tested = evaluated(experiment, experiment.test)
        found |= {f"test_{name}": value for name, value in tested.items()}
    return {**found, "seconds": seconds / len(losses)}


def _least(study: optuna.Study) -> float:
    with contextlib.suppress(ValueError):  # none is complete
        return study.best_value
    return float("inf")


def _best(name: str, study: optuna.Study, before: Result) -> Result:
    """Return the best trial, or what was before if none is better."""
    done = study.get_trials(states=_FINISHED)
    pruned = sum(trial.state == optuna.trial.TrialState.PRUNED for trial in done)
    values, changes = before.values, before.changes
    if _least(study) < values["val_loss"]:
        values = study.best_trial.user_attrs["values"]
        changes = study.best_trial.user_attrs["changes"]
    return Result(name, values, changes, len(done), pruned)


def as_data(results: list[Result]) -> list[dict[str, Any]]:
    """Return the results as JSON has them."""
    data: list[dict[str, Any]] = json.loads(json.dumps([one._asdict() for one in results]))
    return data
