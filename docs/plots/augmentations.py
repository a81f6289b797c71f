"""Draw docs/plots/augmentations.png: ``python docs/plots/augmentations.py``.

The picture carries a digest of the colour images in it, which
python/tests/test_augment_docs.py recomputes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

import swiftopt as so

PICTURE = Path(__file__).with_suffix(".png")
SIZE = 64
COLUMNS = 6

#: Rows of the sheet: a title, and what is done to the images.
ROWS: list[tuple[str, list[so.data.Augmentation]]] = [
    ("original", []),
    ("RandomCrop\npadding=1/8, fill=0.5", [so.data.RandomCrop(SIZE, padding=8, fill=0.5)]),
    ("CenterCrop\nof 5/8", [so.data.CenterCrop(40)]),
    ("Resize\nto 1/4", [so.data.Resize(16)]),
    ("RandomHorizontalFlip", [so.data.RandomHorizontalFlip()]),
    ("RandomVerticalFlip", [so.data.RandomVerticalFlip()]),
    ("RandomRotation\n30, fill=0.5", [so.data.RandomRotation(30, fill=0.5)]),
    (
        "RandomAffine\n10, translate=0.1,\nscale=(0.6, 1.2), shear=20",
        [so.data.RandomAffine(10, translate=0.1, scale=(0.6, 1.2), shear=20, fill=0.5)],
    ),
    ("RandomResizedCrop", [so.data.RandomResizedCrop(SIZE)]),
    ("ColorJitter\nbrightness=0.6", [so.data.ColorJitter(brightness=0.6)]),
    ("ColorJitter\ncontrast=0.8", [so.data.ColorJitter(contrast=0.8)]),
    ("ColorJitter\nsaturation=1", [so.data.ColorJitter(saturation=1)]),
    ("RandomErasing\np=1, value=0.5", [so.data.RandomErasing(p=1, value=0.5)]),
    ("Cutout\n1/3 of a side, value=0.5", [so.data.Cutout(SIZE // 3, value=0.5)]),
    ("GaussianNoise\n0.1", [so.data.GaussianNoise(0.1)]),
    ("Normalize\n0.5, 0.5 (-1 black, 1 white)", [so.data.Normalize(0.5, 0.5)]),
    (
        "RandomChoice\nof a flip and Cutout",
        [so.data.RandomChoice([so.data.RandomHorizontalFlip(1), so.data.Cutout(24, value=0.5)])],
    ),
    ("RandAugment\nnum_ops=2, magnitude=9", [so.data.RandAugment(fill=0.5)]),
    ("RandAugment\nnum_ops=1, magnitude=20", [so.data.RandAugment(1, 20, fill=0.5)]),
    ("Mixup\nalpha=1", [so.data.Mixup(1)]),
    ("CutMix\nalpha=1", [so.data.CutMix(1)]),
]


def house() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a house under the sun."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1)
    image = np.stack([0.35 + 0.4 * y, 0.6 + 0.25 * y, 0.95 - 0.2 * y + 0 * x], axis=-1)
    image[y > 0.7] = [0.25, 0.6, 0.2]
    image[(x - 0.78) ** 2 + (y - 0.2) ** 2 < 0.015] = [1, 0.9, 0.3]
    image[(abs(x - 0.38) < 0.2) & (y > 0.45) & (y < 0.85)] = [0.9, 0.8, 0.55]
    image[(y > 0.22) & (y <= 0.45) & (abs(x - 0.38) < 1.15 * (y - 0.22))] = [0.7, 0.2, 0.15]
    image[(abs(x - 0.3) < 0.05) & (y > 0.62) & (y < 0.85)] = [0.4, 0.25, 0.1]
    image[(abs(x - 0.47) < 0.055) & (abs(y - 0.6) < 0.06)] = [0.2, 0.3, 0.6]
    return np.round(image * 255).astype(np.uint8)


def tree() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a tree under the moon."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1)
    image = np.stack([0.1 + 0.3 * y, 0.1 + 0.15 * y, 0.3 + 0.2 * y + 0 * x], axis=-1)
    image[y > 0.75 + 0.08 * np.sin(5 * x)] = [0.3, 0.25, 0.3]
    moon = (x - 0.22) ** 2 + (y - 0.22) ** 2 < 0.018
    image[moon & ((x - 0.28) ** 2 + (y - 0.18) ** 2 >= 0.014)] = [0.95, 0.95, 0.8]
    image[(abs(x - 0.65) < 0.04) & (y > 0.6) & (y < 0.9)] = [0.5, 0.3, 0.2]
    image[(y > 0.2) & (y < 0.7) & (abs(x - 0.65) < 0.5 * (y - 0.2))] = [0.15, 0.5, 0.35]
    return np.round(image * 255).astype(np.uint8)


def colours() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the images of a row before anything is done to them."""
    return np.stack([house(), tree()] * (COLUMNS // 2))


def augmented(images: Any, ops: list[so.data.Augmentation]) -> Any:
    """Return float32 images."""
    return so.data.augment(images, ops, seed=7, dtype="float32")


def digest() -> str:
    """Return a number of the titles and every bit of the colour images."""
    state = hashlib.sha256()
    for title, ops in ROWS:
        state.update(title.encode())
        state.update(augmented(colours(), ops).astype("<f4").tobytes())
    return state.hexdigest()


def draw() -> None:
    """Draw the sheet."""
    from matplotlib.figure import Figure

    gray = so.data.fashion_mnist().train[0][[0, 4, 5, 7, 9, 12]]
    figure = Figure(figsize=(11, 0.78 * len(ROWS)), dpi=100)
    grid = figure.add_gridspec(
        len(ROWS), 2 * COLUMNS + 1, width_ratios=[3.2] + [1] * 2 * COLUMNS,
        left=0.005, right=0.995, bottom=0.005, top=0.995, wspace=0.06, hspace=0.06,
    )  # fmt: skip
    for row, (title, ops) in enumerate(ROWS):
        label = figure.add_subplot(grid[row, 0])
        label.axis("off")
        label.text(0.98, 0.5, title, ha="right", va="center", fontsize=8, linespacing=1.3)
        results = [*augmented(colours(), ops), *_shown(gray, ops)]
        for column, image in enumerate(results):
            axis = figure.add_subplot(grid[row, column + 1])
            _show(axis, image, -1 if title.startswith("Normalize") else 0)
    figure.savefig(PICTURE, metadata={"Software": None, "Description": f"values {digest()}"})


def _shown(images: Any, ops: list[so.data.Augmentation]) -> list[Any]:
    """Return gray images after the same, whose sizes are those of the colour images."""
    if any(getattr(op, "saturation", 0) for op in ops):
        return [None] * COLUMNS
    return list(augmented(so.data.augment(images, so.data.Resize(SIZE)), ops))


def _show(axis: Any, image: Any, black: float) -> None:
    axis.axis("off")
    if image is None:
        return
    light = ((image - black) / (1 - black)).clip(0, 1)
    axis.imshow(light, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


if __name__ == "__main__":
    draw()
    print(PICTURE)
