"""How the parameters of augmentations are distributed, seen in what they do to images."""

from __future__ import annotations

import numpy as np

import swiftopt as so

COUNT = 20000


def chi_square(values: np.ndarray, bins: int) -> float:
    """Return the statistic of evenly distributed whole numbers below `bins`."""
    counts = np.bincount(values.ravel(), minlength=bins)
    assert len(counts) == bins
    expected = values.size / bins
    return float(((counts - expected) ** 2 / expected).sum())


def test_crops_begin_everywhere_equally_often() -> None:
    images = np.broadcast_to(np.arange(49, dtype=np.uint8).reshape(7, 7), (COUNT, 7, 7)).copy()
    places = so.data.augment(images, so.data.RandomCrop(1), seed=1)
    # 48 degrees of freedom: above 84.0 with probability 0.001. Of 20 000 crops, places whose
    # frequencies differ by 10 % (standard deviation) are found with probability 0.999.
    assert chi_square(places, 49) < 84.0


def test_flips_happen_with_their_probability() -> None:
    images = np.broadcast_to(np.array([[0, 1]], np.uint8), (COUNT, 1, 2)).copy()
    for p in (0.0, 0.25, 0.5, 1.0):
        flipped = so.data.augment(images, so.data.RandomHorizontalFlip(p))[:, 0, 0]
        # 4.5 standard deviations, which chance exceeds once in 100 000 times.
        assert abs(flipped.mean() - p) <= 4.5 * np.sqrt(p * (1 - p) / COUNT)


def test_factors_are_uniform() -> None:
    images = np.full((COUNT, 1, 1), 0.25, np.float32)
    factors = so.data.augment(images, so.data.ColorJitter(brightness=0.5)).ravel() * 4
    assert 0.5 <= factors.min() < factors.max() <= 1.5
    # 20 intervals, 19 degrees of freedom: above 43.8 with probability 0.001.
    assert chi_square(np.minimum((factors - 0.5) * 20, 19).astype(int), 20) < 43.8


def test_erased_areas_and_ratios_are_within_bounds() -> None:
    op = so.data.RandomErasing(1, scale=(0.05, 0.2), ratio=(0.5, 2), value=1)
    erased = so.data.augment(np.zeros((2000, 60, 50), np.float32), op) == 1
    heights = erased.any(2).sum(1)
    widths = erased.any(1).sum(1)
    assert np.array_equal(erased.sum((1, 2)), heights * widths)
    # Sides are rounded to whole pixels.
    assert ((heights - 0.5) * (widths - 0.5) <= 0.2 * 3000).all()
    assert ((heights + 0.5) * (widths + 0.5) >= 0.05 * 3000).all()
    assert ((widths - 0.5) / (heights + 0.5) <= 2).all()
    assert ((widths + 0.5) / (heights - 0.5) >= 0.5).all()
    # Half of the ratios are below 1: 4.5 standard deviations, and what rounding makes equal.
    assert abs((widths < heights).mean() + (widths == heights).mean() / 2 - 0.5) < 0.05


def test_noise_is_normal() -> None:
    noise = so.data.augment(np.zeros((40, 100, 125), np.float32), so.data.GaussianNoise(1), seed=5)
    values = np.sort(noise.ravel().astype(float))
    count = len(values)
    # The distance of the distribution functions, against Kolmogorov's 0.001 point,
    # 1.949 / sqrt(500 000) = 0.0028; a standard deviation that is wrong by 1.5 % is found.
    from statistics import NormalDist

    grid = np.linspace(-4, 4, 801)
    exact = np.array([NormalDist().cdf(x) for x in grid])
    empirical = np.searchsorted(values, grid) / count
    assert np.abs(empirical - exact).max() < 1.949 / np.sqrt(count)
    assert np.abs(values).max() < 6.4


def test_neighbours_in_noise_are_not_correlated() -> None:
    noise = so.data.augment(np.zeros((8, 256, 256), np.float32), so.data.GaussianNoise(1), seed=5)
    flat = noise.reshape(8, -1).astype(float)
    for distance in (1, 2, 63, 64, 65, 128, 256):
        product = (flat[:, distance:] * flat[:, :-distance]).mean()
        assert abs(product) < 4.5 / np.sqrt(flat.size)
    assert abs((flat[0] * flat[1]).mean()) < 4.5 / np.sqrt(flat.shape[1])
