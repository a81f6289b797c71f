"""Workload: a problem, its network, and how long training on it may take."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from swiftopt import nn
from swiftopt._arrays import Array
from swiftopt.study._config import Config, digest

#: Part of every key: a change of the protocol makes all trials anew.
PROTOCOL = 1


class Split(NamedTuple):
    """Inputs and targets, one row each; views are fine."""

    inputs: Array
    targets: Array


class Data(NamedTuple):
    """What to train on, to choose by, and to report.

    `mean` and `deviation` are those of the pixels of images (uint8, in units of 1); None says
    that inputs are taken as they are.
    """

    train: Split
    validation: Split
    test: Split
    mean: float | None = None
    deviation: float | None = None

    def fingerprint(self) -> str:
        """Return hexadecimal digits that change with the data."""
        state = hashlib.blake2b(digest_size=8)
        for split in (self.train, self.validation, self.test):
            for array in split:
                state.update(repr((array.shape, array.dtype.str)).encode())
                # Windows of a text overlap: 16 MiB, spread over all rows, tell it as well.
                step = max(array.nbytes // 2**24, 1)
                state.update(np.ascontiguousarray(array[::step]).tobytes())
        return state.hexdigest()


@dataclass(frozen=True)
class Workload:
    """A problem that techniques are tried on.

    Parameters
    ----------
    name : str
        The key in files and tables.
    title : str
        For people.
    load : callable
        Returns the `Data`.
    network : callable
        Makes the network for a `Config`, with parameters that are still to be drawn.
    metric : {"accuracy", "loss"}
        What the target is set for; "loss" is the cross entropy in nats.
    batch_size : int
        The usual one.
    budget : int
        Batches of that size in a run of horizon 1.
    every : int
        Batches of that size between evaluations.
    settings : dict
        All numbers that define data and network, for the key.
    parts : frozenset of str
        Fields of `Config` that the network or the data follow; and "repeated_samples" where a
        run sees each training sample more than twice.
    seconds : float
        About how long a run of horizon 1 takes on two cores, until one has been measured.
    variant_of : str or None
        The workload that choices are made on, if none is made on this one.
    """

    name: str
    title: str
    load: Callable[[], Data]
    network: Callable[[Config], nn.Module]
    metric: str
    batch_size: int
    budget: int
    every: int
    evaluation_batch: int = 500
    settings: dict[str, Any] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()
    seconds: float = 10.0
    variant_of: str | None = None

    @property
    def larger_is_better(self) -> bool:
        """Return the direction of the metric."""
        return self.metric == "accuracy"

    def reaches(self, value: float, target: float) -> bool:
        """Tell whether a value of the metric is as good as the target."""
        return value >= target if self.larger_is_better else value <= target

    def batch_of(self, config: Config) -> int:
        """Return the batch size of a training."""
        return config.batch_size or self.batch_size

    def steps_of(self, config: Config) -> int:
        """Return the batches of a training: the same number of samples for every batch size."""
        samples = self.budget * self.batch_size * config.horizon
        return max(round(samples / self.batch_of(config)), config.accumulate)

    def every_of(self, config: Config) -> int:
        """Return the batches between evaluations: the same number of samples, if it can be."""
        return max(round(self.every * self.batch_size / self.batch_of(config)), 1)

    def key(self, config: Config, seed: int) -> str:
        """Return what names one trial: a digest of all that its result follows from."""
        return digest(
            {
                "protocol": PROTOCOL,
                "workload": self.identity(),
                "config": config.to_json(),
                "seed": seed,
            }
        )

    def identity(self) -> dict[str, Any]:
        """Return what defines the workload, data aside."""
        return {
            "name": self.name,
            "metric": self.metric,
            "batch_size": self.batch_size,
            "budget": self.budget,
            "every": self.every,
            "settings": self.settings,
        }
