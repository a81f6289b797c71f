"""What augmentations promise bit by bit: copies, conversions, independence of how they are run."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import swiftopt as so

from .augment_random import Draws, below
from .test_augment import EXAMPLES, fits, random_images

CHANNELS = [1, 2, 3, 4, 5, 16]


def crop_and_flip(image: Any, padding: int, size: int, index: int, fill: Any) -> Any:
    """By NumPy's slices, with the draws of the first two places of a program."""
    u, v = Draws(9, 0, 2, index).shares(0)[:2]
    widths = [(padding, padding)] * 2 + [(0, 0)] * (image.ndim - 2)
    padded = np.pad(image, widths, constant_values=fill)
    top, left = below(u, padded.shape[0] - size + 1), below(v, padded.shape[1] - size + 1)
    window = padded[top : top + size, left : left + size]
    return window[:, ::-1] if Draws(9, 1, 2, index).shares(0)[0] < 0.5 else window


# Rows around the width of a vector, and shorter than one.
@pytest.mark.parametrize("size", [1, 5, 15, 16, 17, 28, 33])
@pytest.mark.parametrize("channels", CHANNELS)
def test_crops_and_flips_copy_pixels(size: int, channels: int) -> None:
    images = random_images(40, (30, 31, channels))
    ops = [so.data.RandomCrop(size, padding=4, fill=1), so.data.RandomHorizontalFlip()]
    bytes_ = so.data.augment(images, ops, seed=9, epoch=2)
    assert bytes_.dtype == np.uint8
    floats = so.data.augment(images, ops, seed=9, epoch=2, dtype="float32")
    for index, image in enumerate(images):
        assert np.array_equal(bytes_[index], crop_and_flip(image, 4, size, index, 255))
    # x / 255 rounded once.
    assert np.array_equal(floats, bytes_ / np.float32(255))


def test_floats_are_copied_bit_by_bit() -> None:
    images = np.random.default_rng(0).standard_normal((20, 19, 18, 3)).astype(np.float32)
    images[:, 2, 3] = [-0.0, np.inf, np.nan]
    ops = [so.data.RandomCrop(17, padding=2, fill=-0.0), so.data.RandomHorizontalFlip()]
    result = so.data.augment(images, ops, seed=9, epoch=2)
    for index, image in enumerate(images):
        expected = crop_and_flip(image, 2, 17, index, np.float32(-0.0))
        assert result[index].tobytes() == expected.tobytes()


def test_every_byte_is_divided_by_255_and_rounded_once() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    for channels in (1, 3):
        images = np.repeat(image[..., None], channels, axis=3)
        result = so.data.augment(images, so.data.CenterCrop(16), dtype="float32")
        assert np.array_equal(result, images / np.float32(255))


@pytest.mark.parametrize("channels", CHANNELS)
def test_normalize_is_right_alone_and_after_others(channels: int) -> None:
    rng = np.random.default_rng(channels)
    mean, std = rng.uniform(0, 1, channels).tolist(), rng.uniform(0.1, 1, channels).tolist()
    normalize = so.data.Normalize(mean, std)
    images = random_images(7, (9, 11, channels))
    expected = (images / 255 - np.array(mean)) / np.array(std)
    folded = so.data.augment(images, normalize)
    # Three roundings of numbers of up to |x/std| and |mean/std|, each 10 at most: 3 · 10 · 2^-24.
    assert np.abs(folded - expected).max() < 2e-6
    apart = so.data.augment(images, [normalize, so.data.GaussianNoise(0)])
    assert np.abs(apart - expected).max() < 2e-6


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("op", EXAMPLES, ids=str)
def test_other_results_are_the_float32_one(op: so.data.Augmentation, dtype: str) -> None:
    images = random_images(6, (18, 21, 3))
    result = so.data.augment(images, op, seed=4, dtype=dtype)
    floats = so.data.augment(images, op, seed=4, dtype="float32")
    target = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.float64
    assert result.dtype == target
    assert np.array_equal(result, floats.astype(target))


@pytest.mark.parametrize("dtype", ["float16", "float64", "bfloat16"])
def test_other_images_become_float32_first(dtype: str) -> None:
    values = np.random.default_rng(1).uniform(0, 1, (5, 12, 13, 2))
    images = values.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    ops = [so.data.RandomRotation(30), so.data.ColorJitter(0.3)]
    result = so.data.augment(images, ops, dtype="float32")
    assert np.array_equal(result, so.data.augment(images.astype(np.float32), ops))


def test_bytes_that_stay_bytes_are_rounded_to_the_nearest() -> None:
    images = random_images(12, (18, 21, 3))
    op = so.data.RandomAffine(40, scale=(0.5, 2), fill=0.5)
    result = so.data.augment(images, op)
    floats = so.data.augment(images, op, dtype="float64") * 255
    assert result.dtype == np.uint8
    # The blend of bytes and that of bytes / 255 differ by roundings of 2^-24 of 255 each.
    assert (np.abs(result - floats) <= 0.5 + 1e-4).all()


@pytest.mark.parametrize("op", EXAMPLES, ids=str)
def test_results_do_not_depend_on_threads_or_batches(op: so.data.Augmentation) -> None:
    shape = (24, 20, 3)
    images = random_images(301, shape)
    if not fits(op, shape):
        pytest.skip("the window is larger than the image")
    so.set_num_threads(1)
    whole = so.data.augment(images, op, seed=5, epoch=2**40)
    so.set_num_threads(2)
    assert np.array_equal(so.data.augment(images, op, seed=5, epoch=2**40), whole)
    numbers = np.arange(301)[::-7]
    parts = so.data.augment(
        np.ascontiguousarray(images[numbers]), op, seed=5, epoch=2**40, indices=numbers
    )
    assert np.array_equal(parts, whole[numbers])


@pytest.mark.parametrize("op", [so.data.RandomCrop(5), so.data.GaussianNoise(1)], ids=str)
def test_seed_epoch_index_and_place_matter(op: so.data.Augmentation) -> None:
    images = np.repeat(random_images(1, (32, 32)), 6, axis=0)
    settings: list[dict[str, Any]] = [
        {}, {"seed": 1}, {"epoch": 1}, {"epoch": 2**32}, {"indices": np.arange(6) + 2**33},
    ]  # fmt: skip
    results = [so.data.augment(images, op, dtype="float32", **one) for one in settings]
    results.append(so.data.augment(images, [so.data.CenterCrop(32), op], dtype="float32"))
    flat = np.concatenate(results).reshape(6 * 6, -1)
    assert len(np.unique(flat, axis=0)) == 36


def test_noise_of_large_images_does_not_repeat() -> None:
    # 65536 blocks of four belong to a stream, after that there is another one.
    noise = so.data.augment(np.zeros((1, 600, 1024), np.float32), so.data.GaussianNoise(1)).ravel()
    first, second = noise[:262144], noise[262144:524288]
    assert (first == second).mean() < 1e-4
    later = Draws(0, 0, 0, 0).block(65536)[0]
    tail = ((later & 0x7FFF_FFFF) + 0.5) / 2**32
    from statistics import NormalDist

    size = -NormalDist().inv_cdf(tail)
    assert abs(noise[262144] - (-size if later >> 31 else size)) < 2e-6


def test_images_stay_and_out_is_used() -> None:
    images = random_images(8, (10, 10))
    before, out = images.copy(), np.empty((8, 5, 4), np.float64)
    result = so.data.augment(images, so.data.CenterCrop((5, 4)), out=out)
    assert result is out
    assert np.array_equal(images, before)
    assert np.allclose(out, images[:, 2:7, 3:7] / 255, atol=1e-7)


def test_no_images_and_no_augmentations() -> None:
    assert so.data.augment(np.zeros((0, 4, 4), np.uint8), so.data.CenterCrop(2)).shape == (0, 2, 2)
    images = random_images(3, (4, 4))
    assert np.array_equal(so.data.augment(images, []), images)
    assert np.array_equal(so.data.augment(images, [], dtype="float32"), images / np.float32(255))


def test_a_view_at_any_address_will_do() -> None:
    memory = np.zeros(3 + 4 * 7 * 9, np.uint8)
    images = memory[3:].reshape(4, 7, 9)
    images[...] = random_images(4, (7, 9))
    out = np.empty(4 * 7 * 9 + 1, np.float32)[1:].reshape(4, 7, 9)
    so.data.augment(images, so.data.RandomHorizontalFlip(1), out=out)
    assert np.array_equal(out, images[:, :, ::-1] / np.float32(255))
