"""Dropout."""

import numpy as np

from . import Case, LayerRow, Out


def philox(counter, key, rounds=7):
    """Philox 4x32-7 (Salmon et al. 2011, section 3.4): four words for each block number."""
    numbers = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    words = [
        counter & numbers,
        counter >> half,
        np.full_like(counter, key[1] & numbers),
        np.full_like(counter, key[1] >> half),
    ]
    keys = [int(key[0]) & 0xFFFFFFFF, int(key[0]) >> 32]
    for _ in range(rounds):
        first = words[0] * np.uint64(0xD2511F53)
        second = words[2] * np.uint64(0xCD9E8D57)
        words = [
            (second >> half) ^ words[1] ^ np.uint64(keys[0]),
            second & numbers,
            (first >> half) ^ words[3] ^ np.uint64(keys[1]),
            first & numbers,
        ]
        keys = [(keys[0] + 0x9E3779B9) & 0xFFFFFFFF, (keys[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return words


def dropped(count, p, random):
    """Which elements are dropped: 16 random bits below p · 2^16; Dropout.swift says which."""
    index = np.arange(count, dtype=np.uint64)
    group, place = np.divmod(index, np.uint64(256))
    half, place = np.divmod(place, np.uint64(128))
    words = np.stack(philox(np.uint64(32) * group + place // np.uint64(4), random))
    word = np.uint64(2) * half + place % np.uint64(4) // np.uint64(2)
    chosen = words[word.astype(int), np.arange(count)]
    bits = (chosen >> (np.uint64(16) * (place % np.uint64(2)))) & np.uint64(0xFFFF)
    return bits < np.uint64(np.floor(p * 65536 + 0.5))


def _dropout_cases(x, y):
    def cases(rng):
        return [
            Case(
                {
                    x: rng.standard_normal(size),
                    "random": rng.integers(0, 2**64, 2, np.uint64),
                    y: Out((size,)),
                },
                (size,),
                (p,),
            )
            for size, p in [
                (0, 0.5),
                (1, 0.5),
                (255, 0.1),
                (256, 0.0),
                (257, 1.0),
                (4097, 0.25),
                (20_001, 0.9),
            ]
        ]

    return cases


def _dropout(x, y):
    def reference(case, inputs):
        (p,) = case.settings
        values = inputs[x]
        is_dropped = dropped(values.size, p, inputs["random"])
        return {y: np.where(is_dropped, 0, values / (1 - p) if p < 1 else 0)}

    return reference


def _dropout_error(y):
    # 1 / (1 - p) is rounded, then the product.
    return lambda case, inputs, expected, eps: {y: 2.01 * eps * np.abs(expected[y])}


ROWS = [
    LayerRow("dropout", _dropout_cases("x", "y"), _dropout("x", "y"), _dropout_error("y")),
    LayerRow(
        "dropout_backward", _dropout_cases("dy", "dx"), _dropout("dy", "dx"), _dropout_error("dx")
    ),
]
