"""Random shifts and flips of a batch of images, in NumPy."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array


def shifted_and_mirrored(images: Array, padding: int, rng: np.random.Generator) -> Array:
    """Return images (n, height, width, channels), each shifted by up to `padding` pixels.

    Every second one is mirrored. What comes in from outside is 0.
    """
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    # (n, 2p + 1, 2p + 1, channels, height, width): each image in all its places, not copied yet.
    places = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, right = rng.integers(0, 2 * padding + 1, (2, count))
    shifted: Array = places[np.arange(count), down, right].transpose(0, 2, 3, 1)
    mirrored = rng.random(count) < 0.5
    shifted[mirrored] = shifted[mirrored, :, ::-1]
    return shifted
