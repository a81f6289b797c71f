"""What a run that goes on from a checkpoint must have as before, and what it has otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from swiftopt._checkpoint._optimizers import OPTIONS
from swiftopt._cli._errors import CommandError
from swiftopt._cli._experiment import Experiment


class Resumption:
    """A callback for its state, which is in each checkpoint and loaded before all the rest.

    The state is how many samples are validated on. Seed and number of samples, which with it
    decide the samples, the loader compares itself.
    """

    def __init__(self, experiment: Experiment) -> None:
        held_out = experiment.validation
        self.state = {"validation": 0 if held_out is None else len(held_out.indices())}
        self._checkpoint, self._optimizer = experiment.checkpoint, experiment.optimizer
        self._options = _options(experiment.optimizer)
        self._is_to_tell = False

    def __call__(self, info: dict[str, Any]) -> None:
        """Say once which options the checkpoint has otherwise than the file: its own count."""
        if not self._is_to_tell:
            return
        self._is_to_tell = False
        for name, value in _options(self._optimizer).items():
            if value != self._options[name]:
                click.echo(
                    f"Note: {name} is {value}, as in the checkpoint; the file has "
                    f"{self._options[name]}",
                    err=True,
                )

    def load_state(self, state: Mapping[str, int]) -> None:
        """Compare the samples that are validated on.

        Raises
        ------
        CommandError
            If the checkpoint's run validated on other samples.
        """
        if state != self.state:
            raise CommandError(
                f"{self._checkpoint} is of a run that validated on {state['validation']} samples; "
                f"data.validation makes it {self.state['validation']} now, so that samples to "
                "train on and to validate on would mix: give it the value of that run, or begin "
                "anew with --overwrite"
            )
        self._is_to_tell = True


def _options(optimizer: Any) -> dict[str, str]:
    # While it trains, the guard against nan has the optimizer skip what isn't finite.
    names = [name for name in OPTIONS if name != "skip_nonfinite"]
    found = {name: repr(getattr(optimizer, name)) for name in names}
    for number, group in enumerate(optimizer.param_groups):
        # The other groups are those of `overrides`.
        place = f" of param_groups[{number}]" if number else ""
        found |= {f"{name}{place}": repr(group[name]) for name in group if name != "params"}
    return found
