"""`study`."""

from __future__ import annotations

import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from swiftopt._cli._command import command
from swiftopt._cli._errors import CommandError
from swiftopt._cli._output import is_terminal


@command(
    "study",
    "Measure what each technique buys.",
    "swiftopt study build/study --quick",
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--quick", is_flag=True, help="The small study of minutes.")
@click.option("--hours", type=click.FloatRange(0), help="Begin nothing new after so long.")
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Trials at the same time."
)
@click.option("--report-only", is_flag=True, help="Run nothing; write the report of what is there.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the report is written; by default in the folder.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page, one file that needs nothing else, here too.",
)
def study(
    folder: Path,
    quick: bool,
    hours: float | None,
    jobs: int,
    report_only: bool,
    output: Path | None,
    html: Path | None,
) -> None:
    """Measure what each technique of training buys, and write tables, pictures and a page.

    What is in the folder isn't run again, so it may be stopped at any time and started again.
    """
    if find_spec("swiftopt.study") is None:
        raise CommandError("this build of swiftopt has no study")
    if report_only and not (folder / "results.jsonl").is_file():
        raise CommandError(f"{folder} has no results.jsonl: there is nothing to report")
    module: Any = import_module("swiftopt.study")
    try:
        if not report_only:
            found = module.run(folder, quick, budget_hours=hours, jobs=jobs, progress=_show)
            click.echo("", err=True)
            if not found.is_complete:
                click.echo(f"{found.trials_left} trials are left: the same command goes on.")
        paths: dict[str, Any] = module.report(folder, output, quick=quick)
        if html is not None:
            html.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths["html"], html)
            paths["page"] = html
        for path in paths.values():
            click.echo(path)
    except module.StudyError as error:
        raise CommandError(str(error)) from error


def _show(progress: Any) -> None:
    line: Any = import_module("swiftopt.study._progress").line
    if is_terminal():
        click.echo(f"\r\x1b[K{line(progress)[:110]}", err=True, nl=False)
    elif progress.done % 50 == 0:
        click.echo(line(progress), err=True)
