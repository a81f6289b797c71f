"""The keys of the TOML files: what each may be, and what it means.

docs/command-line.md is written from this (scripts/describe_commands.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from swiftopt._cli._document import Document


class Kind(NamedTuple):
    """What a value must be, in words and as a test."""

    words: str
    accepts: Callable[[Any], bool]


class Key(NamedTuple):
    """A key of a section."""

    kind: Kind
    default: Any
    help: str


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value  # no path has a NUL


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


TEXT = Kind("a text", _is_text)
PATH = Kind("a path", _is_text)
BOOL = Kind("true or false", lambda value: isinstance(value, bool))
COUNT = Kind("a whole number of at least 1", lambda value: _is_whole(value) and value >= 1)
SEED = Kind("a whole number from 0 to 2^64 - 1", lambda v: _is_whole(v) and 0 <= v < 2**64)
SHARE = Kind(
    "a number from 0 to below 1",
    lambda v: isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v < 1,
)
NAME = Kind(
    "a text, or the number of a column",
    lambda value: _is_text(value) or _is_whole(value),
)
TEXTS = Kind("a list of texts", _is_list_of_texts)
PATHS = Kind("a path, or a list of them", lambda value: _is_text(value) or _is_list_of_texts(value))
TABLE = Kind("a table of keys and values", lambda value: isinstance(value, dict))
DTYPE = Kind(
    '"float32", "float64" or "bfloat16"', lambda v: v in ("float32", "float64", "bfloat16")
)

DATA = {
    "name": Key(TEXT, None, 'A known data set: "fashion_mnist".'),
    "folder": Key(PATH, None, "Where the files of the known data set are."),
    "file": Key(PATH, None, "An .npz or .csv file that holds inputs and labels."),
    "inputs": Key(
        NAME, None, "The array in the .npz `file`; without `file`, a path that "
        "`so.data.open` opens. (A .csv `file` has its inputs in all other columns.)"
    ),
    "labels": Key(
        NAME, None, "The array in the .npz `file`, or the column of the .csv `file` by name or "
        "number; without `file`, a path."
    ),
    "test_file": Key(PATH, None, "As `file`, for the test after the training."),
    "test_inputs": Key(PATH, None, "As `inputs` without `file`, for the test."),
    "test_labels": Key(PATH, None, "As `labels` without `file`, for the test."),
    "validation": Key(SHARE, 0.1, "The share of samples, drawn at random, to validate on."),
}  # fmt: skip

MODEL = {
    "layers": Key(
        TEXTS, None, 'Layers of `swiftopt.nn`, one after the other: `"Linear(784, 128)"`. '
        "Branches: `\"Residual(Sequential(Linear(8, 8), ReLU()))\"`."
    ),
    "module": Key(
        TEXT, None, '`"file.py:function"`: your own function, which returns a network. It gets '
        "`seed` if it takes that."
    ),
    "arguments": Key(TABLE, {}, "What your function gets by keyword."),
    "loss": Key(TEXT, "CrossEntropyLoss()", "`CrossEntropyLoss(...)` or `MSELoss(...)`."),
}  # fmt: skip

OPTIMIZER = {
    "name": Key(TEXT, "AdamW", "The class: `swiftopt optimizers` lists them."),
}

TRAIN = {
    "epochs": Key(COUNT, 10, "How many there are to be in all."),
    "batch_size": Key(COUNT, 128, "Samples of a batch."),
    "seed": Key(SEED, 0, "Of parameters, order, augmentations and the optimizer."),
    "dtype": Key(DTYPE, "float32", "Of the network."),
    "augment": Key(TEXTS, [], 'Augmentations of `swiftopt.data`: `"RandomCrop(28, padding=4)"`.'),
    "validation_augment": Key(
        TEXTS, None, "The same for validation and test. By default the `Normalize`, `Resize` "
        "and `CenterCrop` of `augment`."
    ),
    "drop_last": Key(BOOL, False, "Leave out a last batch that has fewer samples."),
    "metrics": Key(
        TEXTS, None, 'By default `["accuracy"]` with `CrossEntropyLoss`, which is all there is.'
    ),
    "monitor": Key(
        TEXT, None, "What `early_stopping` and `plateau` observe: an entry of the history. Their "
        '`mode` is "max" for an accuracy, where the greatest is the best, and "min" for a loss.'
    ),
    "early_stopping": Key(
        TABLE, None, "Arguments of `so.EarlyStopping`, such as `{patience = 5}`, without `params`. "
        "The best weights are put back at the end."
    ),
    "plateau": Key(
        TABLE, None, "Arguments of `so.ReduceOnPlateau`, a factor of the learning rate."
    ),
    "checkpoint": Key(PATH, None, "The whole run, saved after every epoch."),
    "checkpoint_every": Key(COUNT, None, "Save also each time that so many batches are done."),
    "keep": Key(COUNT, 1, "How many checkpoints to keep."),
    "resume": Key(BOOL, False, "Go on from `checkpoint`, if it is there. As `--resume`."),
    "weights": Key(
        PATH, None, "Where the network is saved at the end, by `so.save`: the best weights with "
        "`early_stopping`, and averaged ones if the optimizer averages."
    ),
    "log": Key(PATHS, [], "Where each epoch is written: a .csv or .jsonl file, or a folder for "
        "TensorBoard."
    ),
    "threads": Key(COUNT, None, "Threads of the computation; by default one per processor."),
}  # fmt: skip

SECTIONS = {"data": DATA, "model": MODEL, "optimizer": OPTIMIZER, "train": TRAIN}


def settings(document: Document, section: str) -> dict[str, Any]:
    """Return a value for each key of a section: the document's, or the default.

    Raises
    ------
    ConfigError
        If a value isn't what the key must be. (Unknown keys are looked for apart: optimizers
        have more of them.)
    """
    given = document.section(section)
    found = {}
    for name, key in SECTIONS[section].items():
        value = given.get(name, key.default)
        if name in given and not key.kind.accepts(value):
            raise document.error(section, name, f"is {value!r}; it must be {key.kind.words}")
        found[name] = value
    return found
