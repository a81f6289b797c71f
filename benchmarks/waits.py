"""Waiting: the same training, fed in different ways; a step is an epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from .check import Check
from .contenders import Contender
from .feeds import CLASSES, MEAN, STD, Feed, FeedProblem, SwiftOptFeed
from .layer_networks import SwiftOptBFloat16Trainer
from .networks import Network
from .numpy_feeds import NumPyNaive, NumPyWindows
from .peers.torch_feeds import TorchLoader, TorchLoader2
from .training import LEAST_FALL, TrainingProblem

WAITING = "share of the time spent waiting for data"
SAYS = "the same, as loader.stats says"
SECONDS = "seconds of an epoch spent waiting for data"
#: Steps in a check, and of how many at either end losses are averaged.
_CHECK_EPOCHS = 2
_FEW = 4


class WaitProblem:
    """A network, and the data set that it is trained on."""

    def __init__(self, network: Network, batches: int, batch: int, threads: int) -> None:
        self.training = TrainingProblem(network, batch, threads, ())
        self.feed = FeedProblem(batches * batch, batch, threads, has_classes=True)
        self.shape = (batch, *network.input_shape)
        #: For the check of the feed itself.
        self.numbered = FeedProblem(4000, batch, threads, has_classes=False)


class Ready(Feed):
    """Four batches that exist already, over and over: no feeding at all."""

    name = "batches that are there"
    is_peer = False

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        size = 4 * problem.batch
        images = ((problem.images[:size] / 255 - MEAN) / STD).astype(np.float32)
        self.ready = [
            (images[i : i + problem.batch], problem.labels[i : i + problem.batch])
            for i in range(0, size, problem.batch)
        ]

    def batches(self) -> Iterator[tuple[Any, Any]]:
        for number in range(self.problem.count // self.problem.batch):
            yield self.ready[number % len(self.ready)]

    def check(self) -> Check:
        return Check(True, 0.0, 0.0)


class Fed(Contender):
    """swiftopt's training in bfloat16, and one way to feed it."""

    feed: type[Feed]

    problem: WaitProblem

    def __init__(self, problem: WaitProblem) -> None:
        super().__init__(problem)
        self.source = self.feed(problem.feed)
        self.trainer = SwiftOptBFloat16Trainer(problem.training)
        self.waited = self.elapsed = 0.0
        self.epochs = 0
        self.losses: list[float] = []

    def begin(self) -> None:
        self.source.begin()
        self.trainer.begin()
        self.losses.clear()

    def end(self) -> None:
        self.trainer.end()
        self.source.end()

    def run(self, repeats: int) -> None:
        shape, step, now = self.problem.shape, self.trainer.step, time.perf_counter
        waited, start = 0.0, now()
        for _ in range(repeats):
            before = now()
            batches = self.source.batches()
            while True:
                batch = next(batches, None)
                waited += now() - before
                if batch is None:
                    break
                images, labels = batch
                step(images.reshape(shape), labels)
                self.losses.append(self.trainer.last)
                before = now()
        self.waited, self.elapsed, self.epochs = waited, now() - start, repeats

    def measures(self) -> dict[str, float]:
        return {WAITING: self.waited / self.elapsed, SECONDS: self.waited / self.epochs}

    def check(self) -> Check:
        """The feed gives what it should, and losses fall."""
        self.begin()
        self.run(_CHECK_EPOCHS)
        losses = np.array(self.losses)
        self.end()
        has_learnt = losses[:_FEW].mean() - losses[-_FEW:].mean() > LEAST_FALL
        if not has_learnt or not np.isfinite(losses).all():
            return Check(False, np.inf, np.inf)
        return self.feed(self.problem.numbered).check()


class FedBySwiftOpt(Fed):
    """`so.data.Loader`."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True
    feed = SwiftOptFeed

    source: SwiftOptFeed

    def run(self, repeats: int) -> None:
        self.source.loader.stats.reset()
        super().run(repeats)

    def measures(self) -> dict[str, float]:
        return {**super().measures(), SAYS: self.source.loader.stats.wait_share}


class FedReady(Fed):
    """Nothing to wait for: what training takes."""

    name = Ready.name
    is_peer = False
    feed = Ready


class FedNaive(Fed):
    """A loop that augments image by image."""

    name = NumPyNaive.name
    feed = NumPyNaive


class FedWindows(Fed):
    """The fastest of the NumPy loops."""

    name = NumPyWindows.name
    feed = NumPyWindows


class FedTorch(Fed):
    """A DataLoader in the process itself."""

    name = TorchLoader.name
    feed = TorchLoader


class FedTorch2(Fed):
    """A DataLoader with two processes."""

    name = TorchLoader2.name
    feed = TorchLoader2


LINEUP: tuple[type[Contender], ...] = (
    FedBySwiftOpt,
    FedReady,
    FedNaive,
    FedWindows,
    FedTorch,
    FedTorch2,
)
assert CLASSES == 10  # as the networks'
