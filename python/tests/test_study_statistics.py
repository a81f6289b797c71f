"""Statistics against values that were worked out another way."""

from itertools import product

import numpy as np
import pytest

from swiftopt.study._search import LEARNING_RATES, Range, halton, points
from swiftopt.study._statistics import (
    COVERAGE,
    bootstrap,
    difference_of_medians,
    geometric_mean_of_ratios,
    mean_of_differences,
    median,
    performance_profile,
    ratio_of_medians,
)


def test_the_interval_is_that_of_all_resamples():
    """With four values all 4**4 resamples can be written out: their quantiles are exact."""
    values = [3.0, 10.0, 4.0, 20.0]
    every = np.sort([np.median(resample) for resample in product(values, repeat=4)])
    outside = (1 - COVERAGE) / 2
    low, high = np.quantile(every, (outside, 1 - outside), method="inverted_cdf")
    found = bootstrap(median, values)
    assert found.value == 7.0
    # The bootstrap's own quantiles scatter: by two steps among the possible medians at most.
    possible = np.unique(every)
    for ours, exact in ((found.low, low), (found.high, high)):
        assert abs(np.searchsorted(possible, ours) - np.searchsorted(possible, exact)) <= 2


def test_the_same_numbers_give_the_same_interval():
    assert bootstrap(median, [1.0, 5.0, 2.0]) == bootstrap(median, [1.0, 5.0, 2.0])


def test_equal_values_have_no_width():
    assert bootstrap(median, [2.0] * 5) == (2.0, 2.0, 2.0)
    assert bootstrap(ratio_of_medians, [6.0] * 5, [2.0] * 3) == (3.0, 3.0, 3.0)
    assert bootstrap(difference_of_medians, [6.0] * 5, [2.0] * 3) == (4.0, 4.0, 4.0)


def test_a_ratio_lies_between_the_extremes():
    found = bootstrap(ratio_of_medians, [10.0, 12.0, 14.0], [4.0, 5.0, 6.0])
    assert found.value == 12 / 5
    assert 10 / 6 <= found.low < found.value < found.high <= 14 / 4


def test_geometric_means():
    found = bootstrap(geometric_mean_of_ratios, *([4.0], [2.0], [1.0], [1.0]), *([1.0],) * 3, [2.0])
    assert found.value == pytest.approx(2.0, rel=1e-15)  # sqrt(8 * 1/2)


def test_mean_differences():
    found = bootstrap(mean_of_differences, [90.0], [91.0, 91.0], [50.0] * 3, [53.0])
    assert found == (-2.0, -2.0, -2.0)


def test_the_interval_of_a_geometric_mean_has_both_factors_in_it():
    """Steps and seconds are each from 1 to 2, so that their product is from 1 to 4."""
    one_or_two = [1.0, 1.0, 2.0, 2.0]
    ratio = (one_or_two, one_or_two, [1.0], [1.0])
    assert bootstrap(geometric_mean_of_ratios, *ratio).low == 1.0
    assert bootstrap(geometric_mean_of_ratios, *ratio).high == 4.0
    seconds_alone = bootstrap(geometric_mean_of_ratios, [1.0], one_or_two, [1.0], [1.0])
    assert seconds_alone == pytest.approx((1.5, 1.0, 2.0))


def test_the_profile_of_an_example_by_hand():
    """Three problems; "slow" fails at one, and nobody solves the last."""
    times = {
        "fast": {"a": 1.0, "b": 2.0, "c": 6.0, "d": None},
        "slow": {"a": 3.0, "b": 2.0, "c": None},
        "late": {"a": None, "b": 8.0, "c": 3.0},
    }
    assert performance_profile(times, ["a", "b", "c", "d"]) == {
        "fast": [(1.0, 0.25), (1.0, 0.5), (2.0, 0.75)],
        "slow": [(1.0, 0.25), (3.0, 0.5)],
        "late": [(1.0, 0.25), (4.0, 0.5)],
    }


def test_halton_points():
    """The first points as Halton 1960 and every table have them."""
    halves = [halton(i, 1)[0] for i in range(1, 9)]
    assert halves == [0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875, 0.0625]
    thirds = [halton(i, 2)[1] for i in range(1, 7)]
    assert thirds == pytest.approx([1 / 3, 2 / 3, 1 / 9, 4 / 9, 7 / 9, 2 / 9], abs=1e-15)


def test_points_are_even_on_a_logarithmic_scale():
    space = (Range("lr", 1e-4, 1e-1), Range("horizon", 0.1, 1.0))
    found = points(space, 7)
    assert sorted(point["lr"] for point in found) == pytest.approx(
        [1e-4 * 10 ** (3 * i / 8) for i in range(1, 8)], rel=5e-3
    )
    assert all(0.1 <= point["horizon"] <= 1.0 for point in found)


def test_every_optimizer_has_a_space_of_the_same_width():
    assert {round(space[0].high / space[0].low) for space in LEARNING_RATES.values()} == {1000}
    assert {len(space) for space in LEARNING_RATES.values()} == {1}
