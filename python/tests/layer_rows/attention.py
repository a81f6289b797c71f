"""Scaled dot-product attention."""

import ml_dtypes
import numpy as np

from . import Case, LayerRow, Out

# batch, time, heads, head_dim, causal
SHAPES = [
    (1, 1, 1, 1, True),
    (0, 3, 2, 4, False),
    (2, 5, 3, 7, True),
    (2, 5, 3, 7, False),
    (1, 16, 2, 16, True),
    (3, 17, 1, 8, False),
    (1, 64, 1, 32, True),
    (1, 65, 2, 32, True),
    (1, 130, 2, 20, True),
    (1, 130, 2, 20, False),
    (1, 256, 1, 64, True),
]


def _parts(qkv, sizes):
    """Queries, keys and values, each (batch, heads, time, head_dim)."""
    batch, time, heads, dim = sizes
    return qkv.reshape(batch, time, 3, heads, dim).transpose(2, 0, 3, 1, 4)


def _by_head(array, sizes):
    batch, time, heads, dim = sizes
    return array.reshape(batch, time, heads, dim).transpose(0, 2, 1, 3)


def _by_time(array):
    batch, heads, time, dim = array.shape
    return array.transpose(0, 2, 1, 3).reshape(batch, time, heads * dim)


def _scores(case, query, key):
    """scale Q Kᵀ, -infinity for what isn't seen."""
    causal, scale = case.settings
    scores = scale * query @ key.swapaxes(-1, -2)
    if causal:
        time = scores.shape[-1]
        scores = np.where(np.tri(time, dtype=bool), scores, -np.inf)
    return scores


def _attend(case, qkv):
    """The probabilities, the values and the logarithms of the sums."""
    query, key, value = _parts(qkv, case.sizes)
    scores = _scores(case, query, key)
    top = scores.max(axis=-1, keepdims=True)
    powers = np.exp(scores - top)
    total = powers.sum(axis=-1, keepdims=True)
    return powers / total, value, (top + np.log(total))[..., 0]


def _rounding(array):
    """How much values are rounded by before products: not at all, or to bfloat16."""
    is_bfloat16 = (array.astype(ml_dtypes.bfloat16).astype(np.float64) == array).all()
    return 2.0**-8 if is_bfloat16 else 0.0


def _of_scores(case, query, key, eps):
    """The error of a sum of head_dim products, and of the scale."""
    magnitudes = np.abs(query) @ np.abs(key).swapaxes(-1, -2)
    return eps * (case.sizes[3] + 3) * abs(case.settings[1]) * magnitudes


def _cases(rng):
    cases = []
    for position, (batch, time, heads, dim, causal) in enumerate(SHAPES):
        arrays = {
            "qkv": rng.standard_normal((batch, time, 3 * heads * dim)),
            "y": Out((batch, time, heads * dim)),
        }
        if position % 4 < 3:
            arrays["log_sum_exp"] = Out((batch, heads, time))
        scale = dim**-0.5 if position % 3 else 1.5
        cases.append(Case(arrays, (batch, time, heads, dim), (float(causal), scale)))
    return cases


def _forward(case, inputs):
    probabilities, value, logarithms = _attend(case, inputs["qkv"])
    return {"y": _by_time(probabilities @ value), "log_sum_exp": logarithms}


def _tolerance(case, inputs, expected, eps):
    if not inputs["qkv"].size:
        return {"y": 0.0, "log_sum_exp": 0.0}
    query, key, _ = _parts(inputs["qkv"], case.sizes)
    probabilities, value, logarithms = _attend(case, inputs["qkv"])
    scores = _scores(case, query, key)
    top = scores.max(axis=-1, keepdims=True)
    distance = np.where(np.isinf(scores), 0, top - scores)
    # An error of a score, and the rounded distance to the greatest, are relative ones of its
    # power; each divides by the sum once more.
    relative = _of_scores(case, query, key, eps).max(axis=-1, keepdims=True) + eps * (
        distance.max(axis=-1, keepdims=True) + 3
    )
    weights = probabilities @ np.abs(value)
    of_output = weights * (2 * relative + eps * (case.sizes[1] + 3) + 2 * _rounding(inputs["qkv"]))
    return {
        "y": _by_time(of_output),
        "log_sum_exp": relative[..., 0] + 2 * eps * np.abs(logarithms),
    }


def _backward_cases(rng):
    cases = []
    for case in _cases(rng):
        batch, time, heads, dim = case.sizes
        qkv = case.arrays["qkv"]
        forward = _forward(case, {"qkv": qkv})
        arrays = {
            "dy": rng.standard_normal((batch, time, heads * dim)),
            "qkv": qkv,
            "y": forward["y"],
            "log_sum_exp": forward["log_sum_exp"],
            "dqkv": Out(qkv.shape),
        }
        cases.append(Case(arrays, case.sizes, case.settings))
    return cases


def _differentiate(case, inputs):
    """Probabilities, gradients of scores, and all else by head.

    As the function is defined: with the outputs and logarithms that it is given.
    """
    query, key, value = _parts(inputs["qkv"], case.sizes)
    dy, y = (_by_head(inputs[name], case.sizes) for name in ("dy", "y"))
    scores = _scores(case, query, key)
    probabilities = np.exp(scores - inputs["log_sum_exp"][..., np.newaxis])
    mean = (dy * y).sum(axis=-1, keepdims=True)
    of_probabilities = dy @ value.swapaxes(-1, -2)
    of_scores = probabilities * (of_probabilities - mean)
    return query, key, value, dy, y, scores, probabilities, mean, of_probabilities, of_scores


def _together(query, key, value):
    """The three gradients, interleaved."""
    together = np.stack([query, key, value]).transpose(1, 3, 0, 2, 4)
    return together.reshape(*together.shape[:2], 3 * query.shape[1] * query.shape[3])


def _backward(case, inputs):
    query, key, _, dy, _, _, p, _, _, ds = _differentiate(case, inputs)
    scale = case.settings[1]
    return {
        "dqkv": _together(
            scale * ds @ key, scale * ds.swapaxes(-1, -2) @ query, p.swapaxes(-1, -2) @ dy
        )
    }


def _backward_tolerance(case, inputs, expected, eps):
    query, key, value, dy, y, scores, p, mean, dp, ds = _differentiate(case, inputs)
    (_, time, _, dim), scale = case.sizes, abs(case.settings[1])
    rounding = _rounding(inputs["qkv"])
    logarithms = inputs["log_sum_exp"][..., np.newaxis]
    distance = np.where(np.isinf(scores), 0, np.abs(scores - logarithms))
    of_p = p * (_of_scores(case, query, key, eps) + eps * (distance + 3))
    of_dp = eps * (dim + 2) * np.abs(dy) @ np.abs(value).swapaxes(-1, -2)
    of_mean = eps * np.abs(mean) + (dim + 18) * eps * np.abs(dy * y).sum(axis=-1, keepdims=True)
    of_ds = of_p * np.abs(dp - mean) + p * (of_dp + of_mean) + 2.1 * eps * np.abs(ds)

    def product(matrix, of_matrix, other):
        # The matrix may be rounded to bfloat16, and the sum has `time` terms, in blocks.
        error = of_matrix + (rounding + eps * (time + 4)) * np.abs(matrix)
        return error @ np.abs(other)

    return {
        "dqkv": _together(
            scale * product(ds, of_ds, key),
            scale * product(ds.swapaxes(-1, -2), of_ds.swapaxes(-1, -2), query),
            product(p.swapaxes(-1, -2), of_p.swapaxes(-1, -2), dy),
        )
    }


ROWS = [
    LayerRow("attention", _cases, _forward, _tolerance),
    LayerRow("attention_backward", _backward_cases, _backward, _backward_tolerance),
]
