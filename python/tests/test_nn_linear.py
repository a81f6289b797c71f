"""The functional dense layer: results, gradients, dtypes, epilogues and refusals.

Expected values are float64 NumPy products of the very inputs. Error bounds: a sum of n products
of magnitudes s is off by at most n u s (Higham 2002, equation 3.5), u the unit roundoff of the
sums, 2^-24 or 2^-53; then one rounding to the result's dtype, 2^-8 relative for bfloat16.
"""

import numpy as np
import pytest

from swiftopt.nn import functional

ml_dtypes = pytest.importorskip("ml_dtypes")
DTYPES = {"float32": np.float32, "float64": np.float64, "bfloat16": ml_dtypes.bfloat16}
SUM_ERROR = {"float32": 2.0**-24, "float64": 2.0**-53, "bfloat16": 2.0**-24}
STORE_ERROR = {"float32": 2.0**-24, "float64": 2.0**-53, "bfloat16": 2.0**-8}
NUMBER = {"float32": np.float32, "float64": np.float64, "bfloat16": np.float32}
SHAPES = [
    ((1,), 1, 1),
    ((), 5, 3),
    ((7,), 16, 33),
    ((2, 3), 17, 10),
    ((130,), 64, 65),
    ((4, 0), 5, 6),
]


def values(dtype, *shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(DTYPES[dtype])


def check(actual, expected, magnitudes, terms, dtype, stored=None):
    """`magnitudes` is the product of the magnitudes, `terms` how many each sum has."""
    error = (terms + 1) * SUM_ERROR[dtype] * magnitudes
    error = error + STORE_ERROR[stored or dtype] * (abs(expected) + error)
    assert actual.shape == expected.shape
    assert (abs(actual.astype(float) - expected) <= error).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("rows", "inputs", "outputs"), SHAPES)
class TestProducts:
    def test_forward(self, dtype, rows, inputs, outputs):
        x, weight = values(dtype, *rows, inputs), values(dtype, outputs, inputs, seed=1)
        bias = values(dtype, outputs, seed=2).astype(NUMBER[dtype])
        exact = [array.astype(float) for array in (x, weight, bias)]
        result = functional.linear(x, weight, bias)
        assert result.dtype == DTYPES[dtype]
        magnitudes = abs(exact[0]) @ abs(exact[1]).T + abs(exact[2])
        check(result, exact[0] @ exact[1].T + exact[2], magnitudes, inputs + 1, dtype)
        out = np.full_like(result, 9)
        assert functional.linear(x, weight, bias, out=out) is out
        np.testing.assert_array_equal(out, result)

    def test_gradients(self, dtype, rows, inputs, outputs):
        gradient = values(dtype, *rows, outputs)
        x, weight = values(dtype, *rows, inputs, seed=1), values(dtype, outputs, inputs, seed=2)
        exact, exact_x, exact_weight = (a.astype(float) for a in (gradient, x, weight))
        check(
            functional.linear_backward_input(gradient, weight),
            exact @ exact_weight, abs(exact) @ abs(exact_weight), outputs, dtype,
        )  # fmt: skip
        flat, flat_x = exact.reshape(-1, outputs), exact_x.reshape(-1, inputs)
        grad_bias = np.full(outputs, 9, NUMBER[dtype])
        grad_weight = functional.linear_backward_weight(gradient, x, grad_bias=grad_bias)
        assert grad_weight.dtype == NUMBER[dtype]
        numbers = "float64" if dtype == "float64" else "float32"
        check(grad_weight, flat.T @ flat_x, abs(flat.T) @ abs(flat_x), len(flat), dtype, numbers)
        check(grad_bias, flat.sum(0), abs(flat).sum(0), len(flat), dtype, numbers)


ACTIVATIONS = {
    None: lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_is_fused(dtype, activation):
    x, weight = values(dtype, 9, 20), values(dtype, 33, 20, seed=1)
    residual, bias = values(dtype, 9, 33, seed=2), values(dtype, 33, seed=3).astype(NUMBER[dtype])
    before = np.empty((9, 33), DTYPES[dtype])
    result = functional.linear(
        x, weight, bias, residual=residual, activation=activation, preactivation=before
    )
    exact = x.astype(float) @ weight.T.astype(float) + bias + residual.astype(float)
    magnitudes = abs(x.astype(float)) @ abs(weight.T.astype(float)) + abs(bias) + 4
    check(before, exact, magnitudes, 22, dtype)
    # None of these is steeper than 1.1; the activation itself is good to 8 more roundings.
    check(result, ACTIVATIONS[activation](exact), 1.1 * magnitudes + 1, 30, dtype)


def test_gelu_is_the_layers_own():
    x, weight = values("float64", 9, 20), values("float64", 33, 20, seed=1)
    before = np.empty((9, 33))
    result = functional.linear(x, weight, activation="gelu", preactivation=before)
    if hasattr(functional, "gelu"):
        np.testing.assert_allclose(result, functional.gelu(before), rtol=1e-14, atol=1e-15)


X, WEIGHT, BIAS = values("float32", 5, 4), values("float32", 3, 4), values("float32", 3)
REFUSALS = {
    "features": (
        lambda: functional.linear(X[:, :3].copy(), WEIGHT),
        ValueError, "linear: x has 3 features, weight expects 4",
    ),
    "number": (
        lambda: functional.linear(np.float32(1), WEIGHT), ValueError, "x has no features",
    ),
    "weight": (
        lambda: functional.linear(X, WEIGHT[0]),
        ValueError, r"weight has shape \(4,\); it must be \(out_features",
    ),
    "bias": (
        lambda: functional.linear(X, WEIGHT, BIAS[:2].copy()),
        ValueError, r"bias has shape \(2,\)",
    ),
    "bias dtype": (
        lambda: functional.linear(X, WEIGHT, BIAS.astype(float)),
        TypeError, "bias has dtype float64",
    ),
    "weight dtype": (
        lambda: functional.linear(X, WEIGHT.astype(float)), TypeError, "weight is float64",
    ),
    "residual": (
        lambda: functional.linear(X, WEIGHT, residual=X), ValueError, "residual has shape",
    ),
    "activation": (
        lambda: functional.linear(X, WEIGHT, activation="swish"),
        ValueError, "activation is 'swish'; it must be None",
    ),
    "out": (
        lambda: functional.linear(X, WEIGHT, out=np.empty((5, 4), np.float32)),
        ValueError, r"out has shape \(5, 4\); it must have \(5, 3\)",
    ),
    "overlap": (
        lambda: functional.linear_backward_input(X[:, :3].copy(), WEIGHT, out=X[:, 1:]),
        ValueError, "out has shape",
    ),
    "strided": (
        lambda: functional.linear(X[:, ::2], WEIGHT[:, :2].copy()), ValueError, "contiguous",
    ),
    "gradient": (
        lambda: functional.linear_backward_input(X, WEIGHT), ValueError, "weight has 3 outputs",
    ),
    "rows": (
        lambda: functional.linear_backward_weight(X, X[:4].copy()),
        ValueError, "all but their last axes must be the same",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case):
    call, error, text = REFUSALS[case]
    with pytest.raises(error, match=text):
        call()
