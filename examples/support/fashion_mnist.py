"""Fashion-MNIST as NumPy arrays, read from the gzipped IDX files that it comes in."""

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

# Where Debian's package dataset-fashion-mnist installs the files.
DEFAULT_FOLDER = Path("/usr/share/datasets/fashion-mnist")

#: What the labels mean, as the data set's authors name it.
CLASSES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


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


def read_idx(path: Path) -> np.ndarray:
    """Reads one gzipped IDX file of unsigned bytes (the format of MNIST, LeCun et al. 1998).

    The header is two zero bytes, the element type (8: unsigned byte), the number of axes
    and one big-endian 32-bit length per axis; the elements follow, last axis fastest.

    Raises FileNotFoundError if there is no such file and ValueError if it is something else.
    """
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(
            f"{path} is not an IDX file of unsigned bytes: it starts with {content[:4]!r}"
        )
    header_size = 4 + 4 * content[3]
    if len(content) < header_size:
        raise ValueError(f"{path} ends inside its header: {len(content)} of {header_size} bytes")
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", content[3], offset=4))
    if len(content) - header_size != math.prod(shape):
        raise ValueError(
            f"{path} has {len(content) - header_size} elements, its header says {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=header_size).reshape(shape)


def load(folder: Path | None = None) -> DataSet:
    """Loads the data set, standardised by the mean and deviation of the training pixels.

    `folder` holds the four files; by default it is the environment variable SWIFTOPT_DATA,
    else the place where Debian's package dataset-fashion-mnist puts them.

    Raises FileNotFoundError, with what to do, if a file is missing, and ValueError if a file
    is damaged or the files don't fit together.
    """
    folder = Path(folder or os.environ.get("SWIFTOPT_DATA") or DEFAULT_FOLDER)
    names = [
        f"{part}-{kind}-ubyte.gz"
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"Fashion-MNIST: no {', '.join(missing)} in {folder}. On Debian: apt-get install "
            "dataset-fashion-mnist; elsewhere set SWIFTOPT_DATA to the folder that holds the files."
        )
    train_images, train_labels, test_images, test_labels = (
        read_idx(folder / name) for name in names
    )
    for images, labels in ((train_images, train_labels), (test_images, test_labels)):
        if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
            raise ValueError(
                f"Fashion-MNIST: images of shape {images.shape}, labels of shape {labels.shape} in "
                f"{folder}; they must be (n, 28, 28) and (n,)"
            )
    mean, deviation = train_images.mean(), train_images.std()

    def standardised(images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), -1).astype(np.float32)
        flat -= mean
        flat /= deviation
        return flat

    return DataSet(standardised(train_images), train_labels, standardised(test_images), test_labels)
