"""Augmentations that mix pairs of images of a batch, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from swiftopt.data._augmentation import Augmentation, Setting


@dataclass(frozen=True)
class Mixup(Augmentation):
    """Mixtures of two images: λ of one and 1 - λ of the other, and so are their labels.

    Image i of a batch of n is mixed with image n - 1 - i, both ways; λ has the distribution
    Beta(alpha, alpha), drawn for each pair. The middle image of an odd number stays as it is.
    Comes last in a list. (Zhang et al. 2018, "mixup: beyond empirical risk minimization",
    section 2.)

    Parameters
    ----------
    alpha : float
        Greater than 0. Near 0 one of the two images outweighs the other, 1 is uniform, and
        large ones are halves.
    p : float, default 1
        With which probability a pair is mixed at all.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images, labels = np.array([[[0]], [[255]]], np.uint8), np.array([0, 1])
    >>> mixed, soft = so.data.augment(images, so.data.Mixup(1), labels=labels, classes=2)
    >>> bool(np.allclose(soft[:, 1], mixed[:, 0, 0]) and np.allclose(soft.sum(1), 1))
    True
    """

    alpha: float
    p: float = 1.0
    name: ClassVar[str] = "mixup"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"alpha": self.alpha, "p": self.p}


@dataclass(frozen=True)
class CutMix(Augmentation):
    """Pairs of images that exchange a rectangle; labels are mixed in proportion to its area.

    The pairs are those of `Mixup`. With λ of the distribution Beta(alpha, alpha) the rectangle
    has ⌊H √(1 - λ)⌋ × ⌊W √(1 - λ)⌋ pixels about a random one, cut at the image's borders, and a
    label keeps 1 - (area that was exchanged) / (H · W). Comes last in a list. (Yun et al. 2019,
    "CutMix: regularization strategy to train strong classifiers with localizable features",
    section 3.1.)

    Parameters
    ----------
    alpha : float
        Greater than 0.
    p : float, default 1
        With which probability a pair is mixed at all.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.zeros((2, 10, 10), np.uint8)
    >>> images[1] = 1
    >>> cut, soft = so.data.augment(images, so.data.CutMix(1), labels=[0, 1], classes=2)
    >>> bool(np.allclose(cut.mean((1, 2)), soft[:, 1]))
    True
    """

    alpha: float
    p: float = 1.0
    name: ClassVar[str] = "cutmix"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"alpha": self.alpha, "p": self.p}
