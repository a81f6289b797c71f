"""Augmentations made of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from swiftopt.data._augmentation import Augmentation, Setting


@dataclass(frozen=True)
class RandomChoice(Augmentation):
    """Some of a list of augmentations, drawn for each image without replacement.

    They are applied in the order of the list.

    Parameters
    ----------
    ops : sequence of augmentations
        Up to 64. None of them may itself be a choice, mix images, or change their size.
    count : int, default 1
        How many of them each image gets.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> either = so.data.RandomChoice(
    ...     [so.data.RandomHorizontalFlip(p=1), so.data.RandomVerticalFlip(p=1)]
    ... )
    >>> image = np.array([[[1, 2], [3, 4]]] * 8, np.uint8)
    >>> flipped = so.data.augment(image, either, dtype="float32") * 255
    >>> sorted({tuple(one.astype(int).ravel().tolist()) for one in flipped})
    [(2, 1, 4, 3), (3, 4, 1, 2)]
    """

    ops: Sequence[Augmentation]
    count: int = 1
    name: ClassVar[str] = "random_choice"

    def __post_init__(self) -> None:
        if isinstance(self.ops, Augmentation) or not isinstance(self.ops, Sequence):
            raise TypeError(f"RandomChoice: ops is {self.ops!r}; it must be a list")
        for place, op in enumerate(self.ops):
            if not isinstance(op, Augmentation):
                raise TypeError(f"RandomChoice: ops[{place}] is {op!r}; it must be an augmentation")
            if op.kind in ("choice", "mixing"):
                raise ValueError(
                    f"RandomChoice: ops[{place}] is {op!r}; it must not choose or mix itself"
                )
        object.__setattr__(self, "ops", tuple(self.ops))
        super().__post_init__()
        if self.count > len(self.ops):
            raise ValueError(
                f"RandomChoice: count is {self.count}; there are {len(self.ops)} augmentations"
            )

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"count": self.count, "choices": len(self.ops)}

    def encode(self, channels: int) -> list[float]:
        """Return this augmentation's part of a native program."""
        numbers = super().encode(channels)
        for op in self.ops:
            numbers += op.encode(channels)
        return numbers


@dataclass(frozen=True)
class RandAugment(Augmentation):
    """Several augmentations in a row, each any of fourteen and equally strong.

    With s = magnitude / 30, each step takes one of these, with a random sign where there is
    one: identity; shear_x, shear_y (tangent ±0.3 s); translate_x, translate_y (by ±150/331 s of
    the width or height); rotate (±30 s degrees); brightness, saturation, contrast, sharpness
    (factor 1 ± 0.9 s); posterize (to 8 - ⌊4 s + ½⌋ bits); solarize (from 1 - s on);
    auto_contrast; equalize. (Cubuk et al. 2020, "RandAugment: practical automated data
    augmentation with a reduced search space"; the ranges are torchvision's.)

    Parameters
    ----------
    num_ops : int, default 2
        Steps.
    magnitude : float, default 9
        In 0 ... 30.
    fill : float, default 0
        The value of pixels outside of a moved image. Values are taken to be in 0 ... 1.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    >>> so.data.augment(images, so.data.RandAugment()).shape
    (4, 32, 32, 3)
    """

    num_ops: int = 2
    magnitude: float = 9.0
    fill: float = 0.0
    name: ClassVar[str] = "rand_augment"

    def settings(self) -> dict[str, Setting]:
        """Return the native settings."""
        return {"num_ops": self.num_ops, "magnitude": self.magnitude, "fill": self.fill}
