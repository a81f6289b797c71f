"""Augmentations that turn, flip, shear and shift images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from swiftopt.data._augmentation import Augmentation, Setting


@dataclass(frozen=True)
class RandomHorizontalFlip(Augmentation):
    """Left and right exchanged, with probability p.

    Parameters
    ----------
    p : float, default 0.5
        In 0 ... 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> image = np.array([[[1, 2, 3]]], np.uint8)
    >>> so.data.augment(image, so.data.RandomHorizontalFlip(p=1))
    array([[[3, 2, 1]]], dtype=uint8)
    """

    p: float = 0.5
    name: ClassVar[str] = "random_horizontal_flip"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"p": self.p}


@dataclass(frozen=True)
class RandomVerticalFlip(Augmentation):
    """Top and bottom exchanged, with probability p.

    Parameters
    ----------
    p : float, default 0.5
        In 0 ... 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> image = np.array([[[1], [2], [3]]], np.uint8)
    >>> so.data.augment(image, so.data.RandomVerticalFlip(p=1)).ravel()
    array([3, 2, 1], dtype=uint8)
    """

    p: float = 0.5
    name: ClassVar[str] = "random_vertical_flip"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"p": self.p}


@dataclass(frozen=True)
class RandomRotation(Augmentation):
    """The image turned about its centre, bilinear.

    Parameters
    ----------
    degrees : float or (low, high)
        The angle is uniform in this range, counter-clockwise; one number d means (-d, d).
        Within ±360.
    fill : float, default 0
        The value of pixels that lie outside of the turned image, in the image's units.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> image = np.array([[[1, 2], [3, 4]]], np.uint8)
    >>> so.data.augment(image, so.data.RandomRotation((90, 90)))
    array([[[2, 4],
            [1, 3]]], dtype=uint8)
    """

    degrees: float | tuple[float, float]
    fill: float = 0.0
    name: ClassVar[str] = "random_rotation"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        low, high = self._angles(self.degrees)
        return {"degrees_low": low, "degrees_high": high, "fill": self.fill}


@dataclass(frozen=True)
class RandomAffine(Augmentation):
    """The image turned, sheared, scaled and shifted about its centre, bilinear.

    A point p of the image, relative to the centre, x to the right and y down, moves to

        shift + scale · R · X · Y · p,
        R = (cos a, sin a; -sin a, cos a), X = (1, tan b; 0, 1), Y = (1, 0; tan c, 1)

    with a, b, c, scale and shift uniform in the ranges below.

    Parameters
    ----------
    degrees : float or (low, high)
        Of the rotation a, counter-clockwise; one number d means (-d, d).
    translate : float or (height, width), default 0
        The largest shift as a part of height and width, 0 ... 1, in both directions.
    scale : (low, high), default (1, 1)
        0.001 ... 1000.
    shear : float or (height, width), default 0
        The largest angles c and b of vertical and horizontal shear, in degrees below 90, in
        both directions.
    fill : float, default 0
        The value of pixels that lie outside of the moved image, in the image's units.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    >>> move = so.data.RandomAffine(10, translate=0.1, scale=(0.9, 1.1), shear=5)
    >>> so.data.augment(images, move).shape
    (2, 28, 28)
    """

    degrees: float | tuple[float, float]
    translate: float | tuple[float, float] = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float | tuple[float, float] = 0.0
    fill: float = 0.0
    name: ClassVar[str] = "random_affine"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        low, high = self._angles(self.degrees)
        vertical, horizontal = self._pair(self.translate, "translate")
        smallest, largest = self._range(self.scale, "scale")
        shear_vertical, shear_horizontal = self._pair(self.shear, "shear")
        return {
            "degrees_low": low,
            "degrees_high": high,
            "translate_height": vertical,
            "translate_width": horizontal,
            "scale_low": smallest,
            "scale_high": largest,
            "shear_height": shear_vertical,
            "shear_width": shear_horizontal,
            "fill": self.fill,
        }
