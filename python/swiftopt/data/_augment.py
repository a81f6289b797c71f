"""Augmenting a whole array of images at once."""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from typing import Any, overload

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array, as_array, as_parameter
from swiftopt._dtypes import kind_of, zeros
from swiftopt.data._augmentation import Augmentation
from swiftopt.data._program import encode


@overload
def augment(
    images: Any,
    ops: Augmentation | Iterable[Augmentation],
    *,
    seed: int = ...,
    epoch: int = ...,
    indices: Any = ...,
    dtype: Any = ...,
    labels: None = ...,
    classes: int | None = ...,
    out: Any = ...,
) -> Array: ...
@overload
def augment(
    images: Any,
    ops: Augmentation | Iterable[Augmentation],
    *,
    seed: int = ...,
    epoch: int = ...,
    indices: Any = ...,
    dtype: Any = ...,
    labels: Any,
    classes: int | None = ...,
    out: Any = ...,
) -> tuple[Array, Array]: ...
def augment(
    images: Any,
    ops: Augmentation | Iterable[Augmentation],
    *,
    seed: int = 0,
    epoch: int = 0,
    indices: Any = None,
    dtype: Any = None,
    labels: Any = None,
    classes: int | None = None,
    out: Any = None,
) -> Any:
    """Return augmented images, as a `Loader` with the same seed makes them.

    On all threads, and with the same bits for every number of threads, on every machine: what
    is random is a function of seed, epoch and an image's index.

    Parameters
    ----------
    images : array of shape (n, height, width) or (n, height, width, channels)
        uint8, float32, float64, float16 or bfloat16; up to 16 channels. uint8 images are
        divided by 255 unless they stay uint8. Arithmetic is in float32.
    ops : augmentation or iterable of augmentations
        Applied in this order. Adjacent geometric ones are joined: see docs/augmentation.md.
    seed : int, default 0
        In 0 ... 2**64 - 1.
    epoch : int, default 0
        Each epoch has other random numbers.
    indices : int array of shape (n,), optional
        Of the images in their data set, 0 ... 2**48 - 1, by default 0 ... n - 1. An image has
        the same random numbers in whatever batch it comes.
    dtype : dtype, optional
        Of the result: uint8 (of uint8 images that are only moved), float32, float64 or
        bfloat16. By default the images' own where that is possible, else float32.
    labels : array, optional
        For `Mixup` and `CutMix`: n class numbers, with `classes`; or n rows of probabilities.
    classes : int, optional
        How many classes there are.
    out : array, optional
        Where to write the images instead of to a new array.

    Returns
    -------
    array, or (array, array) with labels
        The images, and the float32 labels of shape (n, classes).

    Raises
    ------
    TypeError
        If an array or `dtype` has another dtype, or something is no augmentation.
    ValueError
        If the augmentations don't fit the images, or an argument has another shape, isn't
        contiguous, or is out of range.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 28, 28), np.uint8)
    >>> ops = [so.data.RandomCrop(28, padding=4), so.data.RandomHorizontalFlip(),
    ...        so.data.Normalize(0.286, 0.353)]
    >>> batch = so.data.augment(images, ops, seed=1)
    >>> batch.shape, batch.dtype
    ((8, 28, 28), dtype('float32'))
    >>> part = so.data.augment(images[5:], ops, seed=1, indices=[5, 6, 7])
    >>> np.array_equal(part, batch[5:])
    True
    """
    source = as_array(images, "images")
    if source.ndim not in (3, 4):
        raise ValueError(
            f"images has shape {source.shape}; it must be (n, height, width) or "
            "(n, height, width, channels)"
        )
    target = None if out is None else as_parameter(out, "out")
    wanted = None if target is None else _kind(target)
    if dtype is not None:
        wanted = _dtype_name(dtype)
        if target is not None and _kind(target) != wanted:
            raise ValueError(f"out has dtype {_kind(target)}; dtype is {wanted}")
    program = encode(ops, source.shape[1:], _kind(source), wanted)
    shape = (len(source), *program.out_shape)
    if target is None:
        target = _new(shape, program.out_dtype)
    elif target.shape != shape:
        raise ValueError(f"out has shape {target.shape}; it must have shape {shape}")
    soft = _soft_labels(labels, classes, len(source), program.mixes)
    _core.augment(
        source,
        target,
        program.numbers,
        (len(source), *program.in_shape),
        index(seed),
        index(epoch),
        _numbers(indices, len(source)),
        soft,
        0 if soft is None else soft.shape[1],
    )
    return target if soft is None else (target, soft)


def _kind(array: Array) -> str:
    return kind_of(array) or str(array.dtype)


def _dtype_name(dtype: Any) -> str:
    if isinstance(dtype, str) and dtype == "bfloat16":  # NumPy may not know it
        return dtype
    return str(np.dtype(dtype).name)


def _new(shape: tuple[int, ...], kind: str) -> Array:
    if kind == "bfloat16":
        return zeros(shape, kind)
    return np.empty(shape, kind)


def _numbers(indices: Any, count: int) -> Array | None:
    if indices is None:
        return None
    numbers = np.asarray(indices)
    if numbers.dtype.kind not in "iu" and numbers.size > 0:
        raise TypeError(f"indices has dtype {numbers.dtype}; it must be integers")
    if numbers.shape != (count,):
        raise ValueError(f"indices has shape {numbers.shape}; it must have shape ({count},)")
    return np.ascontiguousarray(numbers, np.int64)


def _soft_labels(labels: Any, classes: int | None, count: int, mixes: bool) -> Array | None:
    """Return new float32 rows for labels of either kind."""
    if labels is None:
        return None
    if not mixes:
        raise ValueError("labels is given, but ops has no Mixup or CutMix, so they stay the same")
    given = np.asarray(labels)
    if given.ndim == 2 and given.dtype.kind == "f":
        if given.shape[0] != count or classes not in (None, given.shape[1]):
            raise ValueError(
                f"labels has shape {given.shape}; it must have shape ({count}, {classes or 'k'})"
            )
        return np.array(given, np.float32)
    if given.shape != (count,) or (given.dtype.kind not in "iu" and count > 0):
        raise ValueError(
            f"labels has shape {given.shape} and dtype {given.dtype}; it must be {count} class "
            "numbers, or a row of float probabilities for each image"
        )
    if classes is None:
        raise ValueError("classes must be given: how many there are, for labels that are numbers")
    classes = index(classes)
    outside = (given < 0) | (given >= classes)
    if outside.any():
        place = int(outside.argmax())
        raise ValueError(
            f"labels[{place}] is {given[place]}; it must be in 0 ..< {classes}, the classes"
        )
    soft = np.zeros((count, classes), np.float32)
    soft[np.arange(count), given] = 1
    return soft
