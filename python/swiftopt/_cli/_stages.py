"""What tuning changes, stage by stage: spaces to choose from, and what a choice is in the file.

The order is that of practice: first what decides most, and each later stage with the best of those
before it (Godbole et al. 2023, "Deep learning tuning playbook", who tune in rounds alike).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from swiftopt import optimizers
from swiftopt._cli._config_optimizer import default_rate, options_of
from swiftopt._cli._document import Document
from swiftopt._cli._keys import OPTIMIZER, TRAIN
from swiftopt._schedule_text import from_data

#: "section.key" and what it becomes.
Changes = dict[str, Any]

#: Learning rates by optimizer: a factor of 100 to 300 around what is usual.
RATES = {"AdamW": (1e-4, 3e-2), "SGD": (3e-3, 1.0), "Lion": (3e-5, 3e-3)}
BATCH_SIZES = (32, 64, 128, 256, 512, 1024)


class Chooser(Protocol):
    """The part of an Optuna trial that stages use."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Choose one of several."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Choose a number."""


class Stage(NamedTuple):
    """A name, and what chooses changes of a document, given those of the stages before."""

    name: str
    choose: Callable[[Chooser, Document, Changes], Changes]


def _optimizer(trial: Chooser, document: Document, before: Changes) -> Changes:
    given = document.section("optimizer")
    own = given.get("name", OPTIMIZER["name"].default)
    # The file's other options stay, so it must be one that knows them.
    known = [name for name in RATES if _knows(name, set(given) - {"name"})]
    name = trial.suggest_categorical("optimizer", sorted({*known, own}))
    lr = trial.suggest_float(f"lr of {name}", *RATES.get(name, (1e-4, 1e-1)), log=True)
    changes: Changes = {"optimizer.name": name}
    if name == "SGD" and not {"momentum", "nesterov"} & set(given):
        changes |= {"optimizer.momentum": 0.9, "optimizer.nesterov": True}
    shape = trial.suggest_categorical("schedule", ["constant", "warmup_cosine", "warmup_linear"])
    lr = _short(lr)
    if shape == "constant":
        return {**changes, "optimizer.lr": lr}
    warmup = trial.suggest_categorical("warmup", [0.02, 0.05, 0.1, 0.2])
    return {**changes, "optimizer.lr": f"{shape}({lr}, warmup_fraction={warmup}, total=steps)"}


def _knows(name: str, options: set[str]) -> bool:
    return options <= set(options_of(getattr(optimizers, name)))


# Label smoothing isn't among these: it changes the very loss that is compared.
def _regularisation(trial: Chooser, document: Document, before: Changes) -> Changes:
    decay = trial.suggest_float("weight_decay", 1e-5, 0.3, log=True)
    changes: Changes = {"optimizer.weight_decay": _short(decay)}
    for key, values in (("clip_norm", [0.5, 1.0, 5.0]), ("ema_decay", [0.9, 0.99])):
        value = trial.suggest_categorical(key, ["as it is", *values])
        if value != "as it is":
            changes[f"optimizer.{key}"] = value
    return changes


def _batch(trial: Chooser, document: Document, before: Changes) -> Changes:
    given = document.section("train").get("batch_size", TRAIN["batch_size"].default)
    sizes = sorted({*BATCH_SIZES, given})
    changes: Changes = {"train.batch_size": trial.suggest_categorical("batch_size", sizes)}
    changes["train.dtype"] = trial.suggest_categorical("dtype", ["float32", "bfloat16"])
    # Other batches want other rates; by which power of the size is what is tried.
    factor = _short(trial.suggest_float("lr factor", 0.25, 4.0, log=True))
    options = document.changed(before).section("optimizer")
    cls = getattr(optimizers, options.get("name", OPTIMIZER["name"].default))
    lr = options.get("lr", default_rate(cls))
    if isinstance(lr, dict):
        lr = repr(from_data(lr))  # the same as a text, which may be multiplied
    changes["optimizer.lr"] = f"{factor} * ({lr})" if isinstance(lr, str) else _short(factor * lr)
    return changes


def _short(value: float) -> float:
    """Return a number with three digits, as people write them."""
    return float(f"{value:.3g}")


STAGES = (
    Stage("optimizer and schedule", _optimizer),
    Stage("regularisation", _regularisation),
    Stage("batch size and precision", _batch),
)
