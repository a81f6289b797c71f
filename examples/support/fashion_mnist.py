"""Fashion-MNIST as flat float32 arrays, read by swiftopt.data."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from swiftopt import data

#: What the labels mean, as the data set's authors name it.
CLASSES = data.FashionMNIST.classes


class DataSet(NamedTuple):
    """Flat images (n, 784) in float32 and labels (n,) in uint8, to train on and to test on."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def subset(self, train: int, test: int) -> "DataSet":
        """The first `train` training images and the first `test` test images."""
        return DataSet(
            self.train_images[:train],
            self.train_labels[:train],
            self.test_images[:test],
            self.test_labels[:test],
        )

    def validation_split(self, held_out: int) -> "DataSet":
        """The training images alone, the last `held_out` of them in the role of the test images.

        Whatever is chosen on this split has never seen the real test images.
        """
        return DataSet(
            self.train_images[:-held_out],
            self.train_labels[:-held_out],
            self.train_images[-held_out:],
            self.train_labels[-held_out:],
        )


def load(folder: Path | None = None) -> DataSet:
    """Loads the data set, standardised by the mean and deviation of the training pixels.

    `folder` and what is raised are those of `swiftopt.data.fashion_mnist`.
    """
    (train_images, train_labels), (test_images, test_labels) = data.fashion_mnist(folder)
    mean, deviation = train_images.mean(), train_images.std()

    def standardised(images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), -1).astype(np.float32)
        flat -= mean
        flat /= deviation
        return flat

    return DataSet(standardised(train_images), train_labels, standardised(test_images), test_labels)
