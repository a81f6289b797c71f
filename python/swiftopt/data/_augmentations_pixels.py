"""Augmentations that change the values of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from swiftopt.data._augmentation import Augmentation, Setting, per_channel


@dataclass(frozen=True)
class Normalize(Augmentation):
    """(x - mean) / std, with a mean and std for each channel or one for all.

    Computed as x · (1/std) - mean/std in float32. As the last augmentation (but for mixing
    ones) it is part of the conversion to the output's dtype and costs nothing extra.

    Parameters
    ----------
    mean, std : float or sequence of floats
        In the image's units, which for uint8 images are 0 ... 1. std is greater than 0.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> image = np.array([[[0, 255]]], np.uint8)
    >>> so.data.augment(image, so.data.Normalize(0.5, 0.25))
    array([[[-2.,  2.]]], dtype=float32)
    """

    mean: float | Sequence[float]
    std: float | Sequence[float]
    name: ClassVar[str] = "normalize"

    def __post_init__(self) -> None:
        # Tuples, so that equal ones are equal.
        object.__setattr__(self, "mean", per_channel(self.mean))
        object.__setattr__(self, "std", per_channel(self.std))
        super().__post_init__()

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"mean": per_channel(self.mean), "std": per_channel(self.std)}


@dataclass(frozen=True)
class ColorJitter(Augmentation):
    """Brightness, contrast and saturation changed by random factors, in this order.

    Each factor f is uniform in max(0, 1 - amount) ... 1 + amount; after each change values are
    bounded to 0 ... 1:

        brightness  x · f
        contrast    f · x + (1 - f) · mean of the gray image
        saturation  f · x + (1 - f) · gray of the pixel

    where gray is 0.299 R + 0.587 G + 0.114 B, and of images that don't have three channels the
    first one. (As torchvision's, but for the fixed order; Krizhevsky et al. 2012, section 4.1,
    has a colour jitter along principal components.)

    Parameters
    ----------
    brightness, contrast, saturation : float, default 0
        Amounts; 0 leaves the image as it is. Saturation is for images of three channels.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> image = np.full((1, 1, 2), 100, np.uint8)
    >>> a = so.data.augment(image, so.data.ColorJitter(brightness=0.5), seed=2)
    >>> bool(0.5 <= a[0, 0, 0] * 2.55 <= 1.5)
    True
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    name: ClassVar[str] = "color_jitter"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {
            "brightness": self.brightness,
            "contrast": self.contrast,
            "saturation": self.saturation,
        }


@dataclass(frozen=True)
class RandomErasing(Augmentation):
    """A random rectangle set to a value, with probability p.

    Area and ratio of width to height are drawn as in `RandomResizedCrop`; the first of ten
    rectangles that is smaller than the image in both directions is erased. (Zhong et al. 2020,
    "Random erasing data augmentation", algorithm 1.)

    Parameters
    ----------
    p : float, default 0.5
        In 0 ... 1.
    scale : (low, high), default (0.02, 0.33)
        The rectangle's part of the image's area.
    ratio : (low, high), default (0.3, 3.3)
        Its width divided by its height.
    value : float, default 0
        What it is set to, in the image's units at this place of the list.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.full((3, 28, 28), 255, np.uint8)
    >>> erased = so.data.augment(images, so.data.RandomErasing(p=1)) == 0
    >>> bool((erased.mean((1, 2)) < 0.4).all() and erased.any((1, 2)).all())
    True
    """

    p: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float = 0.0
    name: ClassVar[str] = "random_erasing"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        scale, ratio = self._range(self.scale, "scale"), self._range(self.ratio, "ratio")
        return {
            "p": self.p,
            "scale_low": scale[0],
            "scale_high": scale[1],
            "ratio_low": ratio[0],
            "ratio_high": ratio[1],
            "value": self.value,
        }


@dataclass(frozen=True)
class Cutout(Augmentation):
    """A square about a random pixel set to a value; what of it lies inside the image.

    (DeVries & Taylor 2017, "Improved regularization of convolutional neural networks with
    cutout", section 3.2.)

    Parameters
    ----------
    size : int or (height, width)
        Of the square, or rectangle.
    value : float, default 0
        What it is set to, in the image's units at this place of the list.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> cut = so.data.augment(np.full((1, 8, 8), 255, np.uint8), so.data.Cutout(4)) == 0
    >>> 4 <= int(cut.sum()) <= 16
    True
    """

    size: int | tuple[int, int]
    value: float = 0.0
    name: ClassVar[str] = "cutout"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        height, width = self._pair(self.size, "size")
        return {"height": height, "width": width, "value": self.value}


@dataclass(frozen=True)
class GaussianNoise(Augmentation):
    """x + std · n, with an independent standard normal n for each value of the image.

    n is computed from 32 random bits by algorithm AS 241 (Wichura 1988, "The percentage points
    of the normal distribution"), so |n| is at most 6.3.

    Parameters
    ----------
    std : float
        In the image's units at this place of the list.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> noise = so.data.augment(np.zeros((1, 100, 100), np.float32), so.data.GaussianNoise(0.1))
    >>> bool(abs(noise.std() - 0.1) < 0.004)
    True
    """

    std: float
    name: ClassVar[str] = "gaussian_noise"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"std": self.std}
