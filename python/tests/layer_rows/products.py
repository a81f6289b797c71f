"""Matrix products, and sums of columns."""

import math

import numpy as np

from . import Case, LayerRow, Out

NONE, RELU, GELU, SILU, TANH, SIGMOID = range(6)


def _normal(x):
    """The normal distribution function and its density."""
    distribution = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.flat]).reshape(x.shape)
    return distribution, np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _activate(x, activation):
    match activation:
        case 1:
            return np.maximum(x, 0)
        case 2:
            return x * _normal(x)[0]
        case 3:
            return x * _sigmoid(x)
        case 4:
            return np.tanh(x)
        case 5:
            return _sigmoid(x)
    return x


def _derivative(saved, activation):
    """From the output of relu, tanh and sigmoid, from the input of gelu and silu."""
    match activation:
        case 1:
            return (saved > 0).astype(float)
        case 2:
            distribution, density = _normal(saved)
            return distribution + saved * density
        case 3:
            sigmoid = _sigmoid(saved)
            return sigmoid * (1 + saved * (1 - sigmoid))
        case 4:
            return 1 - saved**2
        case 5:
            return saved * (1 - saved)
    return np.ones_like(saved)


def _case(rng, rows, columns, depth, **options):
    """A call; options are settings, `gap` behind each row, and the names of optional arrays."""
    gap = options.pop("gap", 0)
    a_is_transposed = options.pop("a_is_transposed", 0)
    b_is_transposed = options.pop("b_is_transposed", 0)
    a_shape = [depth, rows] if a_is_transposed else [rows, depth]
    b_shape = [columns, depth] if b_is_transposed else [depth, columns]
    strides = (a_shape[1] + gap, b_shape[1] + 2 * gap, columns + 3 * gap)
    arrays = {
        "a": rng.standard_normal((a_shape[0], strides[0])),
        "b": rng.standard_normal((b_shape[0], strides[1])),
        "c": rng.standard_normal((rows, strides[2])),
    }
    if options.pop("bias", False):
        arrays["bias"] = rng.standard_normal(columns)
    for name in ("residual", "mask"):
        if options.pop(name, False):
            arrays[name] = rng.standard_normal((rows, strides[2]))
    if options.pop("preactivation", False):
        arrays["preactivation"] = Out((rows, strides[2]))
    if options.pop("sums", False):
        arrays["column_sums"] = Out((columns,))
        arrays["column_square_sums"] = Out((columns,))
    settings = (
        a_is_transposed,
        b_is_transposed,
        options.pop("alpha", 1.0),
        options.pop("beta", 0.0),
        options.pop("activation", NONE),
        options.pop("mask_activation", NONE),
    )
    assert not options, options
    return Case(arrays, (rows, columns, depth, *strides), settings)


def _matmul_cases(rng):
    def case(*sizes, **options):
        return _case(rng, *sizes, **options)

    cases = []
    for a_is_transposed in (0, 1):
        for b_is_transposed in (0, 1):
            for sizes in [(1, 1, 1), (5, 7, 3), (12, 32, 64), (13, 33, 41), (40, 150, 130)]:
                cases.append(
                    case(*sizes, a_is_transposed=a_is_transposed, b_is_transposed=b_is_transposed)
                )
            # Deep with few tiles, and with rows 4 KiB apart.
            cases.append(
                case(13, 20, 4500, a_is_transposed=a_is_transposed, b_is_transposed=b_is_transposed)
            )
    cases += [
        case(0, 3, 2, sums=True),
        case(3, 0, 2),
        case(3, 2, 0, bias=True, sums=True),
        case(30, 50, 2048),
        case(30, 50, 20, alpha=-0.5, beta=2.0),
        case(30, 50, 20, alpha=0.0, beta=1.0),
        case(17, 35, 9, gap=1, alpha=2.0, beta=-1.0, bias=True, residual=True, sums=True),
        case(130, 64, 32, sums=True),
        case(130, 70, 600, sums=True, b_is_transposed=1),
    ]
    for activation in (RELU, GELU, SILU, TANH, SIGMOID):
        cases.append(
            case(
                25,
                40,
                30,
                bias=True,
                residual=activation == RELU,
                preactivation=True,
                activation=activation,
                sums=True,
                gap=activation % 2,
            )
        )
        cases.append(case(25, 40, 30, mask=True, mask_activation=activation, b_is_transposed=1))
    return cases


def _used(case, inputs):
    """The operands as they are multiplied, and C without its gaps."""
    rows, columns, depth = case.sizes[:3]
    a_is_transposed, b_is_transposed = case.settings[:2]
    a = inputs["a"][:, :rows].T if a_is_transposed else inputs["a"][:, :depth]
    b = inputs["b"][:, :depth].T if b_is_transposed else inputs["b"][:, :columns]
    return a, b, inputs["c"][:, :columns]


def _matmul(case, inputs):
    columns = case.sizes[1]
    alpha, beta, activation, mask_activation = case.settings[2:]
    a, b, c = _used(case, inputs)
    value = alpha * (a @ b) + (beta * c if beta else 0)
    if "bias" in inputs:
        value = value + inputs["bias"]
    if "residual" in inputs:
        value = value + inputs["residual"][:, :columns]
    result = {"c": inputs["c"].copy(), "preactivation": np.full(inputs["c"].shape, np.nan)}
    result["preactivation"][:, :columns] = value
    value = _activate(value, int(activation))
    if "mask" in inputs:
        value = value * _derivative(inputs["mask"][:, :columns], int(mask_activation))
    result["c"][:, :columns] = value
    result["column_sums"] = value.sum(0)
    result["column_square_sums"] = (value**2).sum(0)
    return result


def _is_bfloat16(array):
    return not (array.astype(np.float32).view(np.uint32) & 0xFFFF).any()


def _matmul_tolerance(case, inputs, expected, eps):
    # Higham 2002, equation 3.5: K products in any order are off by at most K u Σ|a||b| to
    # first order; each addend rounds once more. An activation has a slope of at most 1.13,
    # and is itself within 8 ULP of its own size or of 1; so is a derivative.
    columns, depth = case.sizes[1:3]
    alpha, beta, activation, _ = case.settings[2:]
    a, b, c = _used(case, inputs)
    magnitude = abs(alpha) * (np.abs(a) @ np.abs(b))
    if beta:
        magnitude = magnitude + np.abs(beta * c)
    for addend in ("bias", "residual"):
        if addend in inputs:
            magnitude = magnitude + np.abs(inputs[addend])[..., :columns]
    error = (depth + 6) * eps * magnitude
    before = np.full(inputs["c"].shape, 0.0)
    before[:, :columns] = error
    value = np.abs(expected["c"][:, :columns])
    if activation or "mask" in inputs:
        error = 1.2 * error + 9 * eps * (1 + magnitude + value)
    after = np.full(inputs["c"].shape, 0.0)
    after[:, :columns] = error
    # Sums are of rounded elements.
    stored = 2.0**-8 if eps > 2.0**-53 and _is_bfloat16(inputs["c"]) else eps
    rounded = error + stored * (value + error)
    return {
        "c": after,
        "preactivation": before,
        "column_sums": 1.001 * rounded.sum(0) + 1e-300,
        "column_square_sums": 1.001 * (rounded * (2 * value + rounded)).sum(0) + 1e-300,
    }


def _column_sums_cases(rng):
    return [
        Case({"x": rng.standard_normal((rows, columns)), "sums": Out((columns,))}, (rows, columns))
        for rows, columns in [(0, 3), (1, 1), (3, 16), (64, 15), (65, 33), (1000, 40), (300, 1)]
    ]


def _column_sums(case, inputs):
    return {"sums": inputs["x"].sum(0)}


def _column_sums_tolerance(case, inputs, expected, eps):
    # In float64.
    return {"sums": 2.0**-53 * (case.sizes[0] + 2) * np.abs(inputs["x"]).sum(0)}


ROWS = [
    LayerRow("matmul", _matmul_cases, _matmul, _matmul_tolerance),
    LayerRow("column_sums", _column_sums_cases, _column_sums, _column_sums_tolerance),
]
