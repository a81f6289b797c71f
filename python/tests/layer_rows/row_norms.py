"""Layer norm and RMS norm.

References are computed in long double. Tolerances are bounds of the arithmetic, with k
additions in turn: an error of (k + 3) eps in a sum of magnitudes.
"""

import numpy as np

from . import Case, LayerRow, Out

ADDITIONS = 36
"""Of column sums: 32 rows in float32 and some; what is in float64 doesn't count then."""


def _long(array):
    return None if array is None else np.asarray(array, np.longdouble)


def _given(inputs, *names):
    return [_long(inputs.get(name)) for name in names]


# rows, features, mean
ROW_SHAPES = [
    (0, 5, 0),
    (1, 1, 0),
    (3, 7, 0),
    (5, 15, 10),
    (70, 16, 0),
    (33, 17, 100),
    (200, 128, 0),
    (9, 1001, 10),
    (70, 96, 10),
]


def _row_cases(is_centred):
    def cases(rng):
        found = []
        for number, (rows, features, mean) in enumerate(ROW_SHAPES):
            arrays = {"x": rng.standard_normal((rows, features)) + mean, "y": Out((rows, features))}
            if number % 3 != 2:
                arrays["weight"] = rng.standard_normal(features)
                arrays[("mean" if is_centred else "inverse_rms")] = Out((rows,))
                if is_centred:
                    arrays["bias"] = rng.standard_normal(features)
                    arrays["inverse_std"] = Out((rows,))
            found.append(Case(arrays, (rows, features), (1e-5,)))
        return found

    return cases


def _row_norm(is_centred):
    def reference(case, inputs):
        (eps,) = case.settings
        x, weight, bias = _given(inputs, "x", "weight", "bias")
        mean = x.mean(1) if is_centred else np.zeros(len(x))
        centred = x - mean[:, None]
        inverse = 1 / np.sqrt((centred**2).mean(1) + _long(eps))
        y = centred * inverse[:, None] * (1 if weight is None else weight)
        y = y + (0 if bias is None else bias)
        expected = {"y": y, "mean": mean, "inverse_std": inverse, "inverse_rms": inverse}
        return {name: np.asarray(value, np.float64) for name, value in expected.items()}

    return reference


def _row_additions(case):
    return case.sizes[1] / 32 + 8


def _row_norm_error(is_centred):
    def tolerance(case, inputs, expected, eps):
        (eps_setting,) = case.settings
        additions = _row_additions(case)
        x, weight, bias = _given(inputs, "x", "weight", "bias")
        mean = x.mean(1) if is_centred else np.zeros(len(x))
        mean_error = (additions * np.abs(x).mean(1) + np.abs(mean)) * eps if is_centred else mean
        centred = np.abs(x - mean[:, None])
        variance = (centred**2).mean(1)
        # A mean that is off by e makes e² of the variance, and e times the deviations' sum 0.
        centred_error = mean_error[:, None] + eps * centred
        variance_error = (additions + 4) * eps * variance + mean_error**2
        inverse = expected["inverse_std"]
        inverse_error = inverse * (variance_error / (2 * (variance + eps_setting)) + 2.0**-51)
        factor = 1 if weight is None else np.abs(weight)
        y_error = factor * (
            centred_error * inverse[:, None]
            + centred * (inverse_error + 4 * eps * inverse)[:, None]
        )
        if bias is not None:
            y_error = y_error + 2 * eps * np.abs(bias)
        errors = {"y": y_error, "mean": mean_error}
        errors["inverse_std"] = errors["inverse_rms"] = inverse_error
        return {name: np.asarray(error, np.float64) for name, error in errors.items()}

    return tolerance


def _row_backward_cases(is_centred):
    def cases(rng):
        found = []
        for number, (rows, features, mean) in enumerate(ROW_SHAPES[1:]):
            x = rng.standard_normal((rows, features)) + mean
            arrays = {
                "dy": rng.standard_normal((rows, features)),
                "x": x,
                "dx": Out((rows, features)),
                ("inverse_std" if is_centred else "inverse_rms"): rng.uniform(0.5, 2, rows),
            }
            if is_centred:
                arrays["mean"] = x.mean(1)
            if number % 3 != 2:
                arrays["weight"] = rng.standard_normal(features)
                arrays["dweight"] = Out((features,))
                if is_centred:
                    arrays["dbias"] = Out((features,))
            found.append(Case(arrays, (rows, features)))
        return found

    return cases


def _row_parts(is_centred, inputs):
    dy, x, weight, mean, inverse = _given(inputs, "dy", "x", "weight", "mean", "inverse_std")
    if not is_centred:
        mean, inverse = np.zeros(len(x)), _long(inputs["inverse_rms"])
    g = dy * (1 if weight is None else weight)
    return dy, g, (x - mean[:, None]) * inverse[:, None], inverse[:, None]


def _row_backward(is_centred):
    def reference(case, inputs):
        dy, g, normalised, inverse = _row_parts(is_centred, inputs)
        offset = g.mean(1, keepdims=True) if is_centred else 0
        slope = (g * normalised).mean(1, keepdims=True)
        expected = {
            "dx": inverse * (g - offset - normalised * slope),
            "dweight": (dy * normalised).sum(0),
            "dbias": dy.sum(0),
        }
        return {name: np.asarray(value, np.float64) for name, value in expected.items()}

    return reference


def _row_backward_error(is_centred):
    def tolerance(case, inputs, expected, eps):
        dy, g, normalised, inverse = _row_parts(is_centred, inputs)
        additions = 2 * _row_additions(case)
        offset = np.abs(g).mean(1, keepdims=True)
        slope = np.abs(g * normalised).mean(1, keepdims=True)
        dx = np.abs(g) + offset + np.abs(normalised) * slope
        wide = 70 * 2.0**-53
        errors = {
            "dx": inverse * eps * (6 * np.abs(g) + (additions + 6) * dx),
            "dweight": ((ADDITIONS + 4) * eps + wide) * np.abs(dy * normalised).sum(0),
            "dbias": (ADDITIONS * eps + wide) * np.abs(dy).sum(0),
        }
        return {name: np.asarray(error, np.float64) for name, error in errors.items()}

    return tolerance


ROWS = []
for _name, _centred in [("layer_norm", True), ("rms_norm", False)]:
    ROWS += [
        LayerRow(_name, _row_cases(_centred), _row_norm(_centred), _row_norm_error(_centred)),
        LayerRow(
            f"{_name}_backward",
            _row_backward_cases(_centred),
            _row_backward(_centred),
            _row_backward_error(_centred),
        ),
    ]
