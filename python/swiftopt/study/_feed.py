"""Batches without end, by NumPy indexing or by the Loader."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt.study._augmentation import shifted_and_mirrored
from swiftopt.study._config import Config
from swiftopt.study.workloads import Data

#: Pixels that augmentation shifts by.
PADDING = 2

Batches = Generator[tuple[Array, Array], None, None]


def batches(data: Data, config: Config, batch_size: int, seed: int) -> Batches:
    """Return shuffled batches of the training split, epoch after epoch.

    The odd rest of an epoch is left out. Images arrive as float32, standardised.
    """
    if config.feed == "loader":
        return _loader(data, config, batch_size, seed)
    return _naive(data, config, batch_size, seed)


def standardised(pixels: Array, data: Data) -> Array:
    """Return uint8 images as float32 with mean 0 and deviation 1; other inputs as they are."""
    if data.mean is None or data.deviation is None:
        return np.ascontiguousarray(pixels)
    images = pixels.astype(np.float32)
    images /= np.float32(255)
    images -= np.float32(data.mean)
    images /= np.float32(data.deviation)
    return images


def _naive(data: Data, config: Config, batch_size: int, seed: int) -> Batches:
    """As people write it: indexing, augmentation and conversion in the training loop."""
    inputs, targets = data.train
    if batch_size > len(inputs):
        raise ValueError(f"batch_size is {batch_size}, but there are {len(inputs)} samples")
    rng = np.random.default_rng([seed, 1])
    while True:
        order = rng.permutation(len(inputs))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            rows = order[start : start + batch_size]
            chosen = inputs[rows]
            if config.augmentation:
                chosen = shifted_and_mirrored(chosen, PADDING, rng)
            yield standardised(chosen, data), targets[rows]


def _loader(data: Data, config: Config, batch_size: int, seed: int) -> Batches:
    import swiftopt.data as sd

    augment: list[Any] = []
    if config.augmentation:
        augment += [sd.RandomCrop(28, padding=PADDING), sd.RandomHorizontalFlip()]
    if data.mean is not None and data.deviation is not None:
        augment.append(sd.Normalize(data.mean, data.deviation))
    loader = sd.Loader(
        tuple(data.train),
        batch_size,
        shuffle=True,
        drop_last=True,
        seed=seed,
        augment=augment,
        dtype=np.float32 if augment else None,
    )
    while True:
        yield from loader
