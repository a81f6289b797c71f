"""What the native Plan refuses: every message names the array, and nothing is written."""

import array
import re

import numpy as np
import pytest

from swiftopt import _core

INF = float("inf")
GROUP = (0.5, 0.0, INF, INF, False, 0.0, 0.0, False, False)


def plan_arguments(**changes):
    """Arguments for two tensors, w of shape (4, 3) and b of shape (3,)."""
    return {
        "optimizer": "sgd",
        "names": ("w", "b"),
        "parameters": [np.zeros((4, 3)), np.zeros(3, np.float32)],
        "slots": [(np.zeros((4, 3)),), (None,)],
        "scalars": np.zeros((2, 1)),
        "groups": [0, 0],
        "group_count": 1,
    } | changes


def read_only(values):
    values.flags.writeable = False
    return values


def misaligned(size):
    return np.zeros(8 * size + 1, np.uint8)[1:].view(np.float64)


class Liar(np.ndarray):
    """An array whose dtype attribute isn't the truth."""

    dtype = np.dtype(np.float64)


class Opaque:
    """Not an array at all."""


BAD_ARRAYS = [
    (np.zeros((4, 3), int), TypeError, "has dtype int64; it must be float32 or float64"),
    (np.zeros((4, 3), object), TypeError, "has dtype object; it must be float32 or float64"),
    (np.zeros((4, 3), "f2"), TypeError, "has dtype float16; it must be float32 or float64"),
    (
        np.zeros((4, 3), ">f4"),
        TypeError,
        "has the non-native byte order of dtype >f4; "
        "pass array.astype(array.dtype.newbyteorder('='))",
    ),
    (bytearray(8), TypeError, "has buffer format 'B'; it must be float32 or float64"),
    (array.array("i", [1]), TypeError, "has buffer format 'i'; it must be float32 or float64"),
    (np.zeros((4, 3), "f4").view(Liar), TypeError, "has dtype float64 but 4 bytes per element"),
    (
        np.zeros((3, 4)).T,
        ValueError,
        "is not C-contiguous; pass np.ascontiguousarray(...), which copies",
    ),
    (misaligned(3), ValueError, "is not aligned to its element size; pass a copy"),
]
BAD_SHAPES = [
    (np.zeros((3, 4)), ValueError, "has shape (3, 4); its parameter has shape (4, 3)"),
    (np.zeros(12), ValueError, "has shape (12,); its parameter has shape (4, 3)"),
    (np.zeros((4, 3, 1)), ValueError, "has shape (4, 3, 1); its parameter has shape (4, 3)"),
    (np.array(1.0), ValueError, "has shape (); its parameter has shape (4, 3)"),
]


@pytest.mark.parametrize(("gradient", "error", "text"), BAD_ARRAYS + BAD_SHAPES)
@pytest.mark.parametrize("method", ["step", "bind"])
def test_bad_gradient(method, gradient, error, text):
    arguments = plan_arguments()
    plan = _core.Plan(**arguments)
    grads = [gradient, np.ones(3)]
    with pytest.raises(error, match=f"^gradient 'w' {re.escape(text)}$"):
        plan.step(grads, 1, 0.5, ()) if method == "step" else plan.bind(grads)
    assert not any(parameter.any() for parameter in arguments["parameters"])
    assert not arguments["scalars"].any()


@pytest.mark.parametrize("gradient", [Opaque(), "w", [1.0, 2.0], {}])
def test_gradient_that_is_no_array(gradient):
    with pytest.raises(TypeError, match=r"^gradient 'w' is a .*; it must be an array$"):
        _core.Plan(**plan_arguments()).step([gradient, None], 1, 0.5, ())


# A parameter is updated, so the advice is not to pass a copy.
ADVICE = {
    "pass array.astype(array.dtype.newbyteorder('='))": "store it in the native one first "
    "(a copy here would be updated in its place)",
    "pass np.ascontiguousarray(...), which copies": "store it so first "
    "(w = np.ascontiguousarray(w)), a copy made here would be updated in its place",
}


@pytest.mark.parametrize(("parameter", "error", "text"), BAD_ARRAYS)
def test_bad_parameter(parameter, error, text):
    arguments = plan_arguments(parameters=[parameter, np.zeros(3)])
    for advice, other in ADVICE.items():
        text = text.replace(advice, other)
    with pytest.raises(error, match=f"^parameter 'w' {re.escape(text)}$"):
        _core.Plan(**arguments)


@pytest.mark.parametrize("parameter", [1.0, None, Opaque()])
def test_parameter_that_is_no_array(parameter):
    text = f"parameter 'w' is a {type(parameter).__name__}; it must be an array"
    with pytest.raises(TypeError, match=text):
        _core.Plan(**plan_arguments(parameters=[parameter, np.zeros(3)]))


@pytest.mark.parametrize(
    "parameter", [read_only(np.zeros((4, 3))), np.float64(1), memoryview(bytes(8)).cast("d")]
)
def test_read_only_parameter(parameter):
    with pytest.raises(ValueError, match=r"^parameter 'w' is read-only; it must be writable$"):
        _core.Plan(**plan_arguments(parameters=[parameter, np.zeros(3)]))


@pytest.mark.parametrize(
    ("slot", "error", "text"),
    [
        *BAD_SHAPES,
        (np.zeros((4, 3), "f4"), TypeError, "has dtype float32; its parameter has dtype float64"),
        (read_only(np.zeros((4, 3))), ValueError, "is read-only; it must be writable"),
    ],
)
def test_bad_slot(slot, error, text):
    with pytest.raises(error, match=f"^state 'momentum_buffer' of 'w' {re.escape(text)}$"):
        _core.Plan(**plan_arguments(slots=[(slot,), (None,)]))


SHARED = np.zeros(24)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"optimizer": "sgdd"}, ValueError, "there is no optimizer called 'sgdd'"),
        ({"names": ("w",)}, ValueError, "parameters has 2 entries; names has 1"),
        ({"names": ("w", 1)}, TypeError, "names[1] is 1; it must be a str"),
        ({"groups": [0]}, ValueError, "groups has 1 entries; names has 2"),
        ({"slots": []}, ValueError, "slots has 0 entries; names has 2"),
        ({"slots": [(None,), ()]}, ValueError, "slots of 'b' must be a tuple of length 1"),
        ({"slots": [(None,), None]}, ValueError, "slots of 'b' must be a tuple of length 1"),
        ({"groups": [0, 1]}, ValueError, "group of 'b' is 1; it must be in 0 ..< group_count, 1"),
        ({"groups": [-1, 0]}, ValueError, "group of 'w' is -1; it must be in 0 ..< group_count, 1"),
        ({"groups": [0, 1 << 70]}, ValueError, f"group of 'b' is {1 << 70}; it must be in"),
        ({"group_count": -1}, ValueError, "group_count is -1; it must be at least 0"),
        ({"scalars": np.zeros((2, 2))}, ValueError, "scalars must have shape (2, 1)"),
        ({"scalars": np.zeros(2)}, ValueError, "scalars must have shape (2, 1)"),
        ({"scalars": np.zeros((2, 1), "f4")}, TypeError, "scalars has dtype float32; it must be"),
        ({"scalars": read_only(np.zeros((2, 1)))}, ValueError, "scalars is read-only"),
        (
            {"parameters": [SHARED[:12].reshape(4, 3), SHARED[11:14]]},
            ValueError,
            "tensor 'b': its parameter shares memory with the parameter of tensor 'w'",
        ),
    ],
)
def test_bad_plan(changes, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        _core.Plan(**plan_arguments(**changes))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_wrong_number_of_gradients(count):
    plan = _core.Plan(**plan_arguments())
    text = f"^expected 2 gradients, one per parameter, got {count}$"
    for grads in ([None] * count, (None,) * count):
        with pytest.raises(ValueError, match=text):
            plan.step(grads, 1, 0.5, ())


@pytest.mark.parametrize("grads", [(g for g in ()), {}, np.zeros(2), "wb", 1])
def test_gradients_in_something_else(grads):
    with pytest.raises(TypeError, match=r"^grads is a .*; it must be a list or tuple$"):
        _core.Plan(**plan_arguments()).step(grads, 1, 0.5, ())


def test_gradient_in_the_memory_of_a_parameter():
    arguments = plan_arguments()
    text = "^tensor 'w': its gradient shares memory with the parameter of tensor 'w'$"
    with pytest.raises(ValueError, match=text):
        _core.Plan(**arguments).step([arguments["parameters"][0], None], 1, 0.5, ())


def test_missing_slot():
    plan = _core.Plan(**plan_arguments())
    plan.set_group(0, (*GROUP[:5], 0.9, *GROUP[6:]))
    with pytest.raises(ValueError, match=r"^tensor 'b': a hyper-parameter .* needs a slot"):
        plan.step([None, np.ones(3)], 1, 0.5, ())


def test_step_number_must_be_an_int():
    plan = _core.Plan(**plan_arguments())
    with pytest.raises(TypeError, match=r"^step_after is 1.0; it must be an int$"):
        plan.step([np.ones((4, 3)), None], 1.0, 0.5, ())


@pytest.mark.parametrize(
    ("position", "value", "error", "text"),
    [
        (0, -1.0, ValueError, "groups[0].lr is -1; it must be finite and >= 0"),
        (0, float("nan"), ValueError, "groups[0].lr is nan; it must be finite and >= 0"),
        (0, "fast", TypeError, "groups[0].lr is a str; it must be a number"),
        (1, None, TypeError, "groups[0].weight_decay is a NoneType; it must be a number"),
        (1, 10**400, ValueError, "groups[0].weight_decay is too large for a float64"),
        (2, 0.0, ValueError, "groups[0].clip_value is 0; it must be > 0"),
        (4, 2, ValueError, "groups[0].maximize is 2; it must be False or True"),
        (5, -0.5, ValueError, "groups[0].momentum is -0.5; it must be finite and >= 0"),
        (7, 0.5, ValueError, "groups[0].nesterov is 0.5; it must be 0 or 1"),
    ],
)
def test_bad_group_leaves_the_old_one(position, value, error, text):
    arguments = plan_arguments()
    plan = _core.Plan(**arguments)
    plan.set_group(0, list(GROUP))
    changed = [0.25, *GROUP[1:]]
    changed[position] = value
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        plan.set_group(0, changed)
    plan.step([None, np.ones(3)], 1, 0.5, ())
    assert arguments["parameters"][1].tolist() == [-0.5] * 3  # lr is still 0.5


@pytest.mark.parametrize("index", [-1, 1, 1 << 70])
def test_group_that_does_not_exist(index):
    with pytest.raises(ValueError, match=f"^there is no group {index}; the plan has 1$"):
        _core.Plan(**plan_arguments()).set_group(index, GROUP)


@pytest.mark.parametrize("values", [(), GROUP[:-1], (*GROUP, 0.0)])
def test_wrong_number_of_group_values(values):
    text = f"^expected 9 values for a group of sgd, got {len(values)}$"
    with pytest.raises(ValueError, match=text):
        _core.Plan(**plan_arguments()).set_group(0, values)


@pytest.mark.parametrize(
    ("clip_norm", "error", "text"),
    [
        (0.0, ValueError, "clip_norm is 0; it must be > 0"),
        (float("nan"), ValueError, "clip_norm is nan; it must be > 0"),
        ("1", TypeError, "clip_norm is a str; it must be a number"),
    ],
)
def test_bad_options_leave_the_old_ones(clip_norm, error, text):
    for old, coefficient, norm in ((1.0, 0.2, 5.0), (INF, 1.0, None)):
        plan = _core.Plan(**plan_arguments())
        plan.set_options(old, False, False)
        with pytest.raises(error, match=f"^{re.escape(text)}$"):
            plan.set_options(clip_norm, True, True)
        report = plan.step([None, np.array([3, 0, 4.0])], 1, 0.5, ())
        assert (report.clip_coefficient, report.grad_norm) == (coefficient, norm)


def test_plan_can_not_be_derived_from_or_changed():
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (_core.Plan,), {})
    with pytest.raises(TypeError, match="immutable type"):
        _core.Plan.step = None
