"""Sums: one addition, rounded once."""

import numpy as np

from . import Case, LayerRow, Out


def _cases(rng):
    shapes = [(1, n) for n in (0, 1, 15, 16, 17, 4097)]
    return [
        Case(
            {
                "a": rng.standard_normal((rows, columns)),
                "b": rng.standard_normal(columns),
                "sum": Out((rows, columns)),
            },
            (rows, columns),
        )
        for rows, columns in [*shapes, (0, 5), (3, 1), (5, 17), (7, 4097), (700, 33)]
    ]


def _reference(case, inputs):
    return {"sum": inputs["a"] + inputs["b"]}


def _tolerance(case, inputs, expected, eps):
    return {"sum": eps * np.abs(expected["sum"])}


ROWS = [LayerRow("add", _cases, _reference, _tolerance)]
