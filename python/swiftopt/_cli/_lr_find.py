"""`lr-find`."""

from __future__ import annotations

from pathlib import Path

import click

from swiftopt._cli._command import command, config_argument, json_option, plot_option, set_option
from swiftopt._cli._errors import CommandError
from swiftopt._cli._output import check_picture, is_unicode, print_json, width


@command(
    "lr-find",
    "Find a learning rate.",
    "swiftopt lr-find examples/fashion_mnist.toml --plot range.png",
)
@config_argument
@set_option
@click.option("--lowest", type=float, default=1e-7, show_default=True, help="Rate to begin with.")
@click.option("--highest", type=float, default=10.0, show_default=True, help="Rate to end with.")
@click.option(
    "--steps", type=click.IntRange(2), default=100, show_default=True, help="Updates to make."
)
@plot_option
@json_option
def lr_find(
    config: Path,
    changes: tuple[str, ...],
    lowest: float,
    highest: float,
    steps: int,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Find a learning rate for the training that a TOML file describes.

    It trains for some steps at rising rates and shows the losses. The suggestion is where the loss
    falls most steeply (Smith 2017, section 3.3). Nothing is saved.
    """
    if not 0 < lowest < highest:
        raise click.UsageError(
            f"--lowest {lowest} --highest {highest}: must be 0 < lowest < highest"
        )
    check_picture(picture)
    from swiftopt import train
    from swiftopt._cli._experiment import read
    from swiftopt._cli._text_plot import plot

    experiment = read(config, changes)
    found = train.lr_find(
        experiment.net,
        experiment.data,
        loss=experiment.loss,
        optimizer=experiment.optimizer,
        lowest=lowest,
        highest=highest,
        steps=steps,
    )
    if picture is not None:
        found.plot(picture)
    if as_json:
        print_json(
            {
                "suggestion": found.suggestion,
                "minimum": found.minimum,
                "rates": found.rates.tolist(),
                "losses": found.losses.tolist(),
            }
        )
    else:
        # The losses that diverged at the end would flatten the rest.
        shown = found.smoothed.clip(max=2 * found.smoothed[0] - found.smoothed.min())
        mark = found.suggestion
        click.echo("smoothed loss by learning rate (logarithmic)")
        click.echo(plot(found.rates, shown, width=width(), is_unicode=is_unicode(), mark=mark))
        click.echo(f"a tenth of the minimum: {found.minimum / 10:.2g}")
    if found.suggestion is None:
        raise CommandError("the loss never fell: there is no suggestion; look at the curve")
    if not as_json:
        click.echo(f"suggestion: {found.suggestion:.2g}")
