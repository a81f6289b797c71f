"""Batch norm.

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


# rows, channels, mean of the values; few, odd and many channels, blocks of all sizes
SHAPES = [
    (2, 1, 0),
    (7, 3, 0),
    (1, 64, 0),
    (5000, 1, 100),
    (700, 17, 0),
    (40, 63, 100),
    (100, 65, 0),
    (513, 16, 100),
    (1025, 64, 0),
    (4096, 8, 100),
    (40, 32, 0),
    (300, 128, 0),
    (3, 1100, 0),
]


def _channel_arrays(rng, channels):
    return {
        "weight": rng.uniform(0.5, 2, channels) * rng.choice([-1, 1], channels),
        "bias": rng.standard_normal(channels),
    }


def _batch_norm_case(rng, rows, channels, mean, settings, optional):
    x = rng.standard_normal((rows, channels)) + mean
    arrays = {"x": x, "y": Out((rows, channels)), **_channel_arrays(rng, channels)}
    if "residual" in optional:
        arrays["residual"] = rng.standard_normal((rows, channels))
    if "sums" in optional:
        arrays["sums"] = x.sum(0)
        arrays["square_sums"] = (x**2).sum(0)
    if "running" in optional:
        arrays["running_mean"] = rng.standard_normal(channels) + mean
        arrays["running_var"] = rng.uniform(0.5, 2, channels)
    if "saved" in optional:
        arrays["mean"] = Out((channels,))
        arrays["inverse_std"] = Out((channels,))
    if "plain" in optional:
        del arrays["weight"], arrays["bias"]
    return Case(arrays, (rows, channels), settings)


def _batch_norm_cases(rng):
    everything = ("residual", "running", "saved")
    cases = [
        _batch_norm_case(rng, rows, channels, mean, (1e-5, 0.1, float(rows > 1), 1.0), everything)
        for rows, channels, mean in SHAPES
    ]
    for settings, optional in [
        ((1e-5, 0.1, 1.0, 0.0), ("plain",)),
        ((1e-5, 0.3, 1.0, 1.0), ("sums", "running", "saved")),
        ((1e-3, 0.1, 0.0, 1.0), ("running", "saved")),
        ((1e-3, 0.1, 0.0, 0.0), ("saved",)),
        ((1e-5, 1.0, 1.0, 0.0), ("residual", "sums", "running", "saved")),
    ]:
        cases.append(_batch_norm_case(rng, 333, 24, 3, settings, optional))
    return cases


def _statistics(case, inputs):
    """Mean, variance and those of the batch, which running ones go towards."""
    rows, _ = case.sizes
    training = case.settings[2]
    x, sums, squares = _given(inputs, "x", "sums", "square_sums")
    if not training and "running_mean" in inputs:
        return _given(inputs, "running_mean", "running_var")
    if sums is not None:
        return sums / rows, squares / rows - (sums / rows) ** 2
    return x.mean(0), x.var(0)


def _batch_norm(case, inputs):
    rows, _ = case.sizes
    eps, momentum, training, relu = case.settings
    mean, variance = _statistics(case, inputs)
    x, weight, bias, residual = _given(inputs, "x", "weight", "bias", "residual")
    inverse = 1 / np.sqrt(variance + _long(eps))
    y = (x - mean) * inverse * (1 if weight is None else weight)
    y = y + (0 if bias is None else bias) + (0 if residual is None else residual)
    expected = {"y": np.maximum(y, 0) if relu else y, "mean": mean, "inverse_std": inverse}
    if "running_mean" in inputs:
        old_mean, old_variance = _given(inputs, "running_mean", "running_var")
        step = momentum if training else 0
        unbiased = variance * rows / (rows - 1) if rows > 1 else 0
        expected["running_mean"] = old_mean + step * (mean - old_mean)
        expected["running_var"] = old_variance + step * (unbiased - old_variance)
    return {name: np.asarray(value, np.float64) for name, value in expected.items()}


def _batch_norm_error(case, inputs, expected, eps):
    eps_setting, momentum, training, _ = case.settings
    rows, _ = case.sizes
    mean, variance = _statistics(case, inputs)
    x, weight, bias, residual = _given(inputs, "x", "weight", "bias", "residual")
    deviation = np.sqrt(variance)
    is_given = not training and "running_mean" in inputs
    # Blocks subtract the mean of 8 rows, which lies within two deviations of the mean, so that
    # what is summed is below √5 deviations in quadratic mean. Then some additions in float64.
    wide = 2.0**-53
    mean_error = (ADDITIONS + 3) * eps * 2.3 * deviation + 70 * wide * np.abs(mean)
    variance_error = (ADDITIONS + 5) * eps * 5 * variance + 70 * wide * variance
    if "sums" in inputs:
        mean_error = 3 * wide * np.abs(mean)
        variance_error = 6 * wide * (mean**2 + variance)
    if is_given:
        mean_error = variance_error = 0 * variance
    inverse = np.abs(_long(expected["inverse_std"]))
    inverse_error = inverse * (variance_error / (2 * (variance + eps_setting)) + 4 * wide)
    factor = np.ones_like(inverse) if weight is None else np.abs(weight)
    scale_error = factor * (inverse_error + 2 * eps * inverse)
    centred = np.abs(x - mean)
    # The mean is rounded before it is subtracted.
    y_error = (
        factor * inverse * (mean_error + eps * np.abs(mean))
        + centred * scale_error
        + 3 * eps * centred * factor * inverse
    )
    if bias is not None:
        y_error = y_error + 3 * eps * np.abs(bias)
    if residual is not None:
        y_error = y_error + 2 * eps * np.abs(residual)
    errors = {"y": y_error, "mean": mean_error, "inverse_std": inverse_error}
    unbiased = rows / (rows - 1) if rows > 1 else 0
    errors["running_mean"] = momentum * mean_error
    errors["running_var"] = momentum * variance_error * unbiased
    if "running_mean" in inputs:
        for name in ("running_mean", "running_var"):
            errors[name] = errors[name] + 6 * wide * (np.abs(inputs[name]) + np.abs(expected[name]))
    return {name: np.asarray(error, np.float64) for name, error in errors.items()}


def _batch_norm_backward_cases(rng):
    cases = []
    pooled = [(6, 3, 0, 2), (700, 17, 0, 7), (1600, 128, 100, 400), (1030, 64, 0, 103)]
    pooled += [(800, 64, 0, 100), (800, 96, 0, 8)]
    shapes = [(*shape, 1) for shape in SHAPES] + pooled
    for number, (rows, channels, mean, pooled_rows) in enumerate(shapes):
        relu, with_y, with_residual = [(0, 0, 0), (1, 0, 0), (1, 1, 1), (0, 0, 1)][number % 4]
        x = rng.standard_normal((rows, channels)) + mean
        arrays = {
            "dy": rng.standard_normal((rows // pooled_rows, channels)),
            "x": x,
            **_channel_arrays(rng, channels),
            "mean": x.mean(0) + 0.01,
            "inverse_std": rng.uniform(0.5, 2, channels),
            "dx": Out((rows, channels)),
            "dweight": Out((channels,)),
            "dbias": Out((channels,)),
        }
        if with_y:
            arrays["y"] = np.maximum(rng.standard_normal((rows, channels)), 0)
        if with_residual:
            arrays["dresidual"] = Out((rows, channels))
        if number == 5:
            del arrays["weight"], arrays["bias"], arrays["dweight"], arrays["dbias"]
        settings = (float(number % 5 != 4), float(relu), float(pooled_rows))
        cases.append(Case(arrays, (rows, channels), settings))
    return cases


def _gradient_parts(case, inputs):
    """g, x - mean, the scale, and where it is uncertain whether ReLU gave 0."""
    _, relu, pooled_rows = case.settings
    dy, x, y, weight, bias, mean, inverse = _given(
        inputs, "dy", "x", "y", "weight", "bias", "mean", "inverse_std"
    )
    if pooled_rows > 1:
        dy = np.repeat(dy, int(pooled_rows), 0) / pooled_rows
    scale = inverse * (1 if weight is None else weight)
    centred = x - mean
    uncertain = np.zeros(x.shape, bool)
    if relu and y is None:
        shift = 0 if bias is None else bias
        y = centred * scale + shift
        uncertain = np.abs(y) < 2.0**-20 * (np.abs(centred * scale) + np.abs(shift))
    g = np.where(y > 0, dy, 0) if relu else dy
    return g, centred, scale, uncertain


def _batch_norm_backward(case, inputs):
    rows, _ = case.sizes
    training = case.settings[0]
    g, centred, scale, _ = _gradient_parts(case, inputs)
    inverse = _long(inputs["inverse_std"])
    dbias = g.sum(0)
    dweight = (g * centred).sum(0) * inverse
    dx = g
    if training:
        dx = g - dbias / rows - centred * inverse * dweight / rows
    expected = {"dx": scale * dx, "dweight": dweight, "dbias": dbias, "dresidual": g}
    return {name: np.asarray(value, np.float64) for name, value in expected.items()}


def _batch_norm_backward_error(case, inputs, expected, eps):
    rows, _ = case.sizes
    training, _, pooled_rows = case.settings
    g, centred, scale, uncertain = _gradient_parts(case, inputs)
    inverse = np.abs(_long(inputs["inverse_std"]))
    dy = np.repeat(_long(inputs["dy"]), int(pooled_rows), 0) / pooled_rows
    lost = np.where(uncertain, np.abs(dy), 0)
    # dy, where it is pooled, is divided by a rounded reciprocal.
    eps_of_g = 2 * eps * (pooled_rows > 1)
    wide = 70 * 2.0**-53
    magnitudes = np.abs(g).sum(0)
    products = np.abs(g * centred).sum(0)
    bias_error = (ADDITIONS * eps + eps_of_g + wide) * magnitudes + lost.sum(0)
    product_error = ((ADDITIONS + 2) * eps + eps_of_g + wide) * products + (
        lost * np.abs(centred)
    ).sum(0)
    offset = np.abs(g.sum(0)) / rows
    slope = np.abs((g * centred).sum(0)) * inverse**2 / rows
    dx_error = (5 * eps + eps_of_g) * np.abs(g) + lost
    if training:
        dx_error = (
            dx_error
            + 6 * eps * (offset + np.abs(centred) * slope)
            + bias_error / rows
            + np.abs(centred) * product_error * inverse**2 / rows
        )
    errors = {
        "dx": np.abs(scale) * dx_error,
        "dweight": product_error * inverse,
        "dbias": bias_error,
        "dresidual": lost + eps_of_g * np.abs(g),
    }
    return {name: np.asarray(error, np.float64) for name, error in errors.items()}


ROWS = [
    LayerRow("batch_norm", _batch_norm_cases, _batch_norm, _batch_norm_error),
    LayerRow(
        "batch_norm_backward",
        _batch_norm_backward_cases,
        _batch_norm_backward,
        _batch_norm_backward_error,
    ),
]
