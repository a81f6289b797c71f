"""Feeding with NumPy: image by image, in slices, and by fancy indexing. All on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .feeds import MEAN, PADDING, PLACES, SIDE, STD, Feed, FeedProblem
from .rules import Array

_SCALE = np.float32(1 / (255 * STD))
_OFFSET = np.float32(MEAN / STD)


class NumPyFeed(Feed):
    """What the loops share: the order, and the draws of a batch at once."""

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        self.generator = np.random.default_rng(22)

    def batches(self) -> Iterator[tuple[Any, Any]]:
        problem, generator = self.problem, self.generator
        order = generator.permutation(problem.count)
        for start in range(0, problem.count, problem.batch):
            chosen = order[start : start + problem.batch]
            places = generator.integers(0, PLACES, (2, len(chosen)))
            mirrored = generator.random(len(chosen)) < 0.5
            yield self.batch(chosen, places, mirrored), problem.labels[chosen]

    def batch(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        """Return the images as they are augmented."""
        raise NotImplementedError


class NumPyNaive(NumPyFeed):
    """As it is written first: everything for one image after the other, then stacked."""

    name = "NumPy, image by image"

    def batch(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        images = []
        for index, down, right, is_mirrored in zip(chosen, *places, mirrored, strict=True):
            image = np.pad(self.problem.images[index, :, :, 0], PADDING)
            image = image[down : down + SIDE, right : right + SIDE]
            if is_mirrored:
                image = image[:, ::-1]
            images.append((image.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD))
        return np.stack(images)


class _Padded(NumPyFeed):
    """All images are padded once, beforehand."""

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        margin = (PADDING, PADDING)
        self.padded = np.pad(problem.images[..., 0], ((0, 0), margin, margin))

    def batch(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        images = self.crops(chosen, places, mirrored).astype(np.float32)
        images *= _SCALE
        images -= _OFFSET
        return images

    def crops(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        """Return the images in uint8, cut and mirrored."""
        raise NotImplementedError


class NumPySlices(_Padded):
    """A slice of each image is copied; the rest is done for the batch at once."""

    name = "NumPy slices"

    def crops(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        padded = self.padded
        crops = np.empty((len(chosen), SIDE, SIDE), np.uint8)
        plan = zip(chosen.tolist(), *places.tolist(), mirrored.tolist(), strict=True)
        for crop, (index, down, right, is_mirrored) in zip(crops, plan, strict=True):
            image = padded[index, down : down + SIDE, right : right + SIDE]
            crop[:] = image[:, ::-1] if is_mirrored else image
        return crops


class NumPyIndexing(_Padded):
    """Three arrays of indices for the whole batch."""

    name = "NumPy fancy indexing"

    def crops(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        rows = places[0][:, None] + np.arange(SIDE)
        columns = places[1][:, None] + np.arange(SIDE)
        columns[mirrored] = columns[mirrored, ::-1]
        crops: Array = self.padded[chosen[:, None, None], rows[:, :, None], columns[:, None, :]]
        return crops


class NumPyWindows(_Padded):
    """One index for each window of each image, then mirrored where drawn."""

    name = "NumPy sliding windows"

    def __init__(self, problem: FeedProblem) -> None:
        super().__init__(problem)
        view = np.lib.stride_tricks.sliding_window_view
        self.windows = view(self.padded, (SIDE, SIDE), axis=(1, 2))

    def crops(self, chosen: Array, places: Array, mirrored: Array) -> Array:
        crops: Array = self.windows[chosen, places[0], places[1]]
        crops[mirrored] = crops[mirrored, :, ::-1]
        return crops


LOOPS: tuple[type[Feed], ...] = (NumPySlices, NumPyIndexing, NumPyWindows)
