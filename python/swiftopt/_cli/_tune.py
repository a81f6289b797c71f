"""`tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swiftopt._cli._command import command, config_argument, json_option, set_option, train_command
from swiftopt._cli._errors import INTERRUPTED, CommandError
from swiftopt._cli._output import is_terminal, print_json

if TYPE_CHECKING:
    from swiftopt._cli._tuning import Result


@command(
    "tune",
    "Tune a training in stages.",
    "swiftopt tune examples/fashion_mnist.toml build/tune --trials 20 --set train.epochs=3",
)
@config_argument
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@set_option
@click.option(
    "--trials", type=click.IntRange(1), default=20, show_default=True, help="Of each stage."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of the choices."
)
@json_option
def tune(
    config: Path,
    folder: Path,
    changes: tuple[str, ...],
    trials: int,
    seed: int,
    as_json: bool,
) -> int:
    """Tune the training that a TOML file describes, and report what each stage bought.

    First optimizer and schedule, then regularisation, then batch size and precision, each with
    the best of what was before, by the least validation loss. Optuna chooses, and ends trials
    that fall behind. Trials are in the folder: what is done isn't run again, so it may be stopped
    at any time, and started again with more trials.
    """
    try:
        import optuna
    except ImportError as error:
        raise CommandError("tune needs the package optuna: pip install 'swiftopt[tune]'") from error
    from swiftopt._cli._tuning import as_data
    from swiftopt._cli._tuning import tune as run

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def show(stage: str, done: int, best: float) -> None:
        _show(f"{stage}: trial {done} of {trials}, least loss {best:.4g}", done)

    try:
        results = run(config, changes, folder, trials=trials, seed=seed, progress=show)
    except KeyboardInterrupt:
        click.echo("\nStopped. The same command goes on.", err=True)
        return INTERRUPTED
    finally:
        if is_terminal():
            click.echo("\r\x1b[K", err=True, nl=False)
    if as_json:
        print_json(as_data(results))
    else:
        click.echo(report(results))
        click.echo(f"\nTo train with it:\n    {_again(config, changes, results[-1].changes)}")
    return 0


def _show(line: str, done: int) -> None:
    if is_terminal():
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)
    elif done % 10 == 0:
        click.echo(line, err=True)


def report(results: list[Result]) -> str:
    """Return a table: the file's own numbers, and after each stage those of the best so far."""
    names = list(results[0].values)
    heads = ["s per epoch" if name == "seconds" else name for name in names]
    wide = max(len(result.stage) for result in results)
    lines = [
        f"{'after':<{wide}}  {'  '.join(f'{head:>13}' for head in heads)}  trials (ended early)"
    ]
    before = results[0]
    for result in results:
        numbers = "  ".join(f"{result.values.get(name, float('nan')):>13.4g}" for name in names)
        lines.append(f"{result.stage:<{wide}}  {numbers}  {result.trials} ({result.pruned})")
        changed = {k: v for k, v in result.changes.items() if before.changes.get(k) != v}
        if changed:
            lines.append(f"    {_bought(before.values, result.values)}")
            lines.append(f"    {', '.join(f'{key} = {value}' for key, value in changed.items())}")
        elif result is not results[0]:
            lines.append("    nothing was better")
        before = result
    return "\n".join(lines)


def _bought(before: dict[str, float], after: dict[str, float]) -> str:
    """Return by how much the numbers have changed."""
    names = [name for name in before if name in after and name != "seconds"]
    return ", ".join(f"{name} {after[name] - before[name]:+.2g}" for name in names)


def _again(config: Path, changes: tuple[str, ...], chosen: dict[str, Any]) -> str:
    texts = [*changes, *(f"{key}={_toml(value)}" for key, value in chosen.items())]
    return train_command(config, texts)


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
