"""A training that a TOML file describes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import swiftopt
import swiftopt.data
from swiftopt import nn
from swiftopt._cli import _config_control, _config_data, _config_model, _config_optimizer
from swiftopt._cli._config_control import refused
from swiftopt._cli._document import Document
from swiftopt._cli._expression import ExpressionError, evaluate
from swiftopt._cli._keys import SECTIONS, settings
from swiftopt._cli._outputs import Output, outputs
from swiftopt.data import Augmentation, Loader

AUGMENTATIONS = {
    name: kind
    for name in swiftopt.data.__all__
    if isinstance(kind := getattr(swiftopt.data, name), type)
    and issubclass(kind, Augmentation)
    and kind is not Augmentation
}
#: What isn't random, so that it is for validation too.
_FIXED = (swiftopt.data.Normalize, swiftopt.data.Resize, swiftopt.data.CenterCrop)
_MIXING = (swiftopt.data.Mixup, swiftopt.data.CutMix)


class Experiment(NamedTuple):
    """What `swiftopt.train.fit` gets, and what comes after it."""

    net: nn.Module
    loss: Any
    optimizer: swiftopt.Optimizer
    data: Loader
    validation: Loader | None
    test: Loader | None
    metrics: list[str]
    early_stopping: swiftopt.EarlyStopping | None
    plateau: swiftopt.ReduceOnPlateau | None
    #: The section [train].
    settings: dict[str, Any]
    checkpoint: Path | None
    weights: Path | None
    logs: list[Path]
    #: All that is written: checkpoint, weights and logs too.
    outputs: list[Output]


class Loaders(NamedTuple):
    """The batches to train on, to validate on and to test with."""

    data: Loader
    validation: Loader | None
    test: Loader | None


def build(document: Document) -> Experiment:
    """Read data and make everything else.

    Raises
    ------
    CommandError, OSError, DataError
        With the line of the file that says what can't be done, or the file that can't be read.
    """
    document.check_sections(SECTIONS, needed=("data", "model"))
    document.check_keys("train", SECTIONS["train"])
    given = settings(document, "train")
    for key in ("resume", "checkpoint_every"):
        if given[key] and given["checkpoint"] is None:
            raise document.error("train", key, "needs checkpoint: the file to save to")
    written = outputs(document, given)
    paths = {output.key: output.path for output in written}
    if given["threads"] is not None:
        refused(document, "threads", swiftopt.set_num_threads, given["threads"])
    net, loss = _config_model.read(document, given["seed"], given["dtype"])
    are_classes = isinstance(loss, nn.CrossEntropyLoss)
    augment = _augmentations(document, given, "augment") or []
    is_mixed = any(isinstance(one, _MIXING) for one in augment)
    metrics = given["metrics"]
    if metrics is None:
        metrics = ["accuracy"] if are_classes and not is_mixed else []
    if not set(metrics) <= {"accuracy"} or (metrics and not are_classes):
        raise document.error("train", "metrics", f'is {metrics}; there is "accuracy", of classes')
    plateau = _config_control.plateau(document, given)
    stopping = _config_control.early_stopping(document, given, net)
    loaders = _loaders(document, given, net, augment, are_classes=are_classes, is_mixed=is_mixed)
    optimizer = _config_optimizer.read(
        document,
        net,
        seed=given["seed"],
        batches=len(loaders.data),
        epochs=given["epochs"],
        plateau=plateau,
    )
    return Experiment(
        net,
        loss,
        optimizer,
        *loaders,
        metrics,
        stopping,
        plateau,
        given,
        paths.get("checkpoint"),
        paths.get("weights"),
        [output.path for output in written if output.key == "log"],
        written,
    )


def _loaders(
    document: Document,
    given: dict[str, Any],
    net: nn.Module,
    augment: list[Augmentation],
    *,
    are_classes: bool,
    is_mixed: bool,
) -> Loaders:
    seed, dtype, batch_size = given["seed"], given["dtype"], given["batch_size"]
    fixed = _augmentations(document, given, "validation_augment")
    if fixed is None:
        fixed = [one for one in augment if isinstance(one, _FIXED)]
    found = _config_data.read(document, seed)

    def pair(samples: _config_data.Pair) -> tuple[Any, Any]:
        labels = _config_data.prepared_labels(
            document, samples, are_classes=are_classes, dtype=dtype
        )
        return samples.inputs, labels

    samples = pair(found.samples)
    common = {"batch_size": batch_size, "dtype": _input_dtype(net)}
    data = refused(
        document,
        "augment",
        Loader,
        samples,
        **common,
        augment=augment,
        classes=int(samples[1].max()) + 1 if is_mixed else None,
        drop_last=given["drop_last"],
        seed=seed,
        sampler=_config_data.Mixed(found.train, seed),
    )
    if not len(data):
        words = f"is {batch_size}, more than the {len(found.train)} samples to train on"
        raise document.error("train", "batch_size", words)
    common["augment"] = fixed
    validation = test = None
    if len(found.validation):
        sampler = _config_data.Fixed(found.validation)
        validation = refused(
            document, "validation_augment", Loader, samples, **common, sampler=sampler
        )
    if found.test is not None:
        test = refused(document, "validation_augment", Loader, pair(found.test), **common)
    return Loaders(data, validation, test)


def read(path: str | Path, changes: Iterable[str] = ()) -> Experiment:
    """Build what a file describes."""
    return build(Document(path, changes))


def _augmentations(
    document: Document, given: dict[str, Any], key: str
) -> list[Augmentation] | None:
    if given[key] is None:
        return None
    found = []
    for text in given[key]:
        called = f"{text}()" if text.strip() in AUGMENTATIONS else text
        try:
            one = evaluate(called, AUGMENTATIONS, {})
        except ExpressionError as error:
            raise document.error("train", key, str(error)) from error
        if not isinstance(one, Augmentation):
            raise document.error("train", key, f"{text!r} is no augmentation")
        found.append(one)
    return found


def _input_dtype(net: nn.Module) -> Any:
    """Return the dtype of batches; None for indices, which stay what they are."""
    kind = net.input_kind()
    if kind == "bfloat16":
        return kind
    return np.dtype(kind) if kind in ("float32", "float64") else None
