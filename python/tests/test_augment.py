"""Every augmentation against its float64 reference, by discovery."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swiftopt as so
from swiftopt.data._augmentation import NATIVE, Augmentation

from .augment_moves import Move
from .augment_random import Draws
from .augment_reference import REFERENCE

CLASSES = {
    item.name: item
    for item in vars(so.data).values()
    if isinstance(item, type) and issubclass(item, Augmentation) and item is not Augmentation
}

#: Several of each, for images of 1 to 48 pixels a side.
EXAMPLES: list[Augmentation] = [
    so.data.RandomCrop(1),
    so.data.RandomCrop((3, 2), padding=(2, 3), fill=0.25),
    so.data.CenterCrop(1),
    so.data.Resize((5, 7)),
    so.data.Resize(40),
    so.data.RandomHorizontalFlip(),
    so.data.RandomHorizontalFlip(1.0),
    so.data.RandomVerticalFlip(),
    so.data.RandomRotation(180, fill=0.5),
    so.data.RandomRotation((10, 20)),
    so.data.RandomAffine(30, translate=(0.2, 0.1), scale=(0.5, 2), shear=(10, 20), fill=0.75),
    so.data.RandomResizedCrop((9, 5)),
    so.data.RandomResizedCrop(8, scale=(1, 1), ratio=(3, 4)),
    so.data.ColorJitter(0.5, 0.4),
    so.data.ColorJitter(brightness=3),
    so.data.RandomErasing(1, value=0.5),
    so.data.RandomErasing(0.5),
    so.data.Cutout(3),
    so.data.Cutout((2, 5), value=1),
    so.data.GaussianNoise(0.25),
    so.data.Normalize(0.3, 0.7),
    *(so.data.RandAugment(1, magnitude) for magnitude in (0, 9, 30)),
]
SHAPES = [(1, 1, 1), (1, 9, 1), (16, 1, 2), (17, 16, 1), (5, 5, 3), (33, 48, 3), (12, 15, 5)]


def test_all_have_class_and_reference_and_examples() -> None:
    assert CLASSES.keys() == NATIVE.keys() == REFERENCE.keys() | {"random_choice"}
    assert {op.name for op in EXAMPLES} == {
        name for name, native in NATIVE.items() if native.kind in ("geometric", "pixel")
    }
    assert {cls.__name__ for cls in CLASSES.values()} <= set(so.data.__all__)


def random_images(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def fits(op: Augmentation, shape: tuple[int, int, int]) -> bool:
    try:
        so.data.augment(np.zeros((0, *shape), np.uint8), op)
    except ValueError:
        return False
    return True


def expected(op: Augmentation, image: Any, draws: Draws) -> tuple[Any, Any]:
    """Return the image, and which of its pixels may be anything: rounding decides them."""
    result = REFERENCE[op.name](op, image, draws)
    if isinstance(result, Move):
        return result.show(image), result.is_on_border(image)
    return result, np.zeros(image.shape[:2], bool)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("op", EXAMPLES, ids=str)
def test_results_are_those_of_the_reference(op: Augmentation, shape: tuple[int, int, int]) -> None:
    if not fits(op, shape):
        pytest.skip("the window is larger than the image")
    images = random_images(24, shape)
    result = so.data.augment(images, op, seed=2**63 + 5, epoch=3, dtype="float32")
    for index, image in enumerate(images):
        draws = Draws(2**63 + 5, 0, 3, index)
        unit = (image.astype(np.float32) / np.float32(255)).astype(np.float64)
        values, is_free = expected(op, unit, draws)
        assert result[index].shape == values.shape
        # Values of about 1 go through up to 16 roundings; places of up to 48 pixels are exact to
        # 2^-48, and float32 weights to 2^-24; noise is within 1e-6 of its size.
        error = np.abs(result[index] - values)[~is_free]
        assert error.max(initial=0) < 2e-6
        assert is_free.mean() < 0.3
