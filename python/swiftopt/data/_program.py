"""Lists of augmentations as native programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from swiftopt import _core
from swiftopt._dtypes import kind_of_dtype
from swiftopt.data._augmentation import Augmentation

#: What images may be stored in, and what they may become.
SOURCES = ("uint8", "float32", "float64", "float16", "bfloat16")
RESULTS = ("uint8", "float32", "float64", "bfloat16")
_MOST_CHANNELS = 16


@dataclass(frozen=True)
class Program:
    """A list of augmentations for images of one shape and dtype."""

    numbers: bytes  # native float64 numbers
    in_shape: tuple[int, int, int]  # height, width, channels
    out_shape: tuple[int, ...]  # of one sample, without channels if the images have none
    out_dtype: str
    mixes: bool


def encode(ops: Any, shape: tuple[int, ...], dtype: str, out_dtype: str | None = None) -> Program:
    """Return the program of these augmentations.

    Parameters
    ----------
    ops : augmentation or iterable of augmentations
    shape : (height, width) or (height, width, channels)
        Of one image.
    dtype : str
        Of the images: one of `SOURCES`.
    out_dtype : str, optional
        One of `RESULTS`. By default the images' own if they can keep it, else float32.

    Raises
    ------
    TypeError
        If something is no augmentation, or a dtype is not one of these.
    ValueError
        If the augmentations don't fit the images or each other.
    """
    steps = as_list(ops)
    if len(shape) not in (2, 3):
        raise ValueError(
            f"images have shape {shape}; augmentations need (height, width) or "
            "(height, width, channels)"
        )
    if len(shape) == 3 and shape[2] > _MOST_CHANNELS:
        raise ValueError(
            f"images have shape {shape}, (height, width, channels); channels must be in 1 ... "
            f"{_MOST_CHANNELS}. If they come first, "
            "np.ascontiguousarray(np.moveaxis(images, 1, -1)) puts them last"
        )
    if dtype not in SOURCES:
        raise TypeError(f"images have dtype {dtype}; augmentations need {_choices(SOURCES)}")
    if out_dtype is None:
        out_dtype = _default_dtype(steps, dtype)
    elif out_dtype not in RESULTS:
        raise TypeError(f"dtype is {out_dtype}; it must be {_choices(RESULTS)}")
    if dtype == "uint8":
        _check_fills(steps)
    height, width, channels = (*shape, 1) if len(shape) == 2 else shape
    numbers = [number for step in steps for number in step.encode(channels)]
    program = np.array(numbers, np.float64).tobytes()
    new_height, new_width, mixes = _core.augment_plan(
        program, (1, height, width, channels), dtype, out_dtype
    )
    return Program(
        program,
        (height, width, channels),
        (new_height, new_width, *shape[2:]),
        out_dtype,
        mixes,
    )


def as_list(ops: Any, what: str = "ops") -> list[Augmentation]:
    """Return one or several augmentations as a list; TypeError if one is none."""
    if isinstance(ops, Augmentation):
        return [ops]
    if not isinstance(ops, Iterable) or isinstance(ops, str | bytes | np.ndarray):
        raise TypeError(f"{what} is {ops!r}; it must be a list of augmentations")
    steps = list(ops)
    for place, step in enumerate(steps):
        if not isinstance(step, Augmentation):
            hint = ""
            if isinstance(step, type) and issubclass(step, Augmentation):
                hint = f", such as so.data.{step.__name__}(...)"
            raise TypeError(f"{what}[{place}] is {step!r}; it must be an augmentation{hint}")
    return steps


def image_dtype(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype that images may have, else NumPy's name for it."""
    return kind_of_dtype(dtype) or str(dtype)


def _check_fills(steps: list[Augmentation]) -> None:
    """Refuse what is meant for 0 ... 255: uint8 images are in 0 ... 1 until normalised."""
    for step in steps:
        if step.name == "normalize":
            return
        for name in ("fill", "value"):
            fill = getattr(step, name, 0)
            if not 0 <= fill <= 1:
                raise ValueError(
                    f"{type(step).__name__}: {name} is {fill}; uint8 images have values in "
                    "0 ... 1 here, 255 being 1"
                )


def _default_dtype(steps: list[Augmentation], dtype: str) -> str:
    if dtype in ("float64", "bfloat16"):
        return dtype
    keeps_bytes = all(step.kind == "geometric" or step.name == "cutmix" for step in steps)
    return "uint8" if dtype == "uint8" and keeps_bytes else "float32"


def _choices(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
