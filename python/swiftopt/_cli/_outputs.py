"""The files that a training writes: none may be one that it reads, or another of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from swiftopt._cli._document import Document
from swiftopt._cli._errors import CommandError
from swiftopt._cli._keys import PATH, settings


class Output(NamedTuple):
    """A file or a folder, and the key in [train] that says to write it."""

    key: str
    path: Path


def outputs(document: Document, given: dict[str, Any]) -> list[Output]:
    """Return what the section [train] says to write.

    Raises
    ------
    ConfigError
        If that would destroy something.
    """
    logs = given["log"]
    paths = [("checkpoint", given["checkpoint"]), ("weights", given["weights"])]
    paths += [("log", path) for path in ([logs] if isinstance(logs, str) else logs)]
    best = (given["early_stopping"] or {}).get("path")
    if best is not None and not PATH.accepts(best):
        raise document.error("train", "early_stopping", f"path is {best!r}; it must be a path")
    paths.append(("early_stopping", best))
    found = [Output(key, document.beside(path)) for key, path in paths if path is not None]
    taken = {_identity(document.path): "is this file itself"}
    folders = {}
    for what, path in _inputs(document):
        taken.setdefault(_identity(path), f"is {path}, which {what} reads")
        if what.endswith(("inputs", "labels")) and path.is_dir():
            folders[path.resolve()] = f"is in {path}, which {what} reads"
    for key, path in found:
        identity = _identity(path)
        reasons = [words for folder, words in folders.items() if folder in path.resolve().parents]
        if identity in taken or reasons:
            raise document.error("train", key, taken.get(identity) or reasons[0])
        taken[identity] = f"is {path}, which [train] {key} writes too"
    return found


def _inputs(document: Document) -> list[tuple[str, Path]]:
    """Return the files that are read."""
    data, module = settings(document, "data"), settings(document, "model")["module"]
    keys = ["folder", "file", "test_file"]
    # Of a file they are names of arrays or columns.
    keys += ["inputs", "labels"] if data["file"] is None else []
    keys += ["test_inputs", "test_labels"] if data["test_file"] is None else []
    found = [
        (f"[data] {key}", document.beside(data[key])) for key in keys if isinstance(data[key], str)
    ]
    if module is not None:
        found.append(("[model] module", document.beside(module.rpartition(":")[0])))
    return found


def _identity(path: Path) -> object:
    """Return what is the same for all names of a file."""
    try:
        status = path.stat()
    except OSError:  # it isn't there yet
        return path.resolve()
    return status.st_dev, status.st_ino


def check_writable(found: list[Output]) -> None:
    """Raise CommandError, before anything takes its time, if a file couldn't be saved after it.

    Logs begin with the training, which looks after them itself.
    """
    from swiftopt._checkpoint._package import safetensors

    for key, path in found:
        if key == "log":
            continue
        safetensors()
        if path.is_dir():
            raise CommandError(f"{path} is a folder; [train] {key} must be a file")
        folder = path.resolve().parent
        if not folder.is_dir():
            raise CommandError(f"{path}: there is no folder {path.parent}")
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            words = f"{path}: nothing can be written in {path.parent} ({error.strerror})"
            raise CommandError(words) from error
