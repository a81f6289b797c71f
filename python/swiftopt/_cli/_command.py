"""What all commands have in common."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click


def command(
    name: str, summary: str, *examples: str
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command, whose docstring is its help and ends with examples."""
    # click keeps the lines of a paragraph that begins with this character.
    epilog = "\n".join(["\b", "Example:", *(f"    {line}" for line in examples)])
    return click.command(name, short_help=summary, epilog=epilog)


def train_command(config: Path, changes: Iterable[str], *options: str) -> str:
    """Return the line that trains with these changes, for a shell."""
    sets = [word for change in changes for word in ("--set", change)]
    return shlex.join(["swiftopt", "train", str(config), *sets, *options])


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
plot_option = click.option(
    "--plot",
    "picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw into this file (.png, .svg, .pdf).",
)
config_argument = click.argument(
    "config", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
set_option = click.option(
    "--set",
    "changes",
    metavar="SECTION.KEY=VALUE",
    multiple=True,
    help="In place of what the file says; may be repeated.",
)
