"""Random shifts and flips of small images, for a batch at once in NumPy."""

import numpy as np


class RandomShiftAndFlip:
    """Shifts each image by up to `padding` pixels either way, and mirrors every second one.

    What a shift brings in is `background`: that of standardised images isn't 0.
    """

    def __init__(self, padding=2, *, background=0.0, seed=0):
        self.padding = padding
        self.background = background
        self.rng = np.random.default_rng(seed)
        self._padded = np.empty((0, 0, 0), np.float32)

    def __call__(self, images):
        """The images (n, height, width), which stay as they are, shifted and mirrored."""
        count, height, width = images.shape
        p = self.padding
        shape = (count, height + 2 * p, width + 2 * p)
        if self._padded.shape != shape:
            self._padded = np.full(shape, self.background, images.dtype)
        self._padded[:, p : p + height, p : p + width] = images
        # (n, 2p + 1, 2p + 1, height, width): each image in all its places, nothing copied yet.
        places = np.lib.stride_tricks.sliding_window_view(
            self._padded, (height, width), axis=(1, 2)
        )
        down, right = self.rng.integers(0, 2 * p + 1, (2, count))
        shifted = places[np.arange(count), down, right]
        mirrored = self.rng.random(count) < 0.5
        shifted[mirrored] = shifted[mirrored, :, ::-1]
        return shifted
