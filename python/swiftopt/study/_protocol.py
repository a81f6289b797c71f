"""Protocol: how many trials, on what."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from swiftopt.study._table import SETTERS, TECHNIQUES
from swiftopt.study._techniques import Technique
from swiftopt.study.workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class Protocol:
    """The size of a study.

    Parameters
    ----------
    workloads, techniques : tuple of str
        Names; partners of techniques must be among them.
    tuning_trials : int
        For each technique that is tuned, on each workload; with a seed of their own.
    seeds : int
        Trials for every cell that is reported.
    held_out : bool
        Whether held-out variants are run.
    budget : float
        Factor on the length of all runs.
    timing_rounds : int
        Measurements of each time.
    timing_seconds : float
        Length of each measurement.
    """

    workloads: tuple[str, ...] = tuple(WORKLOADS)
    techniques: tuple[str, ...] = tuple(TECHNIQUES)
    tuning_trials: int = 8
    seeds: int = 5
    held_out: bool = True
    budget: float = 1.0
    timing_rounds: int = 11
    timing_seconds: float = 0.25

    def __post_init__(self) -> None:
        if not set(SETTERS) <= set(self.techniques):
            raise ValueError(f"techniques must have {', '.join(SETTERS)}, which set the targets")
        for name in self.techniques:
            partner = TECHNIQUES[name].partner
            compared = {partner, *(claim.against for claim in TECHNIQUES[name].claims)} - {None}
            lacking = compared - set(self.techniques)
            if lacking:
                raise ValueError(f"{name} is compared with {', '.join(sorted(map(str, lacking)))}")

    def main_workloads(self) -> list[Workload]:
        """Return the workloads that choices are made on."""
        return [self._scaled(WORKLOADS[name](False)) for name in self.workloads]

    def variant(self, workload: Workload) -> Workload:
        """Return the held-out variant of a workload."""
        return self._scaled(WORKLOADS[workload.name](True))

    def rows(self, workload: Workload) -> list[Technique]:
        """Return the techniques that are tried on a workload, partners first."""
        found: dict[str, Technique] = {}
        for name in self.techniques:
            technique = TECHNIQUES[name]
            has_partner = technique.partner is None or technique.partner in found
            if has_partner and technique.applies_to(workload):
                found[name] = technique
        return list(found.values())

    def _scaled(self, workload: Workload) -> Workload:
        if self.budget == 1.0:
            return workload
        return dataclasses.replace(
            workload,
            budget=max(round(workload.budget * self.budget), 1),
            every=max(round(workload.every * self.budget), 1),
            seconds=workload.seconds * self.budget,
        )


FULL = Protocol()

#: For newcomers: some minutes.
QUICK = Protocol(
    workloads=("logistic", "mlp"),
    techniques=(
        "sgd_naive", "sgd", "momentum", "sgd_tuned", "sgd_short", "adamw", "cosine",
        "batch_norm", "bfloat16", "loader", "all", "all_short",
    ),
    tuning_trials=4,
    seeds=3,
    held_out=False,
    budget=0.4,
    timing_rounds=5,
    timing_seconds=0.1,
)  # fmt: skip
