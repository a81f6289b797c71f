"""`schedules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swiftopt._cli._command import command, json_option, plot_option
from swiftopt._cli._output import check_picture, is_unicode, print_json, width

if TYPE_CHECKING:
    from swiftopt._schedule import Schedule

#: What the list draws of each, over 1000 steps.
EXAMPLES = {
    "constant": "constant(0.1)",
    "cosine": "cosine(0.1, total=1000)",
    "cosine_restarts": "cosine_restarts(0.1, period=250)",
    "cyclic": "cyclic(0.01, 0.1, rise=125)",
    "ema_warmup": "ema_warmup(0.99)",
    "exponential": "exponential(0.1, gamma=0.996)",
    "geometric": "geometric(0.1, 0.001, total=1000)",
    "inverse_sqrt": "inverse_sqrt(0.1, warmup=100)",
    "linear": "linear(0.1, total=1000)",
    "multi_step": "multi_step(0.1, milestones=[400, 700], gamma=0.4)",
    "one_cycle": "one_cycle(0.1, total=1000)",
    "piecewise_constant": "piecewise_constant([0.05, 0.1, 0.02], boundaries=[200, 700])",
    "polynomial": "polynomial(0.1, total=1000, power=2)",
    "rex": "rex(0.1, total=1000)",
    "slanted_triangular": "slanted_triangular(0.1, total=1000)",
    "step_decay": "step_decay(0.1, step_size=250, gamma=0.5)",
    "swa": "swa(500, every=50)",
    "tanh": "tanh(0.1, total=1000)",
    "warmup": "warmup(0.1, warmup=300)",
    "warmup_cosine": "warmup_cosine(0.1, warmup=100, total=1000)",
    "warmup_linear": "warmup_linear(0.1, warmup=100, total=1000)",
    "warmup_stable_decay": "warmup_stable_decay(0.1, warmup=100, decay=200, total=1000)",
}
_STEPS = 1000
_MOST_STEPS = 10_000_000
_POINTS = 1001


@command(
    "schedules",
    "List or draw schedules.",
    'swiftopt schedules "warmup_cosine(0.1, warmup=100, total=1000)" --plot schedule.png',
    'swiftopt schedules "cosine(0.1, total=900).warmup(100)" --steps 1200',
)
@click.argument("expressions", metavar="[SCHEDULE]...", nargs=-1)
@click.option(
    "--steps",
    type=click.IntRange(1, _MOST_STEPS),
    default=_STEPS,
    show_default=True,
    help="How many steps to show.",
)
@plot_option
@json_option
def schedules(
    expressions: tuple[str, ...], steps: int, picture: Path | None, as_json: bool
) -> None:
    """List the schedules, or draw some: each as it is written in Python."""
    check_picture(picture)
    drawn = [(text, _schedule(text, steps)) for text in expressions or EXAMPLES.values()]
    points = _points(steps)
    if picture is not None:
        _draw(picture, drawn, points)
    if as_json:
        print_json([_as_data(text, schedule, points) for text, schedule in drawn])
    elif expressions:
        click.echo("\n\n".join(_curve(text, schedule, points) for text, schedule in drawn))
    else:
        click.echo(_list())
    if picture is not None and not as_json:
        click.echo(f"\nDrawn into {picture}")


def _schedule(text: str, steps: int) -> Schedule:
    from swiftopt._cli._config_optimizer import SCHEDULES
    from swiftopt._cli._expression import ExpressionError, evaluate
    from swiftopt._schedule import Schedule

    text = EXAMPLES.get(text.strip(), text)
    try:
        found = evaluate(text, SCHEDULES, {"steps": steps})
    except ExpressionError as error:
        raise click.UsageError(f"{error}\nTry: swiftopt schedules") from error
    if not isinstance(found, Schedule):
        raise click.UsageError(f"{text!r} is no schedule")
    return found


def _points(steps: int) -> Any:
    import numpy as np

    return np.unique(np.linspace(0, steps, min(steps + 1, _POINTS)).round())


def _as_data(text: str, schedule: Schedule, points: Any) -> dict[str, Any]:
    import json

    return {
        "text": EXAMPLES.get(text, text),
        "schedule": json.loads(schedule.to_json()),
        "steps": points.tolist(),
        "values": schedule(points).tolist(),
    }


def _curve(text: str, schedule: Schedule, points: Any) -> str:
    from swiftopt._cli._text_plot import plot

    drawn = plot(points, schedule(points), width=width(), is_unicode=is_unicode())
    return f"{schedule}\n{schedule.to_json()}\n\n{drawn}"


def _list() -> str:
    import inspect

    from swiftopt._cli._config_optimizer import SCHEDULES
    from swiftopt._cli._text_plot import sparkline

    lines = []
    for name, example in EXAMPLES.items():
        curve = sparkline(_schedule(example, _STEPS)(_points(_STEPS)), is_unicode=is_unicode())
        summary = (inspect.getdoc(SCHEDULES[name]) or "").partition("\n")[0]
        lines += [f"{name:<21}{curve}  {example}", f"{'':<21}{summary}"]
    lines += ["", "One of them in full: swiftopt schedules 'cosine(0.1, total=1000)'"]
    return "\n".join(lines)


def _draw(picture: Path, drawn: list[tuple[str, Schedule]], points: Any) -> None:
    from matplotlib.figure import Figure

    columns = min(len(drawn), 4) if len(drawn) > 3 else 1
    rows = -(-len(drawn) // columns)
    figure = Figure(figsize=(3.4 * columns if columns > 1 else 7, 2.4 * rows + 0.6))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in panels[len(drawn) :]:
        axis.remove()
    for axis, (text, schedule) in zip(panels, drawn, strict=False):
        axis.plot(points, schedule(points))
        axis.set_title(EXAMPLES.get(text, text), fontsize=7 if columns > 1 else 9)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
        axis.set_xlabel("step", fontsize=7)
    figure.savefig(picture, dpi=120)
