"""Softmax and cross entropy."""

import numpy as np

from . import Case, LayerRow, Out, extended

SHAPES = [(1, 1), (3, 10), (5, 15), (5, 16), (7, 17), (1, 4097), (130, 256), (2000, 10)]


def _smallest(eps):
    """Powers below it may be 0; of float64 they are right to the last subnormal number."""
    return 2.0**-125 if eps > 1e-10 else 2.0**-1074


def _powers(x):
    distance = np.max(x, axis=-1, keepdims=True) - x
    return distance, np.exp(-distance)


def _softmax(x):
    _, powers = _powers(x)
    return powers / powers.sum(axis=-1, keepdims=True)


def _softmax_error(x, eps):
    """Of each probability, and of each row's sum relative to itself.

    x - max is rounded, which is an error of e^(x - max) relative to it; e^x is within an ULP.
    """
    distance, powers = _powers(x)
    relative = eps * (distance + 3)
    total = powers.sum(axis=-1, keepdims=True)
    of_sum = (powers * relative).sum(axis=-1, keepdims=True) / total
    # One over the sum, and the product with it.
    return powers / total * (relative + of_sum + 3 * eps) + 2 * _smallest(eps), of_sum


def _softmax_cases(rng):
    cases = [
        Case({"x": scale * rng.standard_normal(shape), "y": Out(shape)}, shape)
        for shape in SHAPES
        for scale in (1, 30)
    ]
    shape = (2, 18)
    masked = rng.standard_normal(shape)
    masked[0, 3:] = -np.inf
    return [*cases, Case({"x": masked, "y": Out(shape)}, shape), _no_rows({"x": "in", "y": "out"})]


def _no_rows(arrays):
    return Case(
        {name: np.zeros((0, 3)) if role == "in" else Out((0, 3)) for name, role in arrays.items()},
        (0, 3),
    )


def _softmax_tolerance(case, inputs, expected, eps):
    x = inputs["x"]
    if not x.size:
        return {"y": 0.0}
    # Of what is infinitely far away nothing is left, and no error.
    finite = np.where(np.isinf(x), -1e4, x)
    return {"y": _softmax_error(finite, eps)[0]}


def _softmax_backward_cases(rng):
    def case(shape):
        return Case(
            {
                "dy": rng.standard_normal(shape),
                "y": _softmax(rng.standard_normal(shape)),
                "dx": Out(shape),
            },
            shape,
        )

    return [*map(case, SHAPES), _no_rows({"dy": "in", "y": "in", "dx": "out"})]


def _softmax_backward(case, inputs):
    inputs = extended(inputs)
    dy, y = inputs["dy"], inputs["y"]
    return {"dx": y * (dy - (dy * y).sum(axis=-1, keepdims=True))}


def _softmax_backward_tolerance(case, inputs, expected, eps):
    dy, y = inputs["dy"], inputs["y"]
    product = dy * y
    mean = product.sum(axis=-1, keepdims=True)
    # A product and up to sixteen sums of the number dtype in each lane, the rest in float64;
    # a difference and a product follow.
    of_sum = eps * np.abs(mean) + (18 * eps + y.shape[-1] * 2.0**-53) * np.abs(product).sum(
        axis=-1, keepdims=True
    )
    return {"dx": np.abs(y) * (of_sum + 2.1 * eps * np.abs(dy - mean))}


def _cross_entropy_cases(rng):
    cases = []
    for rows, classes in SHAPES:
        for smoothing, dtype, ignored, with_gradient in [
            (0.0, np.uint8, -100, True),
            (0.1, np.int32, 0, True),
            (1.0, np.int64, -100, True),
            (0.1, np.int64, -1, False),
        ]:
            if dtype == np.uint8 and classes > 256:
                continue
            labels = rng.integers(0, classes, rows).astype(dtype)
            if ignored == -1:
                labels[: rows // 2] = -1
            if ignored == 0 and not labels.any():
                labels[-1] = classes - 1
            cases.append(
                Case(
                    {
                        "logits": 4 * rng.standard_normal((rows, classes)),
                        "labels": labels,
                        "loss": Out((1,)),
                        **({"logits_gradient": Out((rows, classes))} if with_gradient else {}),
                    },
                    (rows, classes),
                    (smoothing, ignored),
                )
            )
    return cases


def _kept(case, inputs):
    """What the rows are divided by, 0 for ignored ones; and the wanted distribution."""
    labels = inputs["labels"].astype(np.int64)
    (rows, classes), (smoothing, ignored) = case.sizes, case.settings
    keeps = (labels != ignored)[:, np.newaxis]
    wanted = np.full((rows, classes), smoothing / classes)
    wanted[np.arange(rows), np.where(keeps[:, 0], labels, 0)] += 1 - smoothing
    with np.errstate(invalid="ignore"):
        return keeps / np.float64(keeps.sum()), wanted


def _cross_entropy(case, inputs):
    inputs = extended(inputs)
    x = inputs["logits"]
    weights, wanted = _kept(case, inputs)
    distance, powers = _powers(x)
    logarithms = -distance - np.log(powers.sum(axis=-1, keepdims=True))
    return {
        "loss": np.array([-(weights * wanted * logarithms).sum()]),
        "logits_gradient": np.nan_to_num(weights * (_softmax(x) - wanted)),
    }


def _cross_entropy_tolerance(case, inputs, expected, eps):
    x = inputs["logits"]
    weights, wanted = _kept(case, inputs)
    of_probability, of_sum = _softmax_error(x, eps)
    # The loss is the logarithm of the sum and differences that float64 holds; so are sums.
    rounding = (8 + x.shape[-1]) * 2.0**-53 * np.abs(x).max(axis=-1, keepdims=True)
    gradient = of_probability + 3 * eps * (wanted + np.abs(_softmax(x) - wanted))
    return {
        "loss": np.array([(weights * (of_sum + rounding)).sum()])
        + (eps + x.shape[0] * 2.0**-53) * expected["loss"],
        "logits_gradient": np.nan_to_num(weights * gradient),
    }


def _soft_cases(rng):
    cases = []
    for shape in SHAPES:
        for smoothing, with_gradient, sums in [
            (0, True, 1),
            (0.1, True, 1),
            (1, True, 1),
            (0.1, False, 3),
        ]:
            # Mixed labels are 0 but for two; others are dense, some don't sum to 1.
            targets = rng.dirichlet(np.full(shape[1], 0.5), shape[0]) * sums
            targets[: shape[0] // 2] = 0
            targets[: shape[0] // 2, -1] = 0.25
            targets[: shape[0] // 2, 0] += 0.75
            cases.append(
                Case(
                    {
                        "logits": 4 * rng.standard_normal(shape),
                        "targets": targets,
                        "loss": Out((1,)),
                        **({"logits_gradient": Out(shape)} if with_gradient else {}),
                    },
                    shape,
                    (smoothing,),
                )
            )
    return cases


def _soft_wanted(case, inputs):
    (smoothing,) = case.settings
    return (1 - smoothing) * inputs["targets"] + smoothing / case.sizes[1]


def _soft(case, inputs):
    inputs = extended(inputs)
    wanted = _soft_wanted(case, inputs).astype(np.longdouble)
    distance, powers = _powers(inputs["logits"].astype(np.longdouble))
    logarithms = -distance - np.log(powers.sum(axis=-1, keepdims=True))
    total = wanted.sum(axis=-1, keepdims=True)
    return {
        "loss": np.array([-(wanted * logarithms).sum() / len(wanted)]),
        "logits_gradient": (total * np.exp(logarithms) - wanted) / len(wanted),
    }


def _soft_tolerance(case, inputs, expected, eps):
    x, wanted = inputs["logits"], _soft_wanted(case, inputs)
    total = wanted.sum(axis=-1, keepdims=True)
    of_probability, of_sum = _softmax_error(x, eps)
    rounding = (8 + x.shape[-1]) * 2.0**-53 * np.abs(x).max(axis=-1, keepdims=True)
    # The sum of q is one of float64 numbers, one after the other. The wanted one is a product of
    # two rounded factors and a sum.
    of_total = (x.shape[-1] + 8) * 2.0**-53
    probabilities = total * _softmax(x)
    gradient = (
        total * of_probability
        + of_total * probabilities
        + eps * (5 * wanted + 3 * np.abs(probabilities - wanted))
    )
    return {
        "loss": np.array([(total * (of_sum + rounding)).sum() / len(x)])
        + (eps + x.shape[0] * 2.0**-53) * expected["loss"],
        "logits_gradient": gradient / len(x),
    }


ROWS = [
    LayerRow(
        "softmax",
        _softmax_cases,
        lambda case, inputs: {"y": _softmax(extended(inputs)["x"])},
        _softmax_tolerance,
    ),
    LayerRow(
        "softmax_backward",
        _softmax_backward_cases,
        _softmax_backward,
        _softmax_backward_tolerance,
    ),
    LayerRow("cross_entropy", _cross_entropy_cases, _cross_entropy, _cross_entropy_tolerance),
    LayerRow("soft_cross_entropy", _soft_cases, _soft, _soft_tolerance),
]
