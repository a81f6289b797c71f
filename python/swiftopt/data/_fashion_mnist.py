"""Fashion-MNIST from files that are on the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._errors import DataError
from swiftopt.data._idx import read_idx

# Where Debian's package dataset-fashion-mnist installs the files.
_DEFAULT_FOLDER = "/usr/share/datasets/fashion-mnist"


class _Pairs(NamedTuple):
    train: tuple[Array, Array]
    test: tuple[Array, Array]


class FashionMNIST(_Pairs):
    """Images (n, 28, 28, 1) and labels (n,), both uint8, to train on and to test on.

    `Loader(data.train)` takes a pair as it is. `classes` are the names of the labels.
    """

    __slots__ = ()

    classes: ClassVar[tuple[str, ...]] = (
        "T-shirt", "trouser", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    )  # fmt: skip


def fashion_mnist(folder: str | os.PathLike[str] | None = None) -> FashionMNIST:
    """Read Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747).

    60 000 images to train on and 10 000 to test on, of ten kinds of clothing. Nothing is
    downloaded.

    Parameters
    ----------
    folder : str or path, optional
        Where the four IDX files are, compressed by gzip or not. By default it is the environment
        variable SWIFTOPT_DATA, else the place where Debian's package dataset-fashion-mnist
        puts them.

    Returns
    -------
    FashionMNIST
        `train` and `test`, each a pair of images (n, 28, 28, 1) and labels (n,) in uint8 (with
        an axis for the channel, as `nn.Conv2d` takes images); `classes` has the labels' names.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message says how to get it.
    DataError
        If a file is damaged, or the files don't fit together.

    Examples
    --------
    >>> import swiftopt as so
    >>> (images, labels), (test_images, test_labels) = so.data.fashion_mnist()  # doctest: +SKIP
    >>> images.shape, so.data.FashionMNIST.classes[labels[0]]  # doctest: +SKIP
    ((60000, 28, 28, 1), 'ankle boot')
    """
    place = Path(folder or os.environ.get("SWIFTOPT_DATA") or _DEFAULT_FOLDER)
    names = [
        f"{part}-{kind}-ubyte"
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    found = [
        next((path for path in (place / f"{name}.gz", place / name) if path.is_file()), None)
        for name in names
    ]
    missing = [f"{name}.gz" for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise FileNotFoundError(
            f"Fashion-MNIST: no {', '.join(missing)} in {place}. On Debian: apt-get install "
            "dataset-fashion-mnist; elsewhere set SWIFTOPT_DATA to the folder that holds the files."
        )
    train_images, train_labels, test_images, test_labels = (
        read_idx(path) for path in found if path
    )
    return FashionMNIST(
        _pair(train_images, train_labels, place), _pair(test_images, test_labels, place)
    )


def _pair(images: Array, labels: Array, folder: Path) -> tuple[Array, Array]:
    if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise DataError(
            f"Fashion-MNIST: images of shape {images.shape}, labels of shape {labels.shape} in "
            f"{folder}; they must be (n, 28, 28) and (n,)"
        )
    if not images.dtype == labels.dtype == np.uint8 or labels.max(initial=0) >= len(
        FashionMNIST.classes
    ):
        raise DataError(
            f"Fashion-MNIST: images of {images.dtype}, labels of {labels.dtype} up to "
            f"{labels.max(initial=0)} in {folder}; they must be uint8, and labels below 10"
        )
    return images[..., None], labels
