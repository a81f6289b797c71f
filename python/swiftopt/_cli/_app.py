"""The commands, and what an error does to the exit status.

click: one package of pure Python with nothing below it, whose parts are as old as its
documentation. (typer would derive options from annotations, but it draws in further packages and
needs the types of all commands before one of them runs.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from swiftopt import __version__
from swiftopt._cli._bench import bench
from swiftopt._cli._errors import FAILURE, INTERRUPTED, CommandError
from swiftopt._cli._info import info, optimizers
from swiftopt._cli._lr_find import lr_find
from swiftopt._cli._output import drop_output
from swiftopt._cli._schedules import schedules
from swiftopt._cli._study import study
from swiftopt._cli._train import train
from swiftopt._cli._tune import tune

#: Set it to see where an error comes from.
_TRACEBACK = "SWIFTOPT_TRACEBACK"


class _NoReader(Exception):  # noqa: N818  (it isn't one)
    """The reader of the output has enough (`| head`)."""


@contextmanager
def _seen_by_us() -> Iterator[None]:
    # click would make an exit with 1 of it, which looks as one of a user's module does.
    try:
        yield
    except BrokenPipeError as error:
        raise _NoReader from error


class _Group(click.Group):
    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse; --help and --version print here."""
        with _seen_by_us():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _seen_by_us():
            return super().invoke(ctx)


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="\b\nExample:\n    swiftopt train examples/fashion_mnist.toml",
)
@click.version_option(__version__, message="swiftopt %(version)s")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def swiftopt(context: click.Context, as_json: bool) -> None:
    """Train networks on NumPy arrays, and look at what there is to train them with.

    Without a command: the same as info.

    The exit status is 0, 1 after a failure, 2 if the command or its file can't be understood, and
    130 after Ctrl-C. With SWIFTOPT_TRACEBACK=1 errors show where they come from.
    """
    context.obj = as_json
    if context.invoked_subcommand is None:
        context.invoke(info, as_json=as_json)


for _command in (info, optimizers, schedules, train, lr_find, tune, bench, study):
    swiftopt.add_command(_command)


def main(program: str, arguments: list[str]) -> int:
    """Run a command, and return the exit status."""
    try:
        result: Any = swiftopt.main(args=arguments, prog_name=program, standalone_mode=False)
    except click.Abort:
        return _say("Stopped.", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt:
        return _say("Stopped.", INTERRUPTED)
    except _NoReader:
        drop_output()
        return 0
    except CommandError as error:
        _raise_if_asked(error)
        return _say(f"Error: {error}", error.exit_code)
    except Exception as error:
        _raise_if_asked(error)
        if not _is_for_users(error):
            raise
        return _say(f"Error: {_words(error)}", FAILURE)
    return result if isinstance(result, int) else 0


def _say(words: str, status: int) -> int:
    click.echo(words, err=True)
    return status


def _raise_if_asked(error: Exception) -> None:
    if os.environ.get(_TRACEBACK):
        raise error


def _is_for_users(error: Exception) -> bool:
    """Tell errors whose message says what to do from mistakes in this package.

    A module of the user's own that was running has the traceback that its author needs.
    """
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    is_ours = bool(frames) and Path(frames[-1].filename).is_relative_to(Path(__file__).parents[1])
    # numpy and the standard library raise OSError and MemoryError for us.
    if isinstance(error, OSError | MemoryError | FloatingPointError | ImportError):
        return True
    return is_ours and isinstance(error, TypeError | ValueError | RuntimeError)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
