"""What geometric augmentations do to one image, in float64 NumPy: places that pixels show."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import swiftopt as so

from .augment_random import Draws, below, between

Image = np.ndarray[Any, np.dtype[np.float64]]
Places = tuple[Image, Image]


@dataclass
class Move:
    """Which places (y, x) the pixels (rows, columns) of a height × width image show."""

    height: int
    width: int
    places: Callable[[Image, Image], Places]
    fill: float | None = None

    def after(self, first: Move | None) -> Move:
        if first is None:
            return self
        fill = self.fill if self.fill is not None else first.fill
        return Move(self.height, self.width, lambda y, x: first.places(*self.places(y, x)), fill)

    def grid(self) -> Places:
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float64)
        return self.places(rows, columns)

    def show(self, image: Image) -> Image:
        """Bilinear; edges go on to the border, then there is fill."""
        y, x = self.grid()
        height, width = image.shape[:2]
        inside = (y >= -0.5) & (y < height - 0.5) & (x >= -0.5) & (x < width - 0.5)
        y, x = y.clip(0, height - 1), x.clip(0, width - 1)
        top, left = np.floor(y).astype(int), np.floor(x).astype(int)
        down, across = (y - top)[..., None], (x - left)[..., None]
        bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
        upper = image[top, left] * (1 - across) + image[top, right] * across
        lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
        fill = np.nan if self.fill is None else self.fill
        return np.where(inside[..., None], upper * (1 - down) + lower * down, fill)

    def is_on_border(self, image: Image) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return where a rounding error decides whether there is fill."""
        y, x = self.grid()
        height, width = image.shape[:2]
        near = [abs(y + 0.5), abs(y - height + 0.5), abs(x + 0.5), abs(x - width + 0.5)]
        return np.min(near, axis=0) < 1e-9


def pair(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, tuple) else (value, value)


def angles(value: Any) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (-value, value)


# ---------------------------------------------------------------- geometric


def random_crop(op: so.data.RandomCrop, image: Image, draws: Draws) -> Move:
    (height, width), (pad_y, pad_x) = pair(op.size), pair(op.padding)
    u = draws.shares(0)
    top = below(u[0], image.shape[0] + 2 * pad_y - height + 1) - pad_y
    left = below(u[1], image.shape[1] + 2 * pad_x - width + 1) - pad_x
    fill = op.fill if pad_y or pad_x else None
    return Move(height, width, lambda y, x: (y + top, x + left), fill)


def center_crop(op: so.data.CenterCrop, image: Image, draws: Draws) -> Move:
    height, width = pair(op.size)
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return Move(height, width, lambda y, x: (y + top, x + left))


def resized(window: tuple[float, float, float, float], size: tuple[int, int]) -> Move:
    top, left, height, width = window
    return Move(
        *size,
        lambda y, x: (
            top + (y + 0.5) * height / size[0] - 0.5,
            left + (x + 0.5) * width / size[1] - 0.5,
        ),
    )


def resize(op: so.data.Resize, image: Image, draws: Draws) -> Move:
    return resized((0, 0, *image.shape[:2]), pair(op.size))


def sides(u: list[float], image: Image, op: Any) -> tuple[int, int]:
    area = image.shape[0] * image.shape[1] * between(u[0], op.scale)
    ratio = op.ratio[0] * (op.ratio[1] / op.ratio[0]) ** u[1]
    return int(math.sqrt(area / ratio) + 0.5), int(math.sqrt(area * ratio) + 0.5)


def random_resized_crop(op: so.data.RandomResizedCrop, image: Image, draws: Draws) -> Move:
    total_height, total_width = image.shape[:2]
    for attempt in range(10):
        u = draws.shares(attempt)
        height, width = sides(u, image, op)
        if 0 < height <= total_height and 0 < width <= total_width:
            top, left = below(u[2], total_height - height + 1), below(u[3], total_width - width + 1)
            return resized((top, left, height, width), pair(op.size))
    height, width = total_height, total_width
    if total_width / total_height < op.ratio[0]:
        height = max(1, int(total_width / op.ratio[0] + 0.5))
    if total_width / total_height > op.ratio[1]:
        width = max(1, int(total_height * op.ratio[1] + 0.5))
    top, left = (total_height - height) // 2, (total_width - width) // 2
    return resized((top, left, height, width), pair(op.size))


def same(image: Image) -> Move:
    return Move(image.shape[0], image.shape[1], lambda y, x: (y, x))


def random_horizontal_flip(op: so.data.RandomHorizontalFlip, image: Image, draws: Draws) -> Move:
    if not draws.shares(0)[0] < op.p:
        return same(image)
    return Move(*image.shape[:2], lambda y, x: (y, image.shape[1] - 1 - x))


def random_vertical_flip(op: so.data.RandomVerticalFlip, image: Image, draws: Draws) -> Move:
    if not draws.shares(0)[0] < op.p:
        return same(image)
    return Move(*image.shape[:2], lambda y, x: (image.shape[0] - 1 - y, x))


def affine(
    image: Image, degrees: float, shift: tuple[float, float], scale: float,
    shear: tuple[float, float], fill: float,
) -> Move:  # fmt: skip
    """Shift and shear as (vertical, horizontal); shears are tangents."""
    a = math.radians(degrees)
    turn = np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    matrix = scale * turn @ [[1, shear[1]], [0, 1]] @ [[1, 0], [shear[0], 1]]
    back = np.linalg.inv(matrix)
    height, width = image.shape[:2]
    centre_y, centre_x = (height - 1) / 2, (width - 1) / 2

    def places(y: Image, x: Image) -> Places:
        dx, dy = x - centre_x - shift[1], y - centre_y - shift[0]
        return (
            back[1, 0] * dx + back[1, 1] * dy + centre_y,
            back[0, 0] * dx + back[0, 1] * dy + centre_x,
        )

    return Move(height, width, places, fill)


def random_rotation(op: so.data.RandomRotation, image: Image, draws: Draws) -> Move:
    degrees = between(draws.shares(0)[0], angles(op.degrees))
    return affine(image, degrees, (0, 0), 1, (0, 0), op.fill)


def random_affine(op: so.data.RandomAffine, image: Image, draws: Draws) -> Move:
    a, b = draws.shares(0), draws.shares(1)
    (shift_y, shift_x), (shear_y, shear_x) = pair(op.translate), pair(op.shear)
    return affine(
        image,
        between(a[0], angles(op.degrees)),
        (shift_y * image.shape[0] * (2 * a[2] - 1), shift_x * image.shape[1] * (2 * a[1] - 1)),
        between(a[3], op.scale),
        (
            math.tan(math.radians(shear_y * (2 * b[1] - 1))),
            math.tan(math.radians(shear_x * (2 * b[0] - 1))),
        ),
        op.fill,
    )
