"""Augmentations that choose a part of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from swiftopt.data._augmentation import Augmentation, Setting


@dataclass(frozen=True)
class RandomCrop(Augmentation):
    """A window at a random place of the image, which may be padded first.

    With independent uniform u0 and u1,

        top  = ⌊(H + 2 padding - height + 1) · u0⌋ - padding

    and left alike with u1; without padding the window lies inside the image. Pixels are
    copied, never blended. (Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with
    deep convolutional neural networks", section 4.1; with padding He et al. 2016, section 4.2.)

    Parameters
    ----------
    size : int or (height, width)
        Of the window, no larger than the padded image.
    padding : int or (height, width), default 0
        Pixels added above and below, and to the left and right.
    fill : float, default 0
        The value of added pixels, in the image's units: 0 ... 1 for uint8 images.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    >>> so.data.augment(image, so.data.RandomCrop(2), seed=1)
    array([[[ 8,  9],
            [12, 13]]], dtype=uint8)
    """

    size: int | tuple[int, int]
    padding: int | tuple[int, int] = 0
    fill: float = 0.0
    name: ClassVar[str] = "random_crop"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        height, width = self._pair(self.size, "size")
        vertical, horizontal = self._pair(self.padding, "padding")
        return {
            "height": height,
            "width": width,
            "padding_height": vertical,
            "padding_width": horizontal,
            "fill": self.fill,
        }


@dataclass(frozen=True)
class CenterCrop(Augmentation):
    """The window in the middle of the image: top = ⌊(H - height) / 2⌋, left alike.

    Parameters
    ----------
    size : int or (height, width)
        Of the window, no larger than the image.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> so.data.augment(np.arange(16, dtype=np.uint8).reshape(1, 4, 4), so.data.CenterCrop(2))
    array([[[ 5,  6],
            [ 9, 10]]], dtype=uint8)
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "center_crop"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        height, width = self._pair(self.size, "size")
        return {"height": height, "width": width}


@dataclass(frozen=True)
class Resize(Augmentation):
    """The whole image with another number of pixels.

    Pixel (i, j) shows the place ((i + ½) H / height - ½, (j + ½) W / width - ½), bilinear. A
    much smaller image is not smoothed first (torch's ``antialias=False``).

    Parameters
    ----------
    size : int or (height, width)
        One number stands for both.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> so.data.augment(np.array([[[0, 100]]], np.uint8), so.data.Resize((1, 4)))
    array([[[  0,  25,  75, 100]]], dtype=uint8)
    """

    size: int | tuple[int, int]
    name: ClassVar[str] = "resize"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        height, width = self._pair(self.size, "size")
        return {"height": height, "width": width}


@dataclass(frozen=True)
class RandomResizedCrop(Augmentation):
    """A window of random area and shape at a random place, shown with a given size.

    With independent uniform u0 and u1,

        area  = H · W · (scale[0] + (scale[1] - scale[0]) · u0)
        ratio = ratio[0] · (ratio[1] / ratio[0])^u1
        window: ⌊√(area / ratio) + ½⌋ × ⌊√(area · ratio) + ½⌋

    The first of ten such windows that fits the image is taken; if none does, the largest one
    in the middle whose ratio is allowed. Bilinear. (Szegedy et al. 2015, "Going deeper with
    convolutions", section 6.)

    Parameters
    ----------
    size : int or (height, width)
        Of what comes out.
    scale : (low, high), default (0.08, 1)
        The window's part of the image's area.
    ratio : (low, high), default (3/4, 4/3)
        The window's width divided by its height, 0.001 ... 1000.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.zeros((2, 32, 48, 3), np.uint8)
    >>> so.data.augment(images, so.data.RandomResizedCrop(24)).shape
    (2, 24, 24, 3)
    """

    size: int | tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    name: ClassVar[str] = "random_resized_crop"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        height, width = self._pair(self.size, "size")
        scale, ratio = self._range(self.scale, "scale"), self._range(self.ratio, "ratio")
        return {
            "height": height,
            "width": width,
            "scale_low": scale[0],
            "scale_high": scale[1],
            "ratio_low": ratio[0],
            "ratio_high": ratio[1],
        }
