"""`bench`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from swiftopt._cli._command import command
from swiftopt._cli._errors import CommandError


@command(
    "bench",
    "Run the repository's benchmarks.",
    "swiftopt bench --quick --only 'adamw-*'",
)
@click.option("--quick", is_flag=True, help="Fewer rounds and no large cases; some minutes.")
@click.option("--only", metavar="CASE", help="A case, or a pattern such as 'adamw-*'.")
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every sample here, as JSON; by default to build/bench.json in the repository.",
)
def bench(quick: bool, only: str | None, path: Path | None) -> int:
    """Measure this machine: the benchmarks of the repository, with the peers that are installed."""
    root = repository()
    if root is None:
        raise CommandError(
            "the benchmarks are in swiftopt's repository, and not in the installed package: "
            "run it in a checkout"
        )
    arguments = ["--quick"] if quick else []
    arguments += ["--only", only] if only is not None else []
    arguments += ["--json", str(path.resolve())] if path is not None else []
    sys.stdout.flush()
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=root, check=False
    ).returncode


def repository() -> Path | None:
    """Return the repository: around the package if it is installed from there, or around here."""
    import swiftopt

    here = Path.cwd()
    for folder in (Path(swiftopt.__file__).parents[2], here, *here.parents):
        if (folder / "benchmarks/__main__.py").is_file() and (
            folder / "python/swiftopt/__main__.py"
        ).is_file():
            return folder
    return None
