"""[data]: what is trained and validated on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from swiftopt._arrays import Array
from swiftopt._cli._document import Document
from swiftopt._cli._errors import CommandError
from swiftopt._cli._keys import DATA, settings


class Pair(NamedTuple):
    """Inputs and labels: arrays, or inputs that are shards."""

    inputs: Any
    labels: Array


class Data(NamedTuple):
    """Samples, those that are held out for validation, and others for a last test."""

    samples: Pair
    train: Array
    validation: Array
    test: Pair | None


class Fixed:
    """A sampler: these samples in this order."""

    def __init__(self, chosen: Array) -> None:
        self._chosen = chosen

    def indices(self, epoch: int) -> Array:
        """Return the samples of an epoch."""
        return self._chosen


class Mixed(Fixed):
    """A sampler: these samples, in an order of its own for each epoch."""

    def __init__(self, chosen: Array, seed: int) -> None:
        super().__init__(chosen)
        self._seed = seed

    def indices(self, epoch: int) -> Array:
        """Return the samples of an epoch."""
        mixed: Array = np.random.default_rng((self._seed, epoch)).permutation(self._chosen)
        return mixed


def read(document: Document, seed: int) -> Data:
    """Read what the section [data] names."""
    document.check_keys("data", DATA)
    given = settings(document, "data")
    test: Pair | None
    if given["name"] is not None:
        samples, test = _known(document, given)
    else:
        samples = _read(document, given, "")
        has_test = any(given[f"test_{key}"] is not None for key in ("file", "inputs", "labels"))
        test = _read(document, given, "test_") if has_test else None
    count = len(samples.labels)
    order = np.random.default_rng(seed).permutation(count)
    held_out = round(count * given["validation"])
    if held_out == count:
        raise document.error("data", "validation", f"leaves nothing of {count} samples to train on")
    # In the order of storage, which is faster to read.
    return Data(samples, np.sort(order[held_out:]), np.sort(order[:held_out]), test)


def _known(document: Document, given: dict[str, Any]) -> tuple[Pair, Pair]:
    import swiftopt.data

    if given["name"] != "fashion_mnist":
        raise document.error("data", "name", f'is {given["name"]!r}; it must be "fashion_mnist"')
    for key in ("file", "inputs", "labels", "test_file", "test_inputs", "test_labels"):
        if given[key] is not None:
            raise document.error("data", key, "is for data that `name` doesn't name")
    folder = given["folder"]
    found = swiftopt.data.fashion_mnist(None if folder is None else document.beside(folder))
    return Pair(*found.train), Pair(*found.test)


def _read(document: Document, given: dict[str, Any], prefix: str) -> Pair:
    """Return inputs and labels of one file or two."""
    if given["folder"] is not None:
        raise document.error("data", "folder", "is for a data set with a `name`")
    file = given[f"{prefix}file"]
    # A file to test with is like the one to train with: the same names.
    names = "" if file is not None else prefix
    inputs, labels = given[f"{names}inputs"], given[f"{names}labels"]
    if labels is None or (file is None and inputs is None):
        needed = "`name`, or `file` and `labels`, or `inputs` and `labels`"
        words = f"needs {prefix}inputs and {prefix}labels" if prefix else f"needs {needed}"
        raise document.error("data", None, words)
    pair = (
        Pair(_array(document, f"{names}inputs", inputs), _array(document, f"{names}labels", labels))
        if file is None
        else _members(document, f"{prefix}file", document.beside(file), inputs, labels)
    )
    for key, array in zip(("inputs", "labels"), pair, strict=True):
        if not array.shape:
            raise document.error("data", f"{names}{key}", "is a single number; it needs samples")
    if np.asarray(pair.labels).shape[:1] != pair.inputs.shape[:1]:
        raise document.error(
            "data",
            f"{names}labels",
            f"has {len(pair.labels)} samples; there are {pair.inputs.shape[0]} inputs",
        )
    if not len(pair.labels):
        raise document.error("data", f"{names}labels", "has no samples")
    return pair


def _array(document: Document, key: str, path: Any) -> Any:
    import swiftopt.data

    if not isinstance(path, str):
        raise document.error("data", key, f"is {path!r}; without `file` it must be a path")
    found = swiftopt.data.open(document.beside(path))
    if isinstance(found, dict):
        raise document.error(
            "data", key, f"{path} holds several arrays; name it in `file`, and here one of "
            f"{', '.join(found)}"
        )  # fmt: skip
    return found


def _members(document: Document, key: str, path: Path, inputs: Any, labels: Any) -> Pair:
    import swiftopt.data

    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    if suffixes[-1:] in ([".csv"], [".tsv"]):
        if inputs is not None:
            raise document.error("data", "inputs", "is for an .npz file; a table's are the rest")
        delimiter = "," if suffixes[-1] == ".csv" else "\t"
        return Pair(*swiftopt.data.read_csv(path, label=labels, delimiter=delimiter))
    found = swiftopt.data.open(path)
    if not isinstance(found, dict):
        raise document.error("data", key, f"{path} is no .npz or .csv file; use `inputs`, `labels`")
    for name, value in (("inputs", inputs), ("labels", labels)):
        if value not in found:
            raise document.error(
                "data", name if value is not None else None,
                f"{path.name} has no array {value!r}; it has {', '.join(found)}",
            )  # fmt: skip
    return Pair(found[inputs], found[labels])


def prepared_labels(document: Document, pair: Pair, *, are_classes: bool, dtype: str) -> Array:
    """Return labels as the loss takes them: classes as integers, or numbers in columns."""
    labels = np.asarray(pair.labels[:])
    if are_classes:
        if labels.dtype.kind not in "iu":
            raise CommandError(
                f"{document.path}: labels are {labels.dtype}; CrossEntropyLoss needs the numbers "
                "of classes, which are integers"
            )
        return labels if labels.dtype in (np.uint8, np.int32, np.int64) else labels.astype(np.int64)
    if labels.dtype.kind not in "iuf":
        raise CommandError(f"{document.path}: labels are {labels.dtype}; they must be numbers")
    labels = labels.astype(np.float64 if dtype == "float64" else np.float32)
    return labels[:, None] if labels.ndim == 1 else labels
