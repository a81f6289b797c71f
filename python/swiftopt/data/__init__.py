"""Data that keep up: readers of data files, sources of samples, and what feeds them to training.

>>> import numpy as np, swiftopt as so
>>> images, labels = np.zeros((6, 4, 4), np.uint8), np.arange(6)
>>> flip = so.data.RandomHorizontalFlip()
>>> loader = so.data.Loader((images, labels), batch_size=4, shuffle=True, augment=[flip])
>>> [x.shape for x, y in loader]
[(4, 4, 4), (2, 4, 4)]
"""

from swiftopt.data._augment import augment
from swiftopt.data._augmentation import Augmentation
from swiftopt.data._augmentations_crop import CenterCrop, RandomCrop, RandomResizedCrop, Resize
from swiftopt.data._augmentations_geometry import (
    RandomAffine,
    RandomHorizontalFlip,
    RandomRotation,
    RandomVerticalFlip,
)
from swiftopt.data._augmentations_mixing import CutMix, Mixup
from swiftopt.data._augmentations_pixels import (
    ColorJitter,
    Cutout,
    GaussianNoise,
    Normalize,
    RandomErasing,
)
from swiftopt.data._augmentations_policies import RandAugment, RandomChoice
from swiftopt.data._batch_by_size import BatchBySize
from swiftopt.data._csv import read_csv
from swiftopt.data._decoded import Decoded
from swiftopt.data._decoding import DecodedStats
from swiftopt.data._errors import DataError, DecodeError
from swiftopt.data._fashion_mnist import FashionMNIST, fashion_mnist
from swiftopt.data._idx import read_idx
from swiftopt.data._loader import Loader
from swiftopt.data._npy import read_npy
from swiftopt.data._npz import read_npz
from swiftopt.data._open import open  # noqa: A004
from swiftopt.data._ragged import Ragged
from swiftopt.data._samplers import Balanced, Sequential, Shuffled, Weighted
from swiftopt.data._shards import Shards
from swiftopt.data._stats import LoaderStats

__all__ = [
    "Augmentation",
    "Balanced",
    "BatchBySize",
    "CenterCrop",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "DataError",
    "DecodeError",
    "Decoded",
    "DecodedStats",
    "FashionMNIST",
    "GaussianNoise",
    "Loader",
    "LoaderStats",
    "Mixup",
    "Normalize",
    "Ragged",
    "RandAugment",
    "RandomAffine",
    "RandomChoice",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "Sequential",
    "Shards",
    "Shuffled",
    "Weighted",
    "augment",
    "fashion_mnist",
    "open",
    "read_csv",
    "read_idx",
    "read_npy",
    "read_npz",
]
