"""Loss functions."""

import numpy as np

from . import Case, LayerRow, Out


def _squared_error_cases(rng):
    return [
        Case(
            {
                "prediction": rng.standard_normal(count) + mean,
                "target": rng.standard_normal(count),
                "loss": Out((1,)),
                **({"prediction_gradient": Out((count,))} if with_gradient else {}),
            },
            (count,),
        )
        for count, mean, with_gradient in [
            (1, 0, True),
            (15, 0, True),
            (16, 0, False),
            (17, 100, True),
            (8192, 0, True),
            (40_003, 0, True),
        ]
    ]


def _squared_error(case, inputs):
    difference = inputs["prediction"] - inputs["target"]
    return {
        "loss": np.array([np.mean(difference**2)]),
        "prediction_gradient": 2 * difference / difference.size,
    }


def _squared_error_tolerance(case, inputs, expected, eps):
    # Each difference is rounded once, relative to itself; its square doubles that. Sums are
    # float64; the mean is rounded to the loss's dtype. The gradient is two more roundings.
    difference = np.abs(inputs["prediction"] - inputs["target"])
    return {
        "loss": 2.1 * eps * expected["loss"] + 1e-15 * np.mean(difference**2),
        "prediction_gradient": 3.1 * eps * np.abs(expected["prediction_gradient"]),
    }


ROWS = [
    LayerRow(
        "mean_squared_error",
        _squared_error_cases,
        _squared_error,
        _squared_error_tolerance,
    )
]
