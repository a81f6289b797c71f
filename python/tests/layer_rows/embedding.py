"""Embedding tables."""

import numpy as np

from . import Case, LayerRow, Out

# count, num_embeddings, dim
SIZES = [
    (0, 3, 4),
    (1, 1, 1),
    (5, 200, 15),
    (9, 7, 16),
    (100, 3, 17),
    (700, 256, 130),
]
DTYPES = [np.uint8, np.int32, np.int64]


def _indices(rng, position, count, rows):
    return rng.integers(0, rows, count).astype(DTYPES[position % 3])


def _cases(rng):
    return [
        Case(
            {
                "weight": rng.standard_normal((rows, dim)),
                "indices": _indices(rng, position, count, rows),
                "y": Out((count, dim)),
            },
            (count, rows, dim),
        )
        for position, (count, rows, dim) in enumerate(SIZES)
    ]


def _backward_cases(rng):
    return [
        Case(
            {
                "dy": rng.standard_normal((count, dim)),
                "indices": _indices(rng, position, count, rows),
                "dweight": Out((rows, dim)),
            },
            (count, rows, dim),
            (padding,),
        )
        for position, (count, rows, dim) in enumerate(SIZES)
        for padding in (-1, 0)
    ]


def _summed(case, inputs, values):
    sums = np.zeros(case.sizes[1:])
    np.add.at(sums, inputs["indices"].astype(np.int64), values)
    if case.settings[0] >= 0:
        sums[int(case.settings[0])] = 0
    return sums


def _backward_tolerance(case, inputs, expected, eps):
    # As many roundings as additions, each of at most the sum of the magnitudes.
    additions = _summed(case, inputs, np.ones(inputs["dy"].shape))
    return {"dweight": 1.01 * eps * additions * _summed(case, inputs, np.abs(inputs["dy"]))}


ROWS = [
    LayerRow(
        "embedding",
        _cases,
        lambda case, inputs: {"y": inputs["weight"][inputs["indices"].astype(np.int64)]},
        lambda case, inputs, expected, eps: {"y": 0.0},
    ),
    LayerRow(
        "embedding_backward",
        _backward_cases,
        lambda case, inputs: {"dweight": _summed(case, inputs, inputs["dy"])},
        _backward_tolerance,
    ),
]
