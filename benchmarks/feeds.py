"""Feeding: shuffled batches of augmented images, the problem and what every feed has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import load
from .rules import Array

SIDE = 28
PADDING = 4
#: Of Fashion-MNIST, in units in which 255 is 1.
MEAN, STD = 0.2860, 0.3530
CLASSES = 10
#: Places of a crop in one direction.
PLACES = 2 * PADDING + 1


@dataclass
class FeedProblem:
    """Images (count, 28, 28, 1) in uint8 and their labels: their numbers, or classes.

    An epoch visits them in an order of its own. Each image is padded by 4 pixels of 0 on all
    sides, cut at random to 28 x 28 again, mirrored with probability 1/2, divided by 255,
    and normalised: float32.
    """

    count: int
    batch: int
    threads: int
    has_classes: bool

    def __post_init__(self) -> None:
        generator = np.random.default_rng(21)
        # One pattern for each class, that can be told apart and learnt.
        patterns = generator.integers(0, 176, (CLASSES, SIDE, SIDE, 1), np.uint8)
        classes = generator.integers(0, CLASSES, self.count)
        self.images = generator.integers(0, 80, (self.count, SIDE, SIDE, 1), np.uint8)
        self.images += patterns[classes]
        self.labels = classes if self.has_classes else np.arange(self.count)


class Feed(Contender):
    """A contender that makes batches; a step is an epoch."""

    problem: FeedProblem

    def batches(self) -> Iterator[tuple[Any, Any]]:
        """Yield the next epoch's batches: images and labels."""
        raise NotImplementedError

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            for _ in self.batches():
                pass

    def check(self) -> Check:
        """Look for every image of two epochs among the results that it may have.

        The labels are the images' numbers: each must come once. Values are taken back to
        what they were in uint8, which must be one of the 162 that padding, cutting and
        mirroring give; all of those must occur, and the epochs must differ. A value x / 255
        is then normalised in float64: in float32 it is rounded three times, or twice where
        scale and offset are folded, to 2^-24 of numbers of at most (1 + mean) / std each.
        """
        problem = self.problem
        self.begin()
        epochs = [self._epoch(), self._epoch()]
        self.end()
        (first, _), (second, _) = epochs
        is_right = not np.array_equal(first, second)
        largest = 0.0
        for numbers, results in epochs:
            is_right &= np.array_equal(np.sort(numbers), np.arange(problem.count))
            if not is_right:
                break
            bytes_ = np.rint((results.astype(np.float64) * STD + MEAN) * 255)
            is_right &= _all_occur(problem.images[numbers, :, :, 0], bytes_)
            largest = max(largest, float(np.abs(results - (bytes_ / 255 - MEAN) / STD).max()))
        share = largest / (4 * 2.0**-24 * (1 + MEAN) / STD)
        return Check(is_right and share <= 1, largest if is_right else np.inf, share)

    def _epoch(self) -> tuple[Array, Array]:
        numbers, results = [], []
        for images, labels in self.batches():
            numbers.append(np.array(labels).ravel())
            results.append(np.array(images, np.float32).reshape(-1, SIDE, SIDE))
        sizes = {len(each) for each in numbers[:-1]}
        if sizes - {self.problem.batch}:
            raise ValueError(f"batches of {sizes}, not of {self.problem.batch}")
        return np.concatenate(numbers), np.concatenate(results)


def _all_occur(images: Array, results: Array) -> bool:
    """Say whether each result is a crop of its image, mirrored or not, and each kind occurs."""
    padded = np.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING)))
    explained = np.zeros(len(images), bool)
    for down in range(PLACES):
        for right in range(PLACES):
            crops = padded[:, down : down + SIDE, right : right + SIDE]
            for candidates in (crops, crops[:, :, ::-1]):
                matches = (candidates == results).all(axis=(1, 2))
                if not matches.any():
                    return False
                explained |= matches
    return bool(explained.all())


class SwiftOptFeed(Feed):
    """`so.data.Loader`."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        data = load("swiftopt.data")
        self.loader = data.Loader(
            (problem.images, problem.labels),
            batch_size=problem.batch,
            shuffle=True,
            seed=1,
            threads=problem.threads,
            augment=[
                data.RandomCrop(SIDE, padding=PADDING),
                data.RandomHorizontalFlip(),
                data.Normalize(MEAN, STD),
            ],
        )

    def batches(self) -> Iterator[tuple[Any, Any]]:
        return iter(self.loader)
