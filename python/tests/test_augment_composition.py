"""Lists of augmentations: what is joined, what is chosen, and in which order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swiftopt as so

from .augment_moves import Move
from .augment_random import Draws
from .augment_reference import REFERENCE, chosen
from .test_augment import random_images

SEED = 77


def reference(ops: list[Any], image: Any, number: int) -> tuple[Any, Any]:
    """Apply them one after another, joining geometric ones; and where rounding decides."""
    move: Move | None = None
    is_free = np.zeros(image.shape[:2], bool)

    def show() -> None:
        nonlocal image, move, is_free
        if move is not None:
            is_free, image = move.is_on_border(image), move.show(image)
            move = None

    place = 0
    for op in ops:
        steps = [(op, place)]
        if op.name == "random_choice":
            taken = chosen(op, Draws(SEED, place, 0, number))
            steps = [(op.ops[one], place + 1 + one) for one in taken]
            place += len(op.ops)
        place += 1
        for step, at in steps:
            # The size that the image has by now is all that a geometric one looks at.
            size = (move.height, move.width) if move else image.shape[:2]
            draws = Draws(SEED, at, 0, number)
            result = REFERENCE[step.name](step, np.empty((*size, image.shape[2])), draws)
            if isinstance(result, Move):
                fills = {fill for fill in (result.fill, move and move.fill) if fill is not None}
                if len(fills) > 1:
                    show()
                move = result.after(move)
            else:
                show()
                image = REFERENCE[step.name](step, image, draws)
    show()
    return image, is_free


FLIP = so.data.RandomHorizontalFlip()
LISTS: list[list[so.data.Augmentation]] = [
    [so.data.RandomCrop(20, padding=3), FLIP, so.data.RandomVerticalFlip()],
    [so.data.RandomRotation(30), so.data.RandomAffine(5, scale=(0.8, 1.2)), FLIP],
    [so.data.RandomResizedCrop(16), FLIP, so.data.RandomRotation(20, fill=0.5)],
    [so.data.CenterCrop(12), so.data.RandomRotation(45)],
    [so.data.RandomRotation(30, fill=1), so.data.RandomCrop(24, padding=4, fill=0.25)],
    [so.data.Resize(40), so.data.CenterCrop(30), so.data.Resize((10, 11))],
    [so.data.RandomRotation(30), so.data.Cutout(5, value=1), so.data.RandomRotation(30)],
    [so.data.ColorJitter(0.5), so.data.RandomResizedCrop(9), so.data.Normalize(0.5, 0.2)],
    [so.data.Normalize((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), so.data.RandomErasing(1)],
    [so.data.Normalize(0.5, 0.5), so.data.Normalize(0.5, 0.5)],
    [so.data.RandomChoice([FLIP, so.data.Cutout(4), so.data.GaussianNoise(0.1)], count=2), FLIP],
    [so.data.RandomChoice([so.data.RandomRotation(9), so.data.RandAugment(1)]), so.data.Cutout(3)],
    [so.data.GaussianNoise(0.1), so.data.RandomChoice([so.data.Normalize(1, 2)])],
]


@pytest.mark.parametrize("ops", LISTS, ids=str)
def test_lists_do_what_the_reference_does(ops: list[so.data.Augmentation]) -> None:
    images = random_images(30, (24, 22, 3), seed=5)
    result = so.data.augment(images, ops, seed=SEED, dtype="float32")
    for index, image in enumerate(images):
        unit = (image.astype(np.float32) / np.float32(255)).astype(np.float64)
        values, is_free = reference(ops, unit, index)
        # As for single ones, after two or three of them, and divided by 0.2 at most.
        error = np.abs(result[index] - values)[~is_free]
        assert error.max(initial=0) < 2e-5
        assert is_free.mean() < 0.3


def test_what_a_crop_left_out_comes_back_when_it_is_turned() -> None:
    images = np.full((1, 20, 20), 255, np.uint8)
    ops = [so.data.CenterCrop(10), so.data.RandomRotation((45, 45))]
    assert (so.data.augment(images, ops) == 255).all()
    # Not if something looks at the pixels in between.
    parted = [ops[0], so.data.GaussianNoise(0), ops[1]]
    assert (so.data.augment(images, parted) == 0).any()


def test_a_choice_draws_without_replacement_and_evenly() -> None:
    # Each of four adds a digit of its own.
    ops = [so.data.Normalize(-(10.0**-place), 1) for place in range(4)]
    choice = so.data.RandomChoice(ops, count=2)
    count = 6000
    result = so.data.augment(np.zeros((count, 1, 1), np.float32), choice).ravel()
    values, frequencies = np.unique(np.round(result, 4), return_counts=True)
    pairs = sorted(10.0**-a + 10.0**-b for a in range(4) for b in range(a))
    assert np.allclose(values, pairs)
    # Chi-square with 5 degrees of freedom: above 20.5 with probability 0.001. Of 6000 draws, a
    # pair that is a tenth too frequent is found with probability 0.6, a fifth with 0.999.
    assert ((frequencies - count / 6) ** 2 / (count / 6)).sum() < 20.5


def test_operations_of_rand_augment_are_all_taken() -> None:
    draws = [Draws(SEED, 0, 0, number).shares(0) for number in range(1000)]
    assert {int(14 * u[0]) for u in draws} == set(range(14))
