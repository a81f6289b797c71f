"""Dropout: which elements it drops, and how often."""

import ml_dtypes
import numpy as np
import pytest

from swiftopt.nn import functional

from .layer_rows.dropout import dropped, philox


@pytest.mark.parametrize(
    ("rounds", "number", "expected"),
    [
        (7, 0, [0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48]),
        (7, 2**64 - 1, [0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662]),
        (10, 0, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        (10, 2**64 - 1, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ],
)
def test_the_generator_is_philox_4x32(rounds, number, expected):
    # Known answers of the authors' Random123 distribution, file kat_vectors.
    number = np.uint64(number)
    words = philox(np.array([number]), np.array([number, number]), rounds)
    assert [int(word[0]) for word in words] == expected


def test_elements_are_those_of_the_definition():
    y = functional.dropout(np.ones(10_000, np.float32), 0.3, seed=2**63 + 5, counter=2**40 + 1)
    random = np.array([2**63 + 5, 2**40 + 1], np.uint64)
    assert ((y == 0) == dropped(10_000, 0.3, random)).all()


@pytest.mark.parametrize("p", [0.001, 0.1, 0.5, 0.9])
def test_the_share_of_dropped_elements(p):
    count = 1_000_000
    share = (functional.dropout(np.ones(count, np.float32), p, seed=1) == 0).mean()
    # Five standard deviations of a binomial share, and p as a multiple of 2^-16.
    assert abs(share - p) < 5 * (p * (1 - p) / count) ** 0.5 + 2.0**-17


def test_neighbours_are_independent():
    y = functional.dropout(np.ones(1 << 20, np.float32), 0.5, seed=4) == 0
    for distance in (1, 2, 3, 16, 31, 32, 64, 128, 256, 4096):
        agreement = (y[distance:] == y[:-distance]).mean()
        assert abs(agreement - 0.5) < 5 * 0.5 / (y.size - distance) ** 0.5, distance


def test_other_counters_and_seeds_drop_other_elements():
    masks = [
        functional.dropout(np.ones(1 << 16, np.float32), 0.5, seed=seed, counter=counter) == 0
        for seed, counter in [(1, 0), (1, 1), (2, 0), (2**32 + 1, 0), (1, 2**32)]
    ]
    for index, mask in enumerate(masks):
        for other in masks[:index]:
            assert abs((mask == other).mean() - 0.5) < 5 * 0.5 / 2**8


def test_a_longer_array_begins_with_the_same_elements():
    long = functional.dropout(np.ones(5000, np.float32), 0.5, seed=9)
    for count in (1, 255, 256, 257, 4097):
        assert (functional.dropout(np.ones(count, np.float32), 0.5, seed=9) == long[:count]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16])
def test_backward_drops_what_forward_dropped(dtype):
    rng = np.random.default_rng(6)
    x = rng.standard_normal(3000).astype(dtype)
    y = functional.dropout(x, 0.4, seed=11, counter=3)
    dx = functional.dropout_backward(x, 0.4, seed=11, counter=3)
    assert y.tobytes() == dx.tobytes()
    kept = y != 0
    scaled = (x[kept].astype(np.float64) / 0.6).astype(np.float64)
    eps = np.finfo(np.float32).eps if dtype != np.float64 else 2.0**-52
    eps = 2.0**-8 if dtype == ml_dtypes.bfloat16 else eps
    assert (np.abs(y[kept].astype(np.float64) - scaled) <= 1.01 * eps * np.abs(scaled)).all()


def test_what_is_dropped_is_0_whatever_it_was():
    x = np.full(100, np.nan, np.float32)
    assert (functional.dropout(x, 1.0, seed=1) == 0).all()


def test_not_in_training():
    x = np.ones(5, np.float32)
    assert functional.dropout(x, 0.5, training=False, seed=1) is x
    out = np.zeros(5, np.float32)
    assert functional.dropout(x, 0.5, training=False, seed=1, out=out) is out
    assert out.tolist() == x.tolist()


def test_refusals():
    x = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"dropout.p is 1.5"):
        functional.dropout(x, 1.5, seed=1)
    with pytest.raises(ValueError, match=r"dropout: seed is -1; it must be in 0 ... 2\*\*64 - 1"):
        functional.dropout(x, 0.5, seed=-1)
    with pytest.raises(ValueError, match=r"dropout_backward: counter is 18446744073709551616"):
        functional.dropout_backward(x, 0.5, seed=1, counter=2**64)
    with pytest.raises(TypeError, match="seed"):
        functional.dropout(x, 0.5)
