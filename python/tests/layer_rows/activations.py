"""Activations."""

import math

import numpy as np

from . import Case, LayerRow, Out

SIZES = [0, 1, 15, 16, 17, 4097, 20_001]
SPECIAL = [np.nan, 0.0, -0.0, 1e-40, -1e-40, 3e38, -3e38, 88.5, -88.5, -104.0]


def _values(rng, size):
    """Numbers of every magnitude that matters, and those that need care."""
    values = rng.standard_normal(size) * 10.0 ** rng.uniform(-3, 1.5, size)
    values[: len(SPECIAL)] = SPECIAL[:size]
    return values


def _finite(rng, size):
    return rng.standard_normal(size) * 10.0 ** rng.uniform(-3, 1.5, size)


def _forward_cases(settings=()):
    def cases(rng):
        return [
            Case({"x": _values(rng, size), "y": Out((size,))}, (size,), settings) for size in SIZES
        ]

    return cases


def _backward_cases(saved, values, settings=()):
    def cases(rng):
        return [
            Case(
                {"dy": rng.standard_normal(size), saved: values(rng, size), "dx": Out((size,))},
                (size,),
                settings,
            )
            for size in SIZES
        ]

    return cases


def _power(x):
    """e^-|x|"""
    return np.exp(-np.abs(x))


def _sigmoid(x):
    return np.where(x < 0, _power(x), 1) / (1 + _power(x))


def _normal(x):
    """The normal distribution function, to about one unit of the last place."""
    root = np.longdouble(2) ** np.longdouble(0.5)
    exact = -x.astype(np.longdouble) / root
    rounded = exact.astype(np.float64)
    # What rounding the argument lost, by the derivative.
    rest = np.where(np.isfinite(rounded), exact - rounded, 0).astype(np.float64)
    slope = 2 / math.sqrt(math.pi) * np.exp(-(rounded**2))
    return (np.vectorize(math.erfc, [np.float64])(rounded) - rest * slope) / 2


def _density(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _gelu(x):
    # The limits at both infinities.
    return np.where(x == -np.inf, 0, x * _normal(np.where(np.isinf(x), np.sign(x) * 1e3, x)))


def _gelu_slope(x):
    return _normal(x) + x * _density(x)


def _twice_argument(x):
    bounded = np.clip(x, -40, 40)
    return 2 * math.sqrt(2 / math.pi) * (bounded + 0.044715 * bounded**3)


def _tanh_gelu(x):
    return np.where(x == -np.inf, 0, np.where(x > 40, x, x * _sigmoid(_twice_argument(x))))


def _tanh_gelu_slope(x):
    twice = _twice_argument(x)
    slope = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * np.clip(x, -40, 40) ** 2)
    return _sigmoid(twice) * (1 + np.clip(x, -40, 40) * slope * _sigmoid(-twice))


def _silu(x):
    return np.where(x == -np.inf, 0, x * _sigmoid(x))


def _silu_slope(x):
    return _sigmoid(x) * (1 + np.clip(x, -800, 800) * _sigmoid(-x))


def _forward(function):
    def reference(case, inputs):
        with np.errstate(all="ignore"):
            return {"y": function(inputs["x"])}

    return reference


def _backward(saved, slope):
    def reference(case, inputs):
        with np.errstate(all="ignore"):
            return {"dx": inputs["dy"] * slope(inputs[saved])}

    return reference


def _relative(ulp):
    """So many units of the last place, and where e^x is below the normal numbers, one of its
    smallest ones: there float32 powers are taken for 0."""

    def tolerance(case, inputs, expected, eps):
        smallest = 1.3e-38 if eps > 1e-10 else 1e-300
        y = expected["y"]
        with np.errstate(all="ignore"):
            error = 2 * eps * ulp * np.abs(y) + smallest * (1 + np.minimum(np.abs(inputs["x"]), 90))
        return {"y": np.where(np.isfinite(y), error, 0)}

    return tolerance


def _of_one(ulp):
    """A derivative with an error of so many units of the last place of 1, and a product."""

    def tolerance(case, inputs, expected, eps):
        return {"dx": 2 * eps * ulp * np.abs(inputs["dy"]) + eps * np.abs(expected["dx"])}

    return tolerance


def _tanh_gelu_error(case, inputs, expected, eps):
    # The argument has four roundings; an error of it is multiplied by it.
    with np.errstate(all="ignore"):
        argument = np.abs(_twice_argument(inputs["x"]))
        error = eps * (6 + 4 * argument) * np.abs(expected["y"])
    return {"y": np.where(np.isfinite(error), error, 0) + 1e-36 * (eps > 1e-10)}


def _tanh_gelu_slope_error(case, inputs, expected, eps):
    # |argument · derivative of the sigmoid · x · slope| is below 3.
    return {"dx": eps * 24 * np.abs(inputs["dy"])}


def _rounded_products(count):
    def tolerance(case, inputs, expected, eps):
        return {"dx": count * 1.01 * eps * np.abs(expected["dx"])}

    return tolerance


def _sigmoid_outputs(rng, size):
    return rng.uniform(0, 1, size)


def _tanh_outputs(rng, size):
    return rng.uniform(-1, 1, size)


def _relu_outputs(rng, size):
    values = np.maximum(_finite(rng, size), 0)
    values[:2] = [np.nan, 0.0][:size]
    return values


ROWS = [
    LayerRow("relu", _forward_cases(), _forward(lambda x: np.where(x < 0, 0, x)), _relative(0)),
    LayerRow(
        "relu_backward",
        _backward_cases("y", _relu_outputs),
        lambda case, inputs: {"dx": np.where(inputs["y"] <= 0, 0, inputs["dy"])},
        _rounded_products(0),
    ),
    LayerRow("gelu", _forward_cases((0.0,)), _forward(_gelu), _relative(7)),
    LayerRow(
        "gelu_backward",
        _backward_cases("x", _finite, (0.0,)),
        _backward("x", _gelu_slope),
        _of_one(2),
    ),
    LayerRow("silu", _forward_cases(), _forward(_silu), _relative(3.1)),
    LayerRow(
        "silu_backward", _backward_cases("x", _finite), _backward("x", _silu_slope), _of_one(2)
    ),
    LayerRow("tanh", _forward_cases(), _forward(np.tanh), _relative(2.5)),
    LayerRow(
        "tanh_backward",
        _backward_cases("y", _tanh_outputs),
        _backward("y", lambda y: (1 - y) * (1 + y)),
        _rounded_products(4),
    ),
    LayerRow("sigmoid", _forward_cases(), _forward(_sigmoid), _relative(2.5)),
    LayerRow(
        "sigmoid_backward",
        _backward_cases("y", _sigmoid_outputs),
        _backward("y", lambda y: y * (1 - y)),
        _rounded_products(3),
    ),
]
TANH_GELU = [
    LayerRow("gelu", _forward_cases((1.0,)), _forward(_tanh_gelu), _tanh_gelu_error),
    LayerRow(
        "gelu_backward",
        _backward_cases("x", _finite, (1.0,)),
        _backward("x", _tanh_gelu_slope),
        _tanh_gelu_slope_error,
    ),
]


def _both(exact, approximate):
    """One row for a function with a setting that chooses between two."""

    def chosen(case):
        return approximate if case.settings[0] else exact

    return LayerRow(
        exact.name,
        lambda rng: exact.cases(rng) + approximate.cases(rng),
        lambda case, inputs: chosen(case).reference(case, inputs),
        lambda case, inputs, expected, eps: chosen(case).tolerance(case, inputs, expected, eps),
    )


_approximate = {row.name: row for row in TANH_GELU}
ROWS = [_both(row, _approximate[row.name]) if row.name in _approximate else row for row in ROWS]
