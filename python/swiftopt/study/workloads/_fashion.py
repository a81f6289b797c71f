"""Fashion-MNIST in the parts that the workloads use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swiftopt.study._errors import StudyError
from swiftopt.study._kept import kept
from swiftopt.study.workloads._workload import Data, Split

if TYPE_CHECKING:
    from swiftopt.data import FashionMNIST

#: The 60 000 training images: two halves to train on, then those for validation.
_SECOND_HALF, _VALIDATION = 25_000, 50_000


@kept
def images(second_half: bool, train: int, validation: int, test: int) -> Data:
    """Return the first images (n, 28, 28, 1) of each part, in uint8, and their labels.

    `second_half` takes training images from number 25 000 on, and other validation images:
    no choice was made on any of them.
    """
    (pixels, labels), (test_pixels, test_labels) = _whole()
    begin = _SECOND_HALF if second_half else 0
    chosen = _VALIDATION + (5_000 if second_half else 0)
    seen = pixels[begin : begin + train]
    return Data(
        Split(seen, labels[begin : begin + train]),
        Split(pixels[chosen : chosen + validation], labels[chosen : chosen + validation]),
        Split(test_pixels[:test], test_labels[:test]),
        mean=round(float(seen.mean(dtype="f8")) / 255, 6),
        deviation=round(float(seen.std(dtype="f8")) / 255, 6),
    )


@kept
def _whole() -> FashionMNIST:
    from swiftopt.data import fashion_mnist

    try:
        return fashion_mnist()
    except FileNotFoundError as error:
        raise StudyError(str(error)) from error
