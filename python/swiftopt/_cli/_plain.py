"""The command line without the package click: the facts, and the table of optimizers."""

from __future__ import annotations

import argparse
import json

from swiftopt import _table
from swiftopt._cli import _facts
from swiftopt._cli._errors import FAILURE, USAGE

#: What there is with click.
COMMANDS = ("bench", "lr-find", "schedules", "study", "train", "tune")


def main(program: str, arguments: list[str]) -> int:
    """Run a command, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog=program,
        description="What this build is and what it found on this machine.",
        epilog=f"Other commands ({', '.join(COMMANDS)}) need the package click: pip install "
        "'swiftopt[cli]'.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "command", nargs="?", choices=("info", "optimizers", *COMMANDS), metavar="COMMAND",
        default="info", help="info (the default), or optimizers: their options and state",
    )  # fmt: skip
    # What other commands take isn't looked at: they don't run.
    options, rest = parser.parse_known_args(arguments)
    if options.command in COMMANDS:
        parser.exit(
            FAILURE, f"{program} {options.command} needs click: pip install 'swiftopt[cli]'\n"
        )
    if rest:
        parser.print_usage()
        parser.exit(USAGE, f"{program}: error: unrecognized arguments: {' '.join(rest)}\n")
    try:
        print(_shown(options.command, as_json=options.json))
    except (ValueError, RuntimeError) as error:  # of what environment variables say
        parser.exit(FAILURE, f"Error: {error}\n")
    return 0


def _shown(command: str, *, as_json: bool) -> str:
    if command == "optimizers":
        rows = _table.rows()
        return json.dumps(rows, indent=2) if as_json else _table.text(rows)
    return json.dumps(_facts.facts(), indent=2) if as_json else _facts.text()
