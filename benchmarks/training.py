"""Training steps of whole networks: the problem, and what every trainer has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import MissingError
from .networks import Network
from .rules import Array

ADAMW: dict[str, Any] = {"betas": (0.9, 0.999), "eps": 1e-6, "weight_decay": 0.01}
#: Batches that a training goes through again and again.
BATCHES = 4
CHECK_STEPS = 8
#: See `Trainer.check`.
TOLERANCES = {"float32": 1e-4, "bfloat16": 0.01}
#: A step that is left out, or made without a part of the gradients, changes more than this.
LEAST_FALL = 0.2


@dataclass
class TrainingProblem:
    """A network's initial parameters, and the batches that it is trained on."""

    network: Network
    batch: int
    threads: int
    #: Those whose losses are the standard, the best first.
    references: Sequence[type[Trainer]]
    parameters: list[Array] = field(default_factory=list)
    batches: list[tuple[Array, Array]] = field(default_factory=list)
    _losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parameters = self.network.parameters()
        generator = np.random.default_rng(12)
        draw = _sequences if self.network.time else _images
        self.batches = [draw(self.network, self.batch, generator) for _ in range(BATCHES)]

    def reference_losses(self) -> list[float]:
        """Return the losses of a training in float64."""
        for kind in self.references:
            if not self._losses:
                try:
                    self._losses = kind(self).losses(CHECK_STEPS)
                except MissingError:
                    continue
        if not self._losses:
            raise MissingError("nobody is there to say what the losses are")
        return self._losses


def _images(network: Network, batch: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Draw plane waves under noise, one wave length and direction for each class."""
    row, column = np.mgrid[:28, :28] * (np.pi / 14)
    waves = np.stack([np.cos((c % 4) * 2 * row + (c // 4) * 3 * column) for c in range(10)])
    labels = generator.integers(0, network.classes, batch)
    noise = generator.standard_normal((batch, *network.input_shape))
    images = 0.7 * waves.reshape(10, *network.input_shape)[labels] + noise
    return images.astype(np.float32), labels


def _sequences(network: Network, batch: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Draw bytes of which each depends on the one before, and the bytes that follow them."""
    follows = np.random.default_rng(13).integers(0, network.classes, (network.classes, 4))
    text = np.empty((batch, network.time + 1), np.uint8)
    text[:, 0] = generator.integers(0, network.classes, batch)
    for place in range(network.time):
        text[:, place + 1] = follows[text[:, place], generator.integers(0, 4, batch)]
    return text[:, :-1].copy(), text[:, 1:].astype(np.int64)


class Trainer(Contender):
    """A contender that trains: forward, loss, backward and AdamW are one step."""

    problem: TrainingProblem
    #: Of the activations; parameters are float32 for the optimizer, or float64 with float64.
    dtype = "float32"

    def __init__(self, problem: TrainingProblem) -> None:
        super().__init__(problem)
        self.place = 0

    def step(self, inputs: Any, labels: Any) -> None:
        """Train with one batch."""
        raise NotImplementedError

    def loss(self) -> float:
        """Return the loss of the last step's batch, before its update."""
        raise NotImplementedError

    def batches(self) -> Sequence[tuple[Any, Any]]:
        """Return the batches as this contender takes them."""
        return self.problem.batches

    def run(self, repeats: int) -> None:
        batches = self.batches()
        for _ in range(repeats):
            self.step(*batches[self.place % BATCHES])
            self.place += 1

    def losses(self, steps: int) -> list[float]:
        """Train, and return the loss of each step."""
        found = []
        self.begin()
        for _ in range(steps):
            self.run(1)
            found.append(self.loss())
        self.end()
        return found

    def check(self) -> Check:
        """Compare the first losses with those of a training in float64.

        In float32 a loss is a mean whose terms have relative errors of a few u = 2^-24 for
        each layer; Adam's division by the root of the second moment makes of such an error in
        a gradient near zero a change of up to the learning rate, in a direction in which the
        loss is flat: 1e-4 is far above what is left of both. In bfloat16 each activation has
        an error of up to 2^-9, and a loss of 2 to 6 one of about as much for each layer in
        the square root: 0.01. The losses fall by many times that.
        """
        expected = np.array(self.problem.reference_losses())
        if expected[0] - expected[-1] < LEAST_FALL:
            raise ValueError(f"the reference doesn't learn: {expected}")
        errors = np.abs(np.array(self.losses(CHECK_STEPS)) - expected)
        largest = float(errors.max()) if np.isfinite(errors).all() else np.inf
        share = largest / TOLERANCES[self.dtype]
        return Check(share <= 1.0, largest, share)
