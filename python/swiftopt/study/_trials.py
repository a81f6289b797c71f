"""Trial: one training, what it is for, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from swiftopt.study._config import Config
from swiftopt.study.workloads import Workload


@dataclass(frozen=True)
class Trial:
    """One training of the plan.

    Parameters
    ----------
    workload : Workload
    technique : str
        Whose row it is for.
    phase : {"target", "tuning", "reported", "held out"}
    config : Config
        Where `is_settled` is False, only its length and kind are right so far: the
        hyper-parameters wait for the tuning.
    seed : int
    is_settled : bool
    """

    workload: Workload
    technique: str
    phase: str
    config: Config
    seed: int
    is_settled: bool = True

    @property
    def key(self) -> str:
        """Return the key of the result."""
        return self.workload.key(self.config, self.seed)

    @property
    def samples(self) -> int:
        """Return how many training samples it sees at most."""
        return self.workload.steps_of(self.config) * self.workload.batch_of(self.config)
