"""Activations as functions: how accurate they are, and what they do at the edges."""

import ml_dtypes
import numpy as np
import pytest

from swiftopt.nn import functional

from .layer_rows import Case
from .layer_rows.activations import ROWS

REFERENCES = {row.name: row.reference for row in ROWS}
NAMES = ["relu", "gelu", "silu", "tanh", "sigmoid"]


def expected(name, x):
    settings = (0.0,) if name == "gelu" else ()
    case = Case({}, (x.size,), settings)
    return REFERENCES[name](case, {"x": x.astype(np.float64)})["y"]


def every(step):
    """Every `step`-th float32 that is finite, of both signs."""
    patterns = np.arange(0, 2**31 - 2**23, step, dtype=np.uint32)
    values = patterns.view(np.float32)
    return np.concatenate([values, -values])


@pytest.mark.parametrize(
    ("name", "ulp"), [("gelu", 7), ("silu", 3.1), ("tanh", 2.5), ("sigmoid", 2.5)]
)
def test_errors_in_units_of_the_last_place(name, ulp):
    # Dense in all of float32; the reference is float64, whose own error is 2^-29 of a unit.
    x = every(9973)
    # Below, e^x is no normal number, and float32 powers are 0.
    x = x[x > -87]
    y = getattr(functional, name)(x)
    exact = expected(name, x)
    if name == "gelu":
        x, y, exact = (array[x > -12.9] for array in (x, y, exact))
    error = np.abs(y - exact) / np.spacing(np.abs(exact).astype(np.float32))
    assert error.max() <= ulp, x[error.argmax()]


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_errors_of_derivatives_in_units_of_the_last_place_of_1(name):
    x = every(9973)
    x = x[np.abs(x) < 1e4]
    got = getattr(functional, f"{name}_backward")(np.ones_like(x), x)
    case = Case({}, (x.size,), (0.0,))
    inputs = {"dy": np.ones(x.size), "x": x.astype(np.float64)}
    exact = REFERENCES[f"{name}_backward"](case, inputs)["dx"]
    assert np.abs(got - exact).max() <= 2 * 2.0**-23


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_limits(name, dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0], dtype)
    limits = {
        "relu": [np.inf, 0],
        "gelu": [np.inf, 0],
        "silu": [np.inf, 0],
        "tanh": [1, -1],
        "sigmoid": [1, 0],
    }[name]
    y = getattr(functional, name)(x).astype(np.float64)
    assert y[:2].tolist() == limits
    assert np.isnan(y[2])
    assert y[3] == (0.5 if name == "sigmoid" else 0)


@pytest.mark.parametrize("name", NAMES)
def test_results_rise_where_the_function_does(name):
    # All bfloat16 numbers, in order: an error must not be larger than a step of the result.
    patterns = np.arange(0, 0x7F80, dtype=np.uint16)
    magnitudes = patterns.view(ml_dtypes.bfloat16)
    x = np.concatenate([-magnitudes[::-1], magnitudes])
    y = getattr(functional, name)(x).astype(np.float64)
    rising = x.astype(np.float64) > (0 if name in ("gelu", "silu") else -np.inf)
    assert (np.diff(y[rising]) >= 0).all()


@pytest.mark.parametrize("name", [*NAMES, "tanh gelu"])
def test_gradients_are_those_of_finite_differences(name):
    rng = np.random.default_rng(3)
    x = rng.uniform(-4, 4, 200)
    options = ("tanh",) if name == "tanh gelu" else ()
    name = "gelu" if options else name
    function = getattr(functional, name)
    step = 1e-6
    slope = (function(x + step, *options) - function(x - step, *options)) / (2 * step)
    dy = rng.standard_normal(200)
    saved = x if name in ("gelu", "silu") else function(x)
    got = getattr(functional, f"{name}_backward")(dy, saved, *options)
    # step² times a third derivative below 2, and rounding errors of 2^-52 · 4 / step.
    assert np.abs(got - dy * slope).max() < 5e-9 * np.abs(dy).max()


def test_the_approximation_of_gelu_is_near_it():
    x = np.linspace(-10, 10, 2001)
    difference = np.abs(functional.gelu(x) - functional.gelu(x, "tanh"))
    assert 1e-4 < difference.max() < 5e-4


def test_relu_hides_any_gradient():
    dy = np.array([np.inf, np.nan, np.inf], np.float32)
    dx = functional.relu_backward(dy, np.array([0, 0, 1], np.float32))
    assert dx.tolist() == [0, 0, np.inf]


@pytest.mark.parametrize("name", NAMES)
def test_out_and_in_place(name):
    x = np.random.default_rng(5).standard_normal((3, 50)).astype(np.float32)
    fresh = getattr(functional, name)(x)
    assert fresh.shape == x.shape
    out = np.empty_like(x)
    assert getattr(functional, name)(x, out=out) is out
    getattr(functional, name)(x, out=x)
    assert (x == fresh).all()
    assert (out == fresh).all()


def test_refusals_name_function_and_argument():
    x = np.zeros(3, np.float32)
    with pytest.raises(TypeError, match=r"relu: x has dtype int64; it must be float32"):
        functional.relu(np.zeros(3, np.int64))
    with pytest.raises(TypeError, match=r"tanh: x is a list; it must be an array"):
        functional.tanh([1.0])
    with pytest.raises(ValueError, match=r"gelu: out has shape \(2,\); it must have \(3,\)"):
        functional.gelu(x, out=np.zeros(2, np.float32))
    with pytest.raises(TypeError, match=r"silu: out has dtype float64; it must be float32"):
        functional.silu(x, out=np.zeros(3))
    with pytest.raises(ValueError, match=r"gelu: approximate is 'erf'; it must be 'none' or"):
        functional.gelu(x, "erf")
    with pytest.raises(ValueError, match=r"relu_backward: output has shape \(2,\), grad_output"):
        functional.relu_backward(x, x[:2])
    with pytest.raises(TypeError, match=r"relu_backward: output is float64; it must be float32"):
        functional.relu_backward(x, np.zeros(3))
    with pytest.raises(ValueError, match="contiguous"):
        functional.relu(np.zeros((4, 4), np.float32)[:, ::2])
    read_only = np.zeros(3, np.float32)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        functional.relu(x, out=read_only)
