"""What augmentations do to one image, in float64 NumPy.

An image is an array (height, width, channels). A geometric augmentation gives a `Move`; the
others an image.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

import swiftopt as so

from .augment_moves import (
    Image,
    Move,
    affine,
    center_crop,
    pair,
    random_affine,
    random_crop,
    random_horizontal_flip,
    random_resized_crop,
    random_rotation,
    random_vertical_flip,
    resize,
    sides,
)
from .augment_random import Draws, below, between

# ------------------------------------------------------------------- pixels


def normalize(op: so.data.Normalize, image: Image, draws: Draws) -> Image:
    return (image - np.array(op.mean)) / np.array(op.std)


def gray(image: Image) -> Image:
    weights = [0.299, 0.587, 0.114] if image.shape[2] == 3 else [1, *[0] * (image.shape[2] - 1)]
    return (image @ np.array(weights))[..., None]


def brightness(image: Image, factor: float) -> Image:
    return (image * factor).clip(0, 1)


def contrast(image: Image, factor: float) -> Image:
    return (factor * image + (1 - factor) * gray(image).mean()).clip(0, 1)


def saturation(image: Image, factor: float) -> Image:
    if image.shape[2] != 3:
        return image
    return (factor * image + (1 - factor) * gray(image)).clip(0, 1)


def color_jitter(op: so.data.ColorJitter, image: Image, draws: Draws) -> Image:
    amounts = [op.brightness, op.contrast, op.saturation]
    for change, amount, u in zip(
        (brightness, contrast, saturation), amounts, draws.shares(0), strict=False
    ):
        if amount > 0:
            image = change(image, between(u, (max(0, 1 - amount), 1 + amount)))
    return image


def random_erasing(op: so.data.RandomErasing, image: Image, draws: Draws) -> Image:
    if not draws.shares(0)[0] < op.p:
        return image
    for attempt in range(1, 11):
        u = draws.shares(attempt)
        height, width = sides(u, image, op)
        if height < image.shape[0] and width < image.shape[1]:
            top = below(u[2], image.shape[0] - height + 1)
            left = below(u[3], image.shape[1] - width + 1)
            image = image.copy()
            image[top : top + height, left : left + width] = op.value
            return image
    return image


def around(centre: int, length: int) -> slice:
    begin = centre - length // 2
    return slice(max(0, begin), begin + length)


def cutout(op: so.data.Cutout, image: Image, draws: Draws) -> Image:
    u = draws.shares(0)
    height, width = pair(op.size)
    rows = around(below(u[0], image.shape[0]), height)
    columns = around(below(u[1], image.shape[1]), width)
    image = image.copy()
    image[rows, columns] = op.value
    return image


def normal(word: int) -> float:
    tail = ((word & 0x7FFF_FFFF) + 0.5) / 2**32
    size = -NormalDist().inv_cdf(tail)
    return -size if word >> 31 else size


def gaussian_noise(op: so.data.GaussianNoise, image: Image, draws: Draws) -> Image:
    numbers = [
        normal(draws.block(64 * (index // 256) + index % 64)[index % 256 // 64])
        for index in range(image.size)
    ]
    return image + op.std * np.array(numbers).reshape(image.shape)


# ----------------------------------------------------------------- policies


def levels(image: Image) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.floor(image.clip(0, 1) * 255 + 0.5).astype(int)


def sharpness(image: Image, factor: float) -> Image:
    if min(image.shape[:2]) < 3:
        return image
    weights = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    height, width = image.shape[:2]
    smooth = sum(
        weights[i, j] * image[i : height - 2 + i, j : width - 2 + j]
        for i in range(3)
        for j in range(3)
    )
    result = image.copy()
    inner = image[1:-1, 1:-1]
    result[1:-1, 1:-1] = (factor * inner + (1 - factor) * smooth).clip(0, 1)
    return result


def auto_contrast(image: Image) -> Image:
    low, high = image.min((0, 1)), image.max((0, 1))
    size = np.where(high > low, high - low, 1)
    return np.where(high > low, (image - low) / size, image)


def equalize(image: Image) -> Image:
    result = image.copy()
    for channel in range(image.shape[2]):
        level = levels(image[..., channel])
        counts = np.bincount(level.ravel(), minlength=256)
        step = (counts.sum() - counts[np.flatnonzero(counts)[-1]]) // 255
        if step > 0:
            before = np.cumsum(counts) - counts
            table = ((before + step // 2) // step).clip(0, 255)
            result[..., channel] = table[level] / 255
    return result


def rand_augment(op: so.data.RandAugment, image: Image, draws: Draws) -> Image:
    """One image after another: there is no joining here, so only for num_ops=1."""
    assert op.num_ops == 1
    u = draws.shares(0)
    s = op.magnitude / 30
    signed = -s if u[1] < 0.5 else s
    height, width = image.shape[:2]

    def move(degrees=0.0, shift=(0.0, 0.0), shear=(0.0, 0.0)) -> Move:
        return affine(image, degrees, shift, 1, shear, op.fill)

    steps: list[Callable[[], Any]] = [
        lambda: image,
        lambda: move(shear=(0, 0.3 * signed)),
        lambda: move(shear=(0.3 * signed, 0)),
        lambda: move(shift=(0, 150 / 331 * signed * width)),
        lambda: move(shift=(150 / 331 * signed * height, 0)),
        lambda: move(degrees=30 * signed),
        lambda: brightness(image, 1 + 0.9 * signed),
        lambda: saturation(image, 1 + 0.9 * signed),
        lambda: contrast(image, 1 + 0.9 * signed),
        lambda: sharpness(image, 1 + 0.9 * signed),
        lambda: (levels(image) & (0xFF << int(4 * s + 0.5))) / 255,
        lambda: np.where(image >= np.float32(1 - s), 1 - image, image),
        lambda: auto_contrast(image),
        lambda: equalize(image),
    ]
    return steps[below(u[0], len(steps))]()


# ------------------------------------------------------------------- mixing


def beta(alpha: float, words: tuple[int, ...]) -> float:
    """By way of Student's t with 2 alpha degrees of freedom (Bailey 1994), in other words."""
    u, v = (words[0] + 0.5) / 2**32, (words[1] + 0.5) / 2**32
    cosine = math.cos(2 * math.pi * v)
    q = u ** (1 / alpha)
    ratio = (1 - q) * cosine**2 / (q + (1 - q) * cosine**2)
    return 0.5 + math.copysign(0.5 * math.sqrt(ratio), cosine)


def mixup(op: so.data.Mixup, pair_: tuple[Image, Image], draws: Draws) -> Any:
    a, b = pair_
    share = beta(op.alpha, draws.block(1)) if draws.shares(0)[0] < op.p else 1.0
    return share * a + (1 - share) * b, share * b + (1 - share) * a, share


def cutmix(op: so.data.CutMix, pair_: tuple[Image, Image], draws: Draws) -> Any:
    a, b = (image.copy() for image in pair_)
    u = draws.shares(0)
    if not u[0] < op.p:
        return a, b, 1.0
    height, width = a.shape[:2]
    side = math.sqrt(1 - beta(op.alpha, draws.block(1)))
    rows = around(below(u[1], height), int(height * side))
    columns = around(below(u[2], width), int(width * side))
    kept = a[rows, columns].copy()
    a[rows, columns] = b[rows, columns]
    b[rows, columns] = kept
    return a, b, 1 - kept[..., 0].size / (height * width)


#: By native name. Of a choice the test asks for what is in it.
REFERENCE: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        random_crop, center_crop, resize, random_resized_crop, random_horizontal_flip,
        random_vertical_flip, random_rotation, random_affine, normalize, color_jitter,
        random_erasing, cutout, gaussian_noise, rand_augment, mixup, cutmix,
    )
}  # fmt: skip


def chosen(op: so.data.RandomChoice, draws: Draws) -> list[int]:
    """Return the places of the augmentations that are taken, in order."""
    left = list(range(len(op.ops)))
    taken = [left.pop(below(draws.word(index) / 2**32, len(left))) for index in range(op.count)]
    return sorted(taken)
