"""Wrong arguments: what is said, and that nothing is written."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

import swiftopt as so
from swiftopt import _core

from .test_augment import EXAMPLES

data = so.data
IMAGES = np.zeros((2, 6, 5, 3), np.uint8)

CONSTRUCTORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: data.RandomCrop(0), ValueError, "RandomCrop: height is 0; it must be a whole number"),
    (lambda: data.RandomCrop(2.5), ValueError, "height is 2.5; it must be a whole number"),
    (lambda: data.RandomCrop("3"), TypeError, "RandomCrop: height is '3'; it must be"),
    (lambda: data.RandomCrop((1, 2, 3)), ValueError, "size is (1, 2, 3); it must be a number or"),
    (lambda: data.RandomCrop(2, padding=-1), ValueError, "padding_height is -1"),
    (lambda: data.RandomCrop(2, fill=np.nan), ValueError, "fill is nan; it must be a finite"),
    (lambda: data.RandomCrop(True), TypeError, "height is True"),
    (lambda: data.RandomHorizontalFlip(1.5), ValueError, "p is 1.5; it must be"),
    (lambda: data.RandomRotation(-5), ValueError, "degrees is -5; it must be 0 or more"),
    (lambda: data.RandomRotation((5, -5)), ValueError, "degrees is (5, -5); the first"),
    (lambda: data.RandomRotation(400), ValueError, "degrees_low is -400"),
    (lambda: data.RandomAffine(0, scale=(0, 1)), ValueError, "scale_low is 0"),
    (lambda: data.RandomAffine(0, shear=90), ValueError, "shear_height is 90"),
    (lambda: data.RandomResizedCrop(4, scale=(0, 1)), ValueError, "scale_low is 0; it must be"),
    (lambda: data.RandomResizedCrop(4, ratio=(2, 1)), ValueError, "ratio is (2, 1)"),
    (lambda: data.ColorJitter(brightness=-0.1), ValueError, "brightness is -0.1"),
    (lambda: data.GaussianNoise(None), TypeError, "std is None"),
    (lambda: data.GaussianNoise(np.inf), ValueError, "std is inf"),
    (lambda: data.Normalize(0.5, 0), ValueError, "std is 0; it must be a finite number greater"),
    (lambda: data.Normalize((0.5, "a"), 1), TypeError, "mean is 'a'"),
    (lambda: data.RandomChoice(data.Resize(3)), TypeError, "RandomChoice: ops is Resize"),
    (lambda: data.RandomChoice([3]), TypeError, "ops[0] is 3; it must be an augmentation"),
    (lambda: data.RandomChoice([data.Mixup(1)]), ValueError, "must not choose or mix"),
    (lambda: data.RandomChoice([data.Cutout(1)], count=2), ValueError, "there are 1 augment"),
    (lambda: data.RandomChoice([]), ValueError, "choices is 0"),
    (lambda: data.RandAugment(magnitude=31), ValueError, "magnitude is 31"),
    (lambda: data.Mixup(0), ValueError, "alpha is 0; it must be"),
    (lambda: data.CutMix(1, p=-1), ValueError, "p is -1"),
]


@pytest.mark.parametrize(("make", "error", "text"), CONSTRUCTORS, ids=[c[2] for c in CONSTRUCTORS])
def test_wrong_settings(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        make()


CALLS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"images": np.zeros((2, 2), np.uint8)}, ValueError, "images has shape (2, 2); it must be"),
    ({"images": np.zeros((2, 6, 5), np.int32)}, TypeError, "images have dtype int32"),
    (
        {"images": np.zeros((2, 6, 5, 17), np.uint8)},
        ValueError,
        "(6, 5, 17), (height, width, channels); channels",
    ),
    ({"images": np.zeros((2, 0, 5), np.uint8)}, ValueError, "image.side is 0"),
    ({"images": np.zeros((1, 1, 32769), np.uint8)}, ValueError, "image.side is 32769"),
    ({"images": IMAGES[:, ::2]}, ValueError, "images is not C-contiguous"),
    ({"images": [[[1]]]}, TypeError, "images is a list"),
    ({"ops": data.RandomCrop(7)}, ValueError, "augment[0].height is 7; it must be no more than"),
    ({"ops": data.CenterCrop((3, 6))}, ValueError, "augment[0].width is 6"),
    ({"ops": 3}, TypeError, "ops is 3; it must be a list of augmentations"),
    ({"ops": [data.CenterCrop(2), "flip"]}, TypeError, "ops[1] is 'flip'"),
    ({"ops": [data.RandomCrop]}, TypeError, "such as so.data.RandomCrop(...)"),
    ({"ops": data.Normalize((1, 2), 1)}, ValueError, "Normalize: mean has 2 numbers"),
    ({"ops": data.RandomCrop(6, padding=1, fill=128)}, ValueError, "fill is 128; uint8 images"),
    ({"ops": data.Cutout(2, value=255)}, ValueError, "value is 255; uint8 images"),
    ({"ops": [data.Mixup(1), data.CenterCrop(2)]}, ValueError, "augment[1]: nothing can come"),
    ({"ops": data.RandomChoice([data.CenterCrop(2)])}, ValueError, "augment[1]: a choice must"),
    ({"dtype": "uint8", "ops": data.GaussianNoise(1)}, TypeError, "can be uint8 only of uint8"),
    ({"dtype": "uint8", "ops": data.Mixup(1)}, TypeError, "can be uint8 only of uint8"),
    ({"dtype": "float16"}, TypeError, "dtype is float16; it must be uint8, float32"),
    ({"dtype": "int64"}, TypeError, "dtype is int64"),
    ({"out": np.zeros((2, 6, 6, 3), np.float32)}, ValueError, "out has shape (2, 6, 6, 3); it mus"),
    ({"out": np.zeros((2, 6, 5, 3)), "dtype": "float32"}, ValueError, "out has dtype float64"),
    ({"out": IMAGES}, ValueError, "images and out share memory"),
    ({"seed": -1}, ValueError, "seed is -1; it must be in 0"),
    ({"seed": 1.5}, TypeError, "integer"),
    ({"epoch": 2**64}, ValueError, "epoch is"),
    ({"indices": [0]}, ValueError, "indices has shape (1,); it must have shape (2,)"),
    ({"indices": [0, -1]}, ValueError, "indices[1] is -1"),
    ({"indices": [2**48, 0]}, ValueError, "indices[0] is"),
    ({"indices": [0.0, 1.0]}, TypeError, "indices has dtype float64"),
    ({"labels": [0, 1], "classes": 2}, ValueError, "labels is given, but ops has no Mixup"),
    ({"labels": [0, 1], "ops": data.Mixup(1)}, ValueError, "classes must be given"),
    ({"labels": [0, 2], "ops": data.Mixup(1), "classes": 2}, ValueError, "labels[1] is 2"),
    ({"labels": [0], "ops": data.CutMix(1), "classes": 2}, ValueError, "labels has shape (1,)"),
    ({"labels": np.eye(2), "ops": data.CutMix(1), "classes": 3}, ValueError, "shape (2, 3)"),
]


@pytest.mark.parametrize(("change", "error", "text"), CALLS, ids=[c[2] for c in CALLS])
def test_wrong_calls(change: dict[str, Any], error: type[Exception], text: str) -> None:
    arguments = {"images": IMAGES, "ops": data.RandomHorizontalFlip(1), **change}
    out = change.get("out")
    before = None if out is None else out.copy()
    with pytest.raises(error, match=re.escape(text)):
        data.augment(**arguments)
    if out is not None:
        assert np.array_equal(out, before)


def numbers(*values: float) -> bytes:
    return np.array(values, np.float64).tobytes()


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (b"1234567", "program has 7 bytes"),
        (numbers(99), "augment[0].number is 99; it must be that of an augmentation"),
        (numbers(np.nan), "augment[0].number is nan"),
        (numbers(0.5), "augment[0].number is 0.5"),
        (numbers(-1), "augment[0].number is -1"),
        (numbers(1, 2), "augment[0]: the program ends before its settings do"),
        (numbers(1, 2, np.nan), "center_crop.width is nan"),
        (numbers(1, 2, 1e300), "center_crop.width is 1e+300; it must be in [1, 32768]"),
        (numbers(1, 2, 1.5), "center_crop.width is 1.5; it must be a whole number"),
        (numbers(13, 1, 2, 3, 0.5), "the program ends before its choices do"),
        (numbers(13, 2, 1, 3, 0.5), "augment[0].count is 2"),
        (numbers(13, 1, 1, 13, 1, 1, 3, 0.5), "augment[1]: a choice must not be a choice"),
        (numbers(*[3, 0.5] * 4097), "at most 4096 augmentations"),
        (numbers(*[3, 0.5] * 40000), "up to 65536 numbers"),
        (numbers(12, 0, 0, 0, 1, 1, 0), "normalize.std is 0; it must be greater"),
    ],
)  # fmt: skip
def test_wrong_programs(program: bytes, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        _core.augment_plan(program, (2, 6, 5, 3), "uint8", "float32")


def test_random_numbers_as_programs_are_refused_or_run() -> None:
    rng = np.random.default_rng(0)
    ran = 0
    for _ in range(20000):
        # Mostly small whole numbers, some others, and some that are no numbers.
        program = rng.integers(-1, 18, rng.integers(1, 12)).astype(np.float64)
        program[0] = rng.integers(0, 17)
        others = rng.random(len(program)) < 0.1
        program[others] = rng.choice([0.5, 0.001, 1e300, -1e300, np.inf, np.nan], others.sum())
        images = rng.integers(0, 256, (2, 6, 5, 1), np.uint8)
        try:
            height, width, _ = _core.augment_plan(
                program.tobytes(), (2, 6, 5, 1), "uint8", "float32"
            )
        except ValueError:
            continue
        out = np.full((2, height, width, 1), np.nan, np.float32)
        _core.augment(images, out, program.tobytes(), (2, 6, 5, 1), 1, 2, np.array([3, 4]), None, 0)
        ran += 1
    assert ran > 500


def test_numbers_of_numpy_will_do() -> None:
    size, p = np.int64(3), np.float32(0.5)
    ops = [data.RandomCrop(size), data.RandomHorizontalFlip(p), data.Normalize(np.ones(3), p)]
    plain = [data.RandomCrop(3), data.RandomHorizontalFlip(0.5), data.Normalize(1, 0.5)]
    assert np.array_equal(data.augment(IMAGES, ops), data.augment(IMAGES, plain))


@pytest.mark.parametrize("op", [*EXAMPLES, so.data.RandomChoice([so.data.Cutout(2)])], ids=str)
def test_augmentations_are_values(op: so.data.Augmentation) -> None:
    assert pickle.loads(pickle.dumps(op)) == op
    assert eval(repr(op), vars(so.data).copy()) == op
    assert len({op, pickle.loads(pickle.dumps(op))}) == 1
    with pytest.raises(AttributeError):
        op.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_dont_become_bytes_also_without_augmentations(dtype):
    with pytest.raises((TypeError, ValueError), match="uint8"):
        so.data.augment(np.ones((3, 4, 4), dtype), [], dtype="uint8")
