"""Mixup and cutmix: pairs of a batch, and their labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import swiftopt as so

from .augment_random import Draws
from .augment_reference import REFERENCE
from .test_augment import random_images

OPS = [so.data.Mixup(0.2), so.data.Mixup(3), so.data.CutMix(1), so.data.CutMix(0.5, p=0.5)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 7, 32])
@pytest.mark.parametrize("op", OPS, ids=str)
def test_pairs_are_mixed_as_in_the_reference(op: Any, count: int, dtype: str) -> None:
    images = random_images(count, (9, 13, 3))
    labels = np.arange(count) % 4
    numbers = np.arange(count) * 3 + 1
    mixed, soft = so.data.augment(
        images, op, seed=6, epoch=1, indices=numbers, dtype=dtype, labels=labels, classes=4
    )
    units, rows = images / np.float32(255), np.eye(4)[labels]
    assert soft.dtype == np.float32
    assert soft.shape == (count, 4)
    for first in range((count + 1) // 2):
        second = count - 1 - first
        a, b = units[first].astype(float), units[second].astype(float)
        share = 1.0
        if first != second:
            draws = Draws(6, 0, 1, int(numbers[first]))
            a, b, share = REFERENCE[op.name](op, (a, b), draws)
        # One rounding of each product and of the sum, of numbers up to 1.
        assert np.abs(mixed[first] - a).max() < 2e-7
        assert np.abs(mixed[second] - b).max() < 2e-7
        for own, other in ((first, second), (second, first)):
            expected = share * rows[own] + (1 - share) * rows[other]
            assert np.abs(soft[own] - expected).max() < 2e-7


def test_labels_of_cutmix_are_areas() -> None:
    images = np.zeros((200, 11, 17), np.uint8)
    images[100:] = 1
    labels = np.repeat([0, 1], 100)
    cut, soft = so.data.augment(images, so.data.CutMix(1), labels=labels, classes=2)
    assert cut.dtype == np.uint8
    areas = cut.mean((1, 2))
    assert np.abs(soft[:, 1] - areas).max() < 1e-6
    assert len(np.unique(areas)) > 50
    # What was taken from one went to the other.
    assert np.array_equal(cut + cut[::-1], np.ones_like(cut))


def test_mixing_comes_after_normalising() -> None:
    images = random_images(4, (6, 6))
    ops = [so.data.Normalize(0.5, 0.25), so.data.Mixup(1)]
    mixed = so.data.augment(images, ops, seed=3)
    plain = so.data.augment(images, ops[:1], seed=3)
    shares = [REFERENCE["mixup"](ops[1], (1.0, 0.0), Draws(3, 1, 0, n))[2] for n in (0, 1)]
    for first, share in enumerate(shares):
        expected = share * plain[first] + (1 - share) * plain[3 - first]
        assert np.abs(mixed[first] - expected).max() < 1e-6


def test_labels_may_be_probabilities() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 6)
    before = rows.copy()
    _, soft = so.data.augment(random_images(6, (4, 4)), so.data.Mixup(1), labels=rows)
    assert np.array_equal(rows, before)
    assert soft.dtype == np.float32
    assert np.allclose(soft.sum(0), rows.sum(0), atol=1e-6)
    assert np.allclose(soft.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1, 5])
def test_shares_have_the_moments_of_the_beta_distribution(alpha: float) -> None:
    count = 20000
    images = np.zeros((2 * count, 1, 1), np.float32)
    images[:count] = 1
    shares = so.data.augment(images, so.data.Mixup(alpha), seed=8)[:count].ravel().astype(float)
    variance = 1 / (4 * (2 * alpha + 1))
    # Both within 4.5 standard errors, which chance leaves once in 100 000 times. The fourth
    # central moment of Beta(a, a) is 3 / (16 (2a + 1)(2a + 3)). A variance that is wrong by 4 %
    # is found.
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert abs(shares.mean() - 0.5) < 4.5 * np.sqrt(variance / count)
    error = np.sqrt((fourth - variance**2) / count)
    assert abs(((shares - 0.5) ** 2).mean() - variance) < 4.5 * error


def test_p_is_how_often_pairs_are_mixed() -> None:
    images = np.zeros((8000, 1, 1), np.float32)
    images[:4000] = 1
    shares = so.data.augment(images, so.data.Mixup(1, p=0.3), seed=2)[:4000]
    # 4.5 standard deviations of a binomial share: sqrt(0.21 / 4000) = 0.0072.
    assert abs((shares < 1).mean() - 0.3) < 4.5 * 0.0073
