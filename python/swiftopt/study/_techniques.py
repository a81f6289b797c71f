"""Technique: one row of the study. The rows are in `_table`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from swiftopt.study._claims import Claim
from swiftopt.study._config import Config
from swiftopt.study._search import HORIZON, LEARNING_RATES, Space
from swiftopt.study.workloads import Workload

#: What a change of a field needs the workload to have.
_NEEDS: dict[tuple[str, Any], str] = {
    ("batch_norm", True): "batch_norm",
    ("residual", True): "depth",
    ("separable", True): "separable",
    ("augmentation", True): "augmentation",
    ("dtype", "bfloat16"): "bfloat16",
    ("feed", "loader"): "loader",
}
_NEEDS_ANY = {"dropout": "dropout", "depth": "depth"}
#: What a change needs besides, where a technique fits in: dropout is for samples that are seen
#: again. Training in one pass does without (Chowdhery et al. 2022, "PaLM", section 5).
_NEEDS_TO_FIT = {"dropout": "repeated_samples"}


@dataclass(frozen=True)
class Technique:
    """What is changed against a partner, and what is promised of it.

    Parameters
    ----------
    name, title : str
        The key, and the words for people.
    partner : str or None
        The technique that it is compared with and whose configuration it changes.
    changes : mapping
        Fields of `Config` that differ from the partner's.
    tuned : bool
        Whether it gets trials of its own. If not, it takes the partner's hyper-parameters as
        they were chosen for the partner, which sooner makes it look worse than better.
    searches_horizon : bool
        Whether the length of the run is searched too, for the least time to the target.
    scales_rate : bool
        Multiply the partner's learning rate by the root of the ratio of samples per update
        (Krizhevsky 2014; Malladi et al. 2022 for Adam).
    claims : tuple of Claim
    only : tuple of str
        The workloads that it is tried on; empty: all whose network has the parts.
    fits_in : bool
        Leave out changes that a workload has no parts for, instead of the workload.
    held_out : bool
        Whether it is tried on the held-out variants.
    note : str
        What a reader should know: where numbers come from.
    """

    name: str
    title: str
    partner: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    tuned: bool = False
    searches_horizon: bool = False
    scales_rate: bool = False
    claims: tuple[Claim, ...] = ()
    only: tuple[str, ...] = ()
    fits_in: bool = False
    held_out: bool = False
    note: str = ""

    def applies_to(self, workload: Workload) -> bool:
        """Tell whether the technique makes sense there."""
        main = workload.variant_of or workload.name
        if self.only and main not in self.only:
            return False
        if "batch_size" in self.changes and self.changes["batch_size"] == workload.batch_size:
            return False
        return self.fits_in or not set(self._lacking(workload))

    def changed(self, partner: Config, workload: Workload) -> Config:
        """Return the partner's configuration with this technique in it."""
        lacking = set(self._lacking(workload))
        changes = {name: value for name, value in self.changes.items() if name not in lacking}
        config = partner.replace(**changes)
        if self.scales_rate:
            before = workload.batch_of(partner) * partner.accumulate
            after = workload.batch_of(config) * config.accumulate
            config = config.replace(lr=float(f"{config.lr * (after / before) ** 0.5:.3g}"))
        return config

    def space(self, config: Config) -> Space:
        """Return what is searched for a configuration with this technique."""
        rates = LEARNING_RATES[config.optimizer]
        return (*rates, HORIZON) if self.searches_horizon else rates

    def _lacking(self, workload: Workload) -> Iterator[str]:
        for name, value in self.changes.items():
            needs = {_NEEDS.get((name, value))}
            if value:
                needs.add(_NEEDS_ANY.get(name))
                if self.fits_in:
                    needs.add(_NEEDS_TO_FIT.get(name))
            if needs - {None} - workload.parts:
                yield name
