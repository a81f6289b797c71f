"""What several commands print, and where files go."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from swiftopt._cli._errors import CommandError


def is_unicode() -> bool:
    """Tell whether the output can show more than ASCII."""
    try:
        "█•│".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def is_terminal() -> bool:
    """Tell whether stderr, where progress is shown, is one; it may be closed, or None."""
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()


def say(line: str) -> None:
    """Print a line; a reader that has enough (`| head`) ends no training."""
    try:
        click.echo(line)
    except BrokenPipeError:
        drop_output()


def drop_output() -> None:
    """Let everything that is printed from now on, or flushed at exit, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def width() -> int:
    """Return the width of the terminal, at most 100 columns."""
    return min(shutil.get_terminal_size((80, 24)).columns, 100)


def print_json(data: Any) -> None:
    """Print data as strict JSON: null for what isn't finite."""
    say(json.dumps(_finite(data), indent=2, allow_nan=False))


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data


def check_picture(path: Path | None) -> None:
    """Raise CommandError if a picture couldn't be written, before anything takes its time."""
    if path is None:
        return
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError as error:
        raise CommandError(
            "--plot needs the package matplotlib: pip install 'swiftopt[train]'"
        ) from error
    kinds = FigureCanvasAgg.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise click.UsageError(f"--plot {path}: its name must end in one of .{', .'.join(kinds)}")
    if not path.resolve().parent.is_dir():
        raise CommandError(f"--plot {path}: there is no folder {path.parent}")
