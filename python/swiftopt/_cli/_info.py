"""`info` and `optimizers`."""

from __future__ import annotations

import json

import click

from swiftopt._cli import _facts
from swiftopt._cli._command import command, json_option


@command(
    "info",
    "Print what this build is and found.",
    "swiftopt info --json",
)
@json_option
@click.pass_obj
def info(before: bool, as_json: bool) -> None:
    """Print version, instruction level, threads, BLAS and dtypes: what a bug report needs."""
    as_json = as_json or bool(before)
    click.echo(json.dumps(_facts.facts(), indent=2) if as_json else _facts.text())


@command(
    "optimizers",
    "List optimizers, options and memory.",
    "swiftopt optimizers",
)
@json_option
@click.pass_obj
def optimizers(before: bool, as_json: bool) -> None:
    """List the optimizers, their options, and the memory of their state."""
    from swiftopt import _table

    rows = _table.rows()
    as_json = as_json or bool(before)
    click.echo(json.dumps(rows, indent=2) if as_json else _table.text(rows))
