"""The problems of the study, one file each, and a held-out variant of every one."""

from __future__ import annotations

from collections.abc import Callable

from swiftopt.study.workloads._cnn import cnn
from swiftopt.study.workloads._flights import flights
from swiftopt.study.workloads._logistic import logistic
from swiftopt.study.workloads._lstm import lstm
from swiftopt.study.workloads._mlp import mlp
from swiftopt.study.workloads._transformer import transformer
from swiftopt.study.workloads._workload import Data, Split, Workload

#: By name; each takes `held_out`.
WORKLOADS: dict[str, Callable[[bool], Workload]] = {
    "logistic": logistic,
    "mlp": mlp,
    "cnn": cnn,
    "transformer": transformer,
    "lstm": lstm,
    "flights": flights,
}

__all__ = ["WORKLOADS", "Data", "Split", "Workload"]
