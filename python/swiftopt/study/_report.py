"""Writing the report of a study."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from swiftopt.study._analysis import analyse
from swiftopt.study._document import document
from swiftopt.study._html import page
from swiftopt.study._pictures import draw
from swiftopt.study._protocol import FULL, QUICK, Protocol
from swiftopt.study._store import Store


def report(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    quick: bool = False,
    protocol: Protocol | None = None,
) -> dict[str, Path]:
    """Write tables, pictures and a page from the results in a folder.

    Parameters
    ----------
    folder : path
        Where `run` left its results. What isn't there yet is left out.
    output : path, optional
        Where to write; by default the folder's own `report`.
    quick : bool, default False
        Whether it is the small study.
    protocol : Protocol, optional
        The size that the study was run with, if it was one of your own.

    Returns
    -------
    dict
        The paths of ``"markdown"`` (study.md), ``"json"`` (study/results.json), ``"html"``
        (study/study.html, one file that needs nothing else), and of the pictures, by name.
    """
    results = analyse(protocol or (QUICK if quick else FULL), Store(folder))
    return write(results, Path(output) if output is not None else Path(folder) / "report")


def write(results: dict[str, Any], output: Path) -> dict[str, Path]:
    """Write the report from its numbers alone."""
    inner = output / "study"
    inner.mkdir(parents=True, exist_ok=True)
    pictures = draw(results)
    texts = {
        "markdown": (output / "study.md", document(results)),
        "json": (inner / "results.json", json.dumps(results, separators=(",", ":")) + "\n"),
        "html": (inner / "study.html", page(results, pictures)),
        **{name: (inner / name, svg) for name, svg in pictures.items()},
    }
    for path, text in texts.values():
        path.write_text(text, encoding="utf-8")
    return {name: path for name, (path, _) in texts.items()}
