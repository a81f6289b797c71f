"""The native Plan's dtypes, and the arrays that a tensor may have besides its state.

Expected values are plain stochastic gradient descent with numbers that every dtype holds
exactly, so that no rounding enters.
"""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from swiftopt import _core
from swiftopt._dtypes import BFloat16View, bfloat16_view

from .plans import sgd_plan, step, tensor

FLOATS = ["float32", "float64", "float16", "bfloat16", "view"]


def bits_of(values):
    """The bfloat16 bits of numbers that it holds exactly: the upper half of a float32."""
    return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def array(values, dtype):
    """An array of any of FLOATS; bfloat16 is ml_dtypes', a view needs no such package."""
    if dtype == "view":
        return bfloat16_view(bits_of(values))
    if dtype == "bfloat16":
        ml_dtypes = pytest.importorskip("ml_dtypes")
        return np.array(values, ml_dtypes.bfloat16)
    return np.array(values, dtype)


def numbers(values):
    """The numbers of an array of any of FLOATS."""
    if isinstance(values, BFloat16View):
        return (np.asarray(values).astype(np.uint32) << 16).view(np.float32).tolist()
    return values.astype(np.float64).tolist()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("gradient_dtype", FLOATS)
@pytest.mark.parametrize("method", ["step", "bind", "receive"])
def test_every_pair_of_dtypes(dtype, gradient_dtype, method):
    parameter, gradient = array([1, -2, 3], dtype), array([2, 4, -1], gradient_dtype)
    plan = sgd_plan(parameter)
    if method == "bind":
        plan.bind([gradient])
    elif method == "receive":
        plan.receive(0, gradient)
    step(plan, [gradient] if method == "step" else None)
    assert numbers(parameter) == [0, -4, 3.5]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_dtype_that_is_equal_but_another_object(dtype):
    gradient = pickle.loads(pickle.dumps(array([2, 4], dtype)))
    parameter = np.ones(2)
    step(sgd_plan(parameter), [gradient])
    assert parameter.tolist() == [0, -1]


def test_float16_by_its_buffer_format():
    parameter = np.ones(2)
    step(sgd_plan(parameter), [memoryview(np.array([2, 4], np.float16))])
    assert parameter.tolist() == [0, -1]


def test_view_of_a_view_has_its_own_dtype():
    parameter = np.ones(1)
    bits = bfloat16_view(bits_of([2, 4]))
    step(sgd_plan(parameter), [bits.view(np.float32)])  # still a BFloat16View by its class
    expected = 1 - 0.5 * float(np.asarray(bits).view(np.float32)[0])
    assert parameter.tolist() == [expected]


def test_other_types_of_ml_dtypes_are_refused():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match=r"^gradient 'p0' has dtype float8_e5m2; it must be float"):
        step(sgd_plan(np.ones(2)), [np.ones(2, ml_dtypes.float8_e5m2)])


def test_ml_dtypes_is_never_imported():
    code = """if True:
        import sys
        import numpy as np
        from swiftopt import _core
        fields = (np.ones(2), (None,), 0, None, None, None, None, None, False, (0, 0, 1), 0)
        plan = _core.Plan("sgd", ("w",), [fields], np.zeros((1, 1)), 1)
        try:
            plan.step([np.ones(2, np.int8)], 1, 0.5, ())
        except TypeError:
            print("ml_dtypes" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("dtype", FLOATS)
def test_slot_of_another_dtype(dtype):
    parameter, buffer = np.zeros(2, np.float32), array([0, 0], dtype)
    plan = sgd_plan(tensor(parameter, (buffer,)), momentum=0.5)
    step(plan, [np.ones(2)])
    step(plan, [np.ones(2)], number=2)
    assert numbers(buffer) == [1.5, 1.5]  # 1, then 0.5 * 1 + 1
    assert parameter.tolist() == [-1.25, -1.25]  # 0.5 * (1 + 1.5)


@pytest.mark.parametrize(("size", "blocks"), [(0, 0), (1, 1), (256, 1), (257, 2)])
def test_slot_in_eight_bits(size, blocks):
    parameter, scales = np.zeros((1, size), np.float32), np.zeros(blocks, np.float32)
    codes = np.zeros(size, np.uint8)  # with a scale of 0 whatever they are means 0
    plan = sgd_plan(tensor(parameter, ((codes, scales),)), momentum=0.5)
    step(plan, [np.ones((1, size))])
    assert scales.tolist() == [1] * blocks  # the largest magnitude of each block
    step(plan, [np.ones((1, size))], number=2)
    assert parameter.tolist() == [[-1.25] * size]
    assert scales.tolist() == [1.5] * blocks


BLOCKS = (np.zeros(300, np.uint8), np.zeros(2, np.float32))


@pytest.mark.parametrize(
    ("pair", "error", "text"),
    [
        ((BLOCKS[0][:299], BLOCKS[1]), ValueError, "codes .* has 299 elements; it must have 300"),
        ((BLOCKS[0], BLOCKS[1][:1]), ValueError, "scales .* has 1 elements; it must have 2"),
        ((BLOCKS[0], np.zeros(3, "f4")), ValueError, "scales .* has 3 elements; it must have 2"),
        ((np.zeros(300, "i1"), BLOCKS[1]), TypeError, "codes .* has dtype int8; it must be uint8"),
        ((np.zeros(300, "f4"), BLOCKS[1]), TypeError, "codes .* has dtype float32; it must be"),
        ((BLOCKS[0], np.zeros(2)), TypeError, "scales .* has dtype float64; it must be float32"),
        ((BLOCKS[0], None), TypeError, "scales .* is a NoneType; it must be an array of float32"),
        ((bytes(300), BLOCKS[1]), ValueError, "codes .* is read-only; it must be writable"),
    ],
)
def test_bad_pair(pair, error, text):
    called = "of state 'momentum_buffer' of 'p0'"
    with pytest.raises(error, match=f"^{text.replace('.*', called)}"):
        sgd_plan(tensor(np.zeros(300, np.float32), (pair,)))


def factored_rule():
    """A rule of the library with slots per row and per column of a matrix."""
    for description in _core.optimizer_descriptions():
        forms = [slot[4] for slot in description["slots"]]
        if "row" in forms and "column" in forms:
            return description
    return pytest.fail("no rule has such slots")


def factored_plan(sizes, geometry):
    """A plan of that rule for 24 elements; slots of the sizes that belong to their forms."""
    rule = factored_rule()
    slots = tuple(
        None if slot[5] == "others" or slot[1] >= 0 else np.zeros(sizes[slot[4]], np.float32)
        for slot in rule["slots"]
    )
    scalars = np.array([[value for _, value in rule["scalars"]]])
    fields = tensor(np.zeros((2, 3, 4), np.float32), slots, geometry=geometry)
    return _core.Plan(rule["name"], ("w",), [fields], scalars, 1)


@pytest.mark.parametrize(
    ("geometry", "rows", "columns"), [((3, 4, 1), 6, 8), ((6, 4, 1), 6, 4), ((2, 12, 1), 2, 12)]
)
def test_slots_per_row_and_per_column(geometry, rows, columns):
    sizes = {"full": (2, 3, 4), "row": rows, "column": columns}
    factored_plan(sizes, geometry).release()
    for form in ("row", "column"):
        text = rf"^state '.*' of 'w' has {sizes[form] + 1} elements; it must have {sizes[form]}$"
        with pytest.raises(ValueError, match=text):
            factored_plan({**sizes, form: sizes[form] + 1}, geometry)


def test_descriptions():
    for description in _core.optimizer_descriptions():
        assert description["decay"] in {"coupled", "decoupled", "own"}
        kinds = {"elementwise", "trust_step", "trust_gradient", "factored", "matrix"}
        assert description["kind"] in kinds
        for slot in description["slots"]:
            assert [type(item) for item in slot] == [str, int, int, str, str, str, bool]
            assert slot[3] in {"signed", "nonnegative", "exact"}
            assert slot[4] in {"full", "row", "column"}
            assert slot[5] in {"all", "matrices", "others"}


@pytest.mark.parametrize("dtype", ["float16", "view"])
def test_master_is_trained(dtype):
    parameter, master = array([1, 1], dtype), np.ones(2, np.float32)
    plan = sgd_plan(tensor(parameter, master=master))
    for number in (1, 2):  # 2^-13 is lost in both dtypes when it is subtracted from 1
        step(plan, [np.full(2, 2.0**-13)], number)
    assert master.tolist() == [1 - 2.0**-13] * 2
    assert numbers(parameter) == [1, 1]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "view"])
def test_copy_is_the_new_parameter(dtype):
    parameter, copy = np.array([1.0, 2.0], np.float32), array([0, 0], dtype)
    step(sgd_plan(tensor(parameter, copy=copy)), [np.ones(2)])
    assert numbers(copy) == parameter.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_average_of_the_parameter(dtype):
    parameter, average = np.zeros(2, dtype), np.full(2, 4, dtype)
    step(sgd_plan(tensor(parameter, average=average), average_decay=0.75), [np.full(2, 8.0)])
    assert average.tolist() == [2, 2]  # 0.75 * 4 + 0.25 * -4


ARRAYS = {
    "master": (np.float16, "float32", np.float64),
    "compensation": (np.float16, "float16", np.float32),
    "average": (np.float64, "float64", np.float32),
    "copy": (np.float32, "float32, float16 or bfloat16", np.float64),
    "accumulator": (np.float16, "float32", np.float16),
}


@pytest.mark.parametrize("field", ARRAYS)
def test_bad_extra_array(field):
    parameter_dtype, allowed, wrong = ARRAYS[field]
    right = allowed.split(",")[0]
    parameter = np.zeros((2, 3), parameter_dtype)
    read_only = np.zeros((2, 3), right)
    read_only.flags.writeable = False
    for bad, error, text in (
        (np.zeros((2, 3), wrong), TypeError, f"has dtype {np.dtype(wrong)}; it must be {allowed}"),
        (np.zeros((3, 2), right), ValueError, r"has shape \(3, 2\); its parameter has shape"),
        (read_only, ValueError, "is read-only; it must be writable"),
        (1.0, TypeError, f"is a float; it must be an array of {allowed} with the buffer"),
    ):
        with pytest.raises(error, match=f"^{field} of 'p0' {text}"):
            sgd_plan(tensor(parameter, **{field: bad}))
