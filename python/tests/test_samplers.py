"""Samplers: each sample as often as it should come, in an order that chance could have made."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import swiftopt as so
from swiftopt import _core
from swiftopt.data._order import permutation

from .loading import chi_square_limit, power

SEEDS = st.integers(0, 2**64 - 1)


def loader_of(count, **keywords):
    return so.data.Loader(np.arange(count), **keywords)


# ---------------------------------------------------------------- each sample once


@given(st.integers(1, 3000), SEEDS, st.integers(0, 2**63 - 1))
def test_a_shuffled_epoch_has_each_sample_once(count, seed, epoch):
    order = permutation(count, seed, epoch)
    assert np.array_equal(np.sort(order), np.arange(count))


@pytest.mark.large
@settings(max_examples=12)
@given(st.integers(1, 10**6), SEEDS)
def test_so_has_a_large_one(count, seed):
    assert np.array_equal(np.bincount(permutation(count, seed, 0), minlength=count), np.ones(count))


@pytest.mark.parametrize("count", [2**k + d for k in (1, 8, 9, 10, 11, 16, 20) for d in (-1, 0, 1)])
def test_powers_of_two_are_no_exception(count):
    assert np.array_equal(np.sort(permutation(count, 3, 5)), np.arange(count))


@given(
    st.integers(1, 500),
    st.integers(1, 9),
    st.integers(1, 64),
    st.sampled_from(["sequential", "shuffled", "user", "sizes"]),
    st.booleans(),
    SEEDS,
)
def test_all_ranks_together_have_each_sample_once(count, world, batch_size, kind, drop_last, seed):
    sizes = np.arange(count) % 7 + 1
    keywords = {"batch_size": batch_size, "seed": seed}
    if kind == "shuffled":
        keywords["shuffle"] = True
    elif kind == "user":
        keywords["sampler"] = Backwards(count)
    elif kind == "sizes":
        keywords = {"sampler": so.data.BatchBySize(sizes, 7 * batch_size), "seed": seed}
    if kind != "sizes":
        keywords["drop_last"] = drop_last
    seen, lengths = [], []
    for rank in range(world):
        loader = loader_of(count, rank=rank, world=world, **keywords)
        found = [batch.copy() for batch in loader]
        assert (
            len(found)
            == len(loader.indices(0)) // batch_size + (len(loader.indices(0)) % batch_size > 0)
            or kind == "sizes"
        )
        seen += found
        lengths.append(sum(map(len, found)))
        assert np.array_equal(np.concatenate([np.empty(0, int), *found]), loader.indices(0))
    counts = np.bincount(np.concatenate([np.empty(0, int), *seen]), minlength=count)
    if drop_last and kind != "sizes":
        assert counts.max(initial=0) <= 1
        assert sum(lengths) == sum(
            (count - rank + world - 1) // world // batch_size * batch_size for rank in range(world)
        )
    else:
        assert np.array_equal(counts, np.ones(count))


class Backwards:
    def __init__(self, count):
        self.count = count

    def indices(self, epoch):
        return np.arange(self.count)[::-1]


# --------------------------------------------------------------- an order by chance


def chi_square(counts, expected):
    return float((np.square(counts - expected) / expected).sum())


def test_small_orders_are_all_equally_likely():
    """All 24 orders of 4 samples, 48000 times. The limit is exceeded by chance once in 3.5
    million runs (5 deviations); that some order has 1.3 times its share, the test sees with a
    probability of 99.9 %."""
    draws, share = 48_000, 1 / 24
    limit = chi_square_limit(23, 5)
    assert power(23, limit, draws * (0.3 * share) ** 2 / share * (1 + share)) > 0.999
    orders = np.array([permutation(4, 11, epoch) for epoch in range(draws)])
    codes = orders @ np.array([64, 16, 4, 1])
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 24
    assert chi_square(counts, draws * share) < limit


@pytest.mark.parametrize("count", [7, 100, 1025])
def test_each_place_has_each_sample_equally_often(count):
    draws = 40 * count
    orders = np.array([permutation(count, 5, epoch) for epoch in range(draws)])
    for place in (0, 1, count // 2, count - 1):
        counts = np.bincount(orders[:, place], minlength=count)
        assert chi_square(counts, draws / count) < chi_square_limit(count - 1, 5)


def test_pairs_of_places_are_independent():
    """Where a sample's neighbour in the order lies: 10 × 10 tenths of 1000 samples."""
    orders = np.array([permutation(1000, 9, epoch) // 100 for epoch in range(200)])
    pairs = orders[:, :-1] * 10 + orders[:, 1:]
    counts = np.bincount(pairs.ravel(), minlength=100)
    # Without replacement: a tenth is a little rarer beside itself.
    same = 99 / 999 / 10
    expected = np.full((10, 10), 100 / 999 / 10)
    np.fill_diagonal(expected, same)
    assert chi_square(counts, expected.ravel() * pairs.size) < chi_square_limit(99, 5)


def test_epochs_and_seeds_have_unrelated_orders():
    """Two random orders agree in one place on average, with a variance of 1."""
    base = permutation(500, 1, 0)
    others = [permutation(500, 1, epoch) for epoch in range(1, 401)]
    others += [permutation(500, seed, 0) for seed in range(2, 402)]
    agreeing = np.array([(base == other).sum() for other in others])
    assert abs(agreeing.mean() - 1) < 5 / sqrt(len(others))


def test_any_part_of_an_order_can_be_asked_for():
    sampler = (1, 1000, 1000, 1, 3, 7, None, None)
    whole = np.empty(333, np.int64)
    _core.sample_indices(sampler, 4, 0, whole)
    for first in (0, 1, 100, 332, 333):
        part = np.empty(333 - first, np.int64)
        _core.sample_indices(sampler, 4, first, part)
        assert np.array_equal(part, whole[first:])


# --------------------------------------------------------------------- weighted


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=200).filter(any))
def test_an_alias_table_draws_with_the_weights(weights):
    """The probabilities that the table gives, added up column by column in float64; a column
    adds at most a rounding of each of its neighbours."""
    weights = np.array(weights)
    accept, alias = np.empty(len(weights)), np.empty(len(weights), np.int64)
    _core.alias_table(weights, accept, alias)
    assert ((accept >= 0) & (accept <= 1 + 1e-9)).all()
    given_up = np.maximum(0, 1 - accept)
    drawn = np.bincount(alias, given_up, len(weights)) + np.minimum(accept, 1)
    expected = weights / weights.max()
    expected = expected / expected.sum()
    np.testing.assert_allclose(drawn / len(weights), expected, rtol=0, atol=1e-12)
    assert (drawn[weights == 0] == 0).all()


def test_draws_match_their_weights():
    """200 weights from 0 to 199, 400000 draws of two epochs. The limit is exceeded by chance once
    in 3.5 million runs; that probabilities are off by 5 %, in alternating directions, the test
    sees with a probability above 99.9 %."""
    weights = np.arange(200.0)
    draws = 200_000
    expected = 2 * draws * weights[1:] / weights.sum()
    limit = chi_square_limit(198, 5)
    assert power(198, limit, (0.05**2 * expected).sum()) > 0.999
    loader = loader_of(200, batch_size=1024, sampler=so.data.Weighted(weights, length=draws))
    counts = np.zeros(200, int)
    for _ in range(2):
        for batch in loader:
            counts += np.bincount(batch, minlength=200)
    assert counts[0] == 0
    assert chi_square(counts[1:], expected) < limit


def test_successive_draws_are_independent():
    weights = np.array([1.0, 2, 3, 4])
    loader = loader_of(4, batch_size=8192, sampler=so.data.Weighted(weights, length=200_000))
    draws = np.concatenate([batch.copy() for batch in loader])
    pairs = np.bincount(draws[:-1] * 4 + draws[1:], minlength=16)
    expected = np.outer(weights, weights).ravel() / 100 * (len(draws) - 1)
    assert chi_square(pairs, expected) < chi_square_limit(15, 5)


def test_ranks_share_the_draws_of_one():
    sampler = so.data.Weighted([1, 2, 3], length=1001)
    one = loader_of(3, batch_size=7, sampler=sampler).indices(2)
    for rank in range(3):
        part = loader_of(3, batch_size=7, sampler=sampler, rank=rank, world=3).indices(2)
        assert np.array_equal(part, one[rank::3])


def test_balanced_draws_classes_equally_often():
    labels = np.repeat(["rare", "common", "usual"], [5, 3000, 500])
    sampler = so.data.Balanced(labels, length=90_000)
    loader = loader_of(len(labels), batch_size=4096, sampler=sampler)
    counts = np.zeros(len(labels), int)
    for batch in loader:
        counts += np.bincount(batch, minlength=len(labels))
    groups = np.array([counts[labels == name].sum() for name in ("rare", "common", "usual")])
    assert chi_square(groups, 30_000) < chi_square_limit(2, 5)
    assert chi_square(counts[:5], groups[0] / 5) < chi_square_limit(4, 5)


# ---------------------------------------------------------------- batches by size


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=300),
    st.integers(60, 500),
    st.integers(1, 50),
    SEEDS,
)
def test_batches_by_size_fit_and_have_each_sample_once(sizes, max_size, max_samples, seed):
    sizes = np.array(sizes)
    sampler = so.data.BatchBySize(sizes, max_size, max_samples=max_samples)
    loader = so.data.Loader((np.arange(len(sizes)), sizes), sampler=sampler, seed=seed)
    for _ in range(2):
        batches = [(x.copy(), y.copy()) for x, y in loader]
        assert len(batches) == len(loader)
        seen = np.concatenate([x for x, _ in batches])
        assert np.array_equal(np.sort(seen), np.arange(len(sizes)))
        for x, y in batches:
            assert np.array_equal(sizes[x], y)
            assert 1 <= len(x) <= max_samples
            assert len(x) * y.max() <= max_size


def test_batches_by_size_come_in_another_order_each_epoch():
    sizes = np.arange(1, 101)
    loader = so.data.Loader(sizes, sampler=so.data.BatchBySize(sizes, 200))
    first, second = ([batch.max() for batch in loader] for _ in range(2))
    assert sorted(first) == sorted(second)
    assert first != second
    plain = so.data.Loader(sizes, sampler=so.data.BatchBySize(sizes, 200, shuffle=False))
    assert np.array_equal(np.concatenate([batch.copy() for batch in plain]), sizes)


# ----------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: so.data.Weighted([]), ValueError, "one per sample"),
        (lambda: so.data.Weighted([[1.0]]), ValueError, "one per sample"),
        (lambda: so.data.Weighted([1, -1]), ValueError, r"weights\[1\] is -1; .* >= 0"),
        (lambda: so.data.Weighted([1, np.nan]), ValueError, r"weights\[1\] is nan"),
        (lambda: so.data.Weighted([1, np.inf]), ValueError, r"weights\[1\] is inf"),
        (lambda: so.data.Weighted([0, 0]), ValueError, "all 0"),
        (lambda: so.data.Weighted(["a"]), TypeError, "numbers"),
        (lambda: so.data.Weighted([1], length=0), ValueError, "length is 0"),
        (lambda: so.data.Balanced([0.5]), TypeError, "integers or strings"),
        (lambda: so.data.Balanced([]), ValueError, "one per sample"),
        (lambda: so.data.BatchBySize([], 4), ValueError, "one per sample"),
        (lambda: so.data.BatchBySize([1.5], 4), TypeError, "integers"),
        (lambda: so.data.BatchBySize([0], 4), ValueError, "at least 1"),
        (lambda: so.data.BatchBySize([9], 4), ValueError, "max_size is 4"),
        (lambda: so.data.BatchBySize([1], 4, max_samples=0), ValueError, "max_samples is 0"),
        (
            lambda: loader_of(3, batch_size=1, sampler=so.data.Weighted([1, 2])),
            ValueError,
            "for 2 samples; the data have 3",
        ),
        (
            lambda: loader_of(3, sampler=so.data.BatchBySize([1, 2], 4)),
            ValueError,
            "for 2 samples; the data have 3",
        ),
        (
            lambda: loader_of(3, batch_size=2, sampler=so.data.BatchBySize([1, 2, 3], 4)),
            TypeError,
            "BatchBySize decides it",
        ),
        (
            lambda: loader_of(3, sampler=so.data.BatchBySize([1, 2, 3], 4), drop_last=True),
            ValueError,
            "drop_last",
        ),
        (lambda: loader_of(3, batch_size=1, sampler=[1, 2]), TypeError, r"indices\(epoch\)"),
        (lambda: loader_of(3, batch_size=1, sampler=Backwards), TypeError, r"indices\(epoch\)"),
        (
            lambda: loader_of(3, batch_size=1, sampler=Backwards(3), shuffle=True),
            ValueError,
            "both given",
        ),
    ],
)
def test_what_makes_no_sampler_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("indices", "error", "text"),
    [
        ([0, 3], ValueError, r"index 3; it must be in 0 \.\.< 3"),
        ([-1], ValueError, "index -1"),
        ([], ValueError, "empty"),
        ([0.5], TypeError, "integer"),
        ([[0]], ValueError, "one axis"),
    ],
)
def test_what_a_sampler_of_ones_own_gives_is_checked(indices, error, text):
    class Own:
        def indices(self, epoch):
            return indices

    loader = loader_of(3, batch_size=2, sampler=Own())
    with pytest.raises(error, match=text):
        next(iter(loader))


def test_a_loop_has_indices_of_its_own():
    listed = np.arange(1000)

    class Own:
        def indices(self, epoch):
            return listed

    iterator = iter(loader_of(1000, batch_size=2, sampler=Own(), prefetch=1, copy=True))
    first = next(iterator)
    listed[500] = 10**9
    np.testing.assert_array_equal(np.concatenate([first, *iterator]), np.arange(1000))
