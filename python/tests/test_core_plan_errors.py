"""What the native Plan refuses: every message names the array, and nothing is written."""

import array
import re

import numpy as np
import pytest

from swiftopt import _core

from .plans import group, tensor


def w(**fields):
    return tensor(**{"parameter": np.zeros((4, 3)), "slots": (np.zeros((4, 3)),)} | fields)


def b(**fields):
    return tensor(**{"parameter": np.zeros(3, np.float32)} | fields)


def plan_arguments(**changes):
    """Arguments for two tensors, w of shape (4, 3) and b of shape (3,)."""
    return {
        "optimizer": "sgd",
        "names": ("w", "b"),
        "tensors": [w(), b()],
        "scalars": np.zeros((2, 1)),
        "group_count": 1,
    } | changes


def plan_of(**fields):
    """A plan whose tensor w has these fields."""
    return _core.Plan(**plan_arguments(tensors=[w(**fields), b()]))


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


FLOATS = "float32, float64, float16 or bfloat16"
BAD_ARRAYS = [
    (np.zeros((4, 3), int), TypeError, f"has dtype int64; it must be {FLOATS}"),
    (np.zeros((4, 3), object), TypeError, f"has dtype object; it must be {FLOATS}"),
    (np.zeros((4, 3), np.int8), TypeError, f"has dtype int8; it must be {FLOATS}"),
    (
        np.zeros((4, 3), np.uint16),
        TypeError,
        f"has dtype uint16; it must be {FLOATS} (so.bfloat16_view(array) declares bits of "
        "bfloat16)",
    ),
    (
        np.zeros((4, 3), ">f4"),
        TypeError,
        "has the non-native byte order of dtype >f4; "
        "pass array.astype(array.dtype.newbyteorder('='))",
    ),
    (bytearray(8), TypeError, f"has buffer format 'B'; it must be {FLOATS}"),
    (array.array("H", [1]), TypeError, f"has buffer format 'H'; it must be {FLOATS}"),
    (array.array("i", [1]), TypeError, f"has buffer format 'i'; it must be {FLOATS}"),
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
@pytest.mark.parametrize("method", ["step", "bind", "receive", "accumulate"])
def test_bad_gradient(method, gradient, error, text):
    arguments = plan_arguments()
    plan = _core.Plan(**arguments)
    grads = [gradient, np.ones(3)]
    call = {
        "step": lambda: plan.step(grads, 1, 0.5, ()),
        "bind": lambda: plan.bind(grads),
        "receive": lambda: plan.receive(0, gradient),
        "accumulate": lambda: plan.accumulate(grads, 1.0),
    }[method]
    with pytest.raises(error, match=f"^gradient 'w' {re.escape(text)}$"):
        call()
    assert not any(fields[0].any() for fields in arguments["tensors"])
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
    for advice, other in ADVICE.items():
        text = text.replace(advice, other)
    with pytest.raises(error, match=f"^parameter 'w' {re.escape(text)}$"):
        plan_of(parameter=parameter)


@pytest.mark.parametrize("parameter", [1.0, None, Opaque()])
def test_parameter_that_is_no_array(parameter):
    text = f"parameter 'w' is a {type(parameter).__name__}; it must be an array"
    with pytest.raises(TypeError, match=text):
        plan_of(parameter=parameter)


@pytest.mark.parametrize(
    "parameter", [read_only(np.zeros((4, 3))), np.float64(1), memoryview(bytes(8)).cast("d")]
)
def test_read_only_parameter(parameter):
    with pytest.raises(ValueError, match=r"^parameter 'w' is read-only; it must be writable$"):
        plan_of(parameter=parameter)


@pytest.mark.parametrize(
    ("slot", "error", "text"),
    [
        *BAD_SHAPES,
        (np.zeros((4, 3), np.uint8), TypeError, f"has dtype uint8; it must be {FLOATS}"),
        (read_only(np.zeros((4, 3))), ValueError, "is read-only; it must be writable"),
    ],
)
def test_bad_slot(slot, error, text):
    with pytest.raises(error, match=f"^state 'momentum_buffer' of 'w' {re.escape(text)}$"):
        plan_of(slots=(slot,))


SHARED = np.zeros(24)
IN_GROUPS = "it must be in 0 ..< group_count, 1"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"optimizer": "sgdd"}, ValueError, "there is no optimizer called 'sgdd'"),
        ({"names": ("w",)}, ValueError, "tensors has 2 entries; names has 1"),
        ({"names": ("w", 1)}, TypeError, "names[1] is 1; it must be a str"),
        ({"tensors": [w(), b()[:-1]]}, ValueError, "the tensor of 'b' must be a tuple of length"),
        ({"tensors": [w(), None]}, ValueError, "the tensor of 'b' must be a tuple of length 11"),
        ({"tensors": [w(), list(b())]}, ValueError, "the tensor of 'b' must be a tuple of length"),
        ({"tensors": [w(), b(slots=())]}, ValueError, "slots of 'b' must be a tuple of length 1"),
        ({"tensors": [w(), b(slots=None)]}, ValueError, "slots of 'b' must be a tuple of length"),
        ({"tensors": [w(), b(slots=((None,),))]}, ValueError, "codes and scales of 'b' must be a"),
        ({"tensors": [w(), b(geometry=(0, 0))]}, ValueError, "rows, columns and units of 'b' must"),
        ({"tensors": [w(), b(group=1)]}, ValueError, f"group of 'b' is 1; {IN_GROUPS}"),
        ({"tensors": [w(group=-1), b()]}, ValueError, f"group of 'w' is -1; {IN_GROUPS}"),
        ({"tensors": [w(), b(group=1 << 70)]}, ValueError, f"group of 'b' is {1 << 70}; it must"),
        ({"tensors": [w(), b(key=-1)]}, ValueError, "key of 'b' is -1; it must be in 0 ... "),
        ({"tensors": [w(key=1 << 64), b()]}, ValueError, f"key of 'w' is {1 << 64}; it must be in"),
        ({"tensors": [w(key=1.0), b()]}, TypeError, "key of 'w' is 1.0; it must be an int"),
        ({"tensors": [w(geometry=(-4, 3, 1)), b()]}, ValueError, "rows of 'w' is -4; it must be"),
        ({"tensors": [w(geometry=(4, None, 1)), b()]}, TypeError, "columns of 'w' is None; it"),
        *(
            (
                {"tensors": [w(geometry=(rows, columns, 1)), b()]},
                ValueError,
                "'w' has 12 elements, which are no whole number of matrices of "
                f"{rows} rows and {columns} columns",
            )
            for rows, columns in [(4, 0), (0, 3), (4, 2), (5, 3), (12, 2), (1 << 40, 1 << 40)]
        ),
        ({"seed": -1}, ValueError, "seed is -1; it must be in 0 ... 2**64 - 1"),
        ({"seed": 0.5}, TypeError, "seed is 0.5; it must be an int"),
        ({"group_count": -1}, ValueError, "group_count is -1; it must be at least 0"),
        ({"scalars": np.zeros((2, 2))}, ValueError, "scalars must have shape (2, 1)"),
        ({"scalars": np.zeros(2)}, ValueError, "scalars must have shape (2, 1)"),
        ({"scalars": np.zeros((2, 1), "f4")}, TypeError, "scalars has dtype float32; it must be"),
        ({"scalars": read_only(np.zeros((2, 1)))}, ValueError, "scalars is read-only"),
        (
            {"tensors": [w(parameter=SHARED[:12].reshape(4, 3)), b(parameter=SHARED[11:14])]},
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
        _core.Plan(**arguments).step([arguments["tensors"][0][0], None], 1, 0.5, ())


def test_missing_slot():
    plan = _core.Plan(**plan_arguments())
    plan.set_group(0, group(momentum=0.9))
    with pytest.raises(ValueError, match=r"^tensor 'b': its momentum_buffer is NULL, and a"):
        plan.step([None, np.ones(3)], 1, 0.5, ())


def test_step_number_must_be_an_int():
    plan = _core.Plan(**plan_arguments())
    with pytest.raises(TypeError, match=r"^step_after is 1.0; it must be an int$"):
        plan.step([np.ones((4, 3)), None], 1.0, 0.5, ())


def test_plan_can_not_be_derived_from_or_changed():
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (_core.Plan,), {})
    with pytest.raises(TypeError, match="immutable type"):
        _core.Plan.step = None
