"""Every array that is refused: the exception, its words, and that nothing was written.

Each table has rows (id, arguments..., exception, words that the message must hold).
"""

import numpy as np
import pytest

import swiftopt as so

from .cases import RULES, class_of


def read_only(array):
    array.flags.writeable = False
    return array


def overlapping(shift, dtype=np.float64, size=100):
    block = np.ones(size + shift, dtype)
    return [block[:size], block[shift:]]


# Parameters, each refused when the optimizer is made.
PARAMS = [
    ("read-only", lambda: {"w": read_only(np.ones(3))}, ValueError, ["'w'", "read-only"]),
    ("strided", lambda: {"w": np.ones(6)[::2]}, ValueError, ["'w'", "contiguous"]),
    ("reversed", lambda: {"w": np.ones(6)[::-1]}, ValueError, ["'w'", "contiguous"]),
    ("Fortran", lambda: {"w": np.ones((3, 2), order="F")}, ValueError, ["'w'", "contiguous"]),
    ("broadcast", lambda: {"w": np.broadcast_to(np.ones(1), 3)}, ValueError, ["'w'"]),
    ("int", lambda: {"w": np.ones(3, int)}, TypeError, ["'w'", "int64", "float16 or bfloat16"]),
    ("bool", lambda: {"w": np.ones(3, bool)}, TypeError, ["'w'", "bool"]),
    ("complex", lambda: {"w": np.ones(3, complex)}, TypeError, ["'w'", "complex128"]),
    ("bits", lambda: {"w": np.ones(3, np.uint16)}, TypeError, ["'w'", "uint16", "bfloat16_view"]),
    ("longdouble", lambda: {"w": np.ones(3, np.longdouble)}, TypeError, ["'w'"]),
    ("object", lambda: {"w": np.ones(3, object)}, TypeError, ["'w'", "object"]),
    ("structured", lambda: {"w": np.zeros(3, "f4,f4")}, TypeError, ["'w'"]),
    ("big-endian", lambda: {"w": np.ones(3, ">f4")}, TypeError, ["'w'", "byte order"]),
    ("string", lambda: "w", TypeError, ["params", "str"]),
    ("strings", lambda: ["w"], TypeError, ["params", "'0'", "str"]),
    ("number", lambda: {"w": 1.0}, TypeError, ["'w'", "float"]),
    ("NumPy number", lambda: {"w": np.float64(1.0)}, TypeError, ["'w'", "float64"]),
    ("list of numbers", lambda: {"w": [1.0, 2.0]}, TypeError, ["'w.0'", "float"]),
    ("generator", lambda: (w for w in [np.ones(3)]), TypeError, ["params", "generator"]),
    ("iterator", lambda: iter([np.ones(3)]), TypeError, ["params", "list_iterator"]),
    ("set", lambda: {1, 2}, TypeError, ["params", "set"]),
    ("None in a list", lambda: [np.ones(3), None], TypeError, ["params", "'1'", "NoneType"]),
    ("object in a list", lambda: [object()], TypeError, ["'0'", "object"]),
    ("key of a dict", lambda: {1.5: np.ones(3)}, TypeError, ["params", "1.5"]),
    ("same twice", lambda: [(w := np.ones(3)), w], ValueError, ["'0'", "'1'", "shares memory"]),
    ("overlap", lambda: overlapping(1), ValueError, ["'0'", "'1'", "shares memory"]),
    ("overlap by one", lambda: overlapping(99), ValueError, ["'0'", "'1'", "shares memory"]),
    ("array and its view", lambda: [(w := np.ones((3, 2))), w[1]], ValueError, ["shares memory"]),
]


@pytest.mark.parametrize(
    ("make", "error", "words"), [row[1:] for row in PARAMS], ids=[row[0] for row in PARAMS]
)
def test_parameters(make, error, words, frozen):
    params = make()
    with frozen(params), pytest.raises(error) as caught:
        so.Adam(params)
    for word in words:
        assert word in str(caught.value)


def state_of(optimizer):
    return optimizer.state["b"]["exp_avg"]


# Gradients for Adam over {"w": float64 (4, 2), "b": float64 (4,)}: made from the
# parameters and the optimizer.
GRADS = [
    ("shape", lambda p, o: {"w": np.ones((2, 4))}, ValueError, ["'w'", "(2, 4)", "(4, 2)"]),
    ("flat", lambda p, o: {"w": np.ones(8)}, ValueError, ["'w'", "(8,)"]),
    ("strided", lambda p, o: {"b": np.ones(8)[::2]}, ValueError, ["'b'", "contiguous"]),
    ("transposed", lambda p, o: {"w": np.ones((2, 4)).T}, ValueError, ["'w'", "contiguous"]),
    ("int", lambda p, o: {"b": np.ones(4, int)}, TypeError, ["'b'", "int64"]),
    ("complex", lambda p, o: {"b": np.ones(4, complex)}, TypeError, ["'b'", "complex128"]),
    ("bits", lambda p, o: {"b": np.ones(4, np.uint16)}, TypeError, ["'b'", "bfloat16_view"]),
    ("big-endian", lambda p, o: {"b": np.ones(4, ">f8")}, TypeError, ["'b'", "byte order"]),
    ("object", lambda p, o: {"b": np.ones(4, object)}, TypeError, ["'b'", "object"]),
    ("list of numbers", lambda p, o: {"b": [1.0] * 4}, TypeError, ["'b'", "list"]),
    # A shape that doesn't fit for step; for bind a number that could never change.
    ("number", lambda p, o: {"b": 1.0}, (TypeError, ValueError), ["'b'"]),
    ("string", lambda p, o: {"b": "1"}, TypeError, ["'b'", "str"]),
    ("bytes", lambda p, o: {"b": b"12345678" * 4}, TypeError, ["'b'"]),
    ("own parameter", lambda p, o: {"w": p["w"]}, ValueError, ["'w'", "shares memory"]),
    ("other parameter", lambda p, o: {"b": p["w"][:2].ravel()}, ValueError, ["'b'", "'w'"]),
    ("own state", lambda p, o: {"b": state_of(o)}, ValueError, ["'b'", "exp_avg"]),
    ("last byte", lambda p, o: {"b": p["w"].view(np.float32).ravel()[12:]}, ValueError, ["'b'"]),
]
FORMS = [
    ("missing key", lambda w, b: {"w": w}, ValueError, ["grads", "'b'", "missing"]),
    ("surplus key", lambda w, b: {"w": w, "b": b, "c": b}, ValueError, ["grads", "'c'"]),
    ("renamed key", lambda w, b: {"w": w, "c": b}, ValueError, ["grads", "'b'", "'c'"]),
    ("list", lambda w, b: [w, b], TypeError, ["grads", "list", "dict"]),
    ("array", lambda w, b: w, TypeError, ["grads", "ndarray", "dict"]),
    ("string", lambda w, b: "wb", TypeError, ["grads", "str"]),
    ("nested", lambda w, b: {"w": {"x": w}, "b": b}, TypeError, ["'w'", "dict"]),
]


def bound_adam():
    params = {"w": np.ones((4, 2)), "b": np.ones(4)}
    optimizer = so.Adam(params)
    optimizer.step({"w": np.ones((4, 2)), "b": np.ones(4)})
    return params, optimizer


@pytest.mark.parametrize("check", [{}, {"clip_norm": 1.0}], ids=["plain", "clip_norm"])
@pytest.mark.parametrize(
    ("make", "error", "words"), [row[1:] for row in GRADS], ids=[row[0] for row in GRADS]
)
def test_gradients(make, error, words, check, refused):
    params = {"w": np.ones((4, 2)), "b": np.ones(4)}
    optimizer = so.Adam(params, **check)
    good = {"w": np.ones((4, 2)), "b": np.ones(4)}
    optimizer.step(good)
    grads = {**good, **make(params, optimizer)}
    refused(lambda: optimizer.step(grads), error, words, optimizer, params, grads)
    # Bound, an overlap shows at the step.
    refused(
        lambda: (optimizer.bind(grads), optimizer.step()), error, words, optimizer, params, grads
    )
    optimizer.step(good)
    assert optimizer.step_count == 2


@pytest.mark.parametrize(
    ("make", "error", "words"), [row[1:] for row in FORMS], ids=[row[0] for row in FORMS]
)
def test_forms_of_gradients(make, error, words, refused):
    params, optimizer = bound_adam()
    grads = make(np.ones((4, 2)), np.ones(4))
    for call in (lambda: optimizer.step(grads), lambda: optimizer.bind(grads)):
        refused(call, error, words, optimizer, params, grads)


@pytest.mark.parametrize(
    ("grads", "error", "words"),
    [
        ([np.ones(3)], ValueError, ["2", "1"]),
        ([np.ones(3)] * 3, ValueError, ["2", "3"]),
        ([], ValueError, ["2", "0"]),
        ({"0": np.ones(3), "1": np.ones(3)}, TypeError, ["grads", "dict", "list"]),
        (np.ones((2, 3)), TypeError, ["grads", "ndarray"]),
        ((g for g in [np.ones(3)] * 2), TypeError, ["grads", "generator"]),
        ([[1.0, 2.0, 3.0], None], TypeError, ["'0'", "list"]),
        (None, ValueError, ["bind"]),
    ],
    ids=["short", "long", "empty", "dict", "array", "generator", "numbers", "none bound"],
)
def test_lists_of_gradients(grads, error, words, refused):
    params = [np.ones(3), np.ones(3)]
    optimizer = so.Adam(params)
    refused(lambda: optimizer.step(grads), error, words, optimizer, params)


@pytest.mark.parametrize("name", RULES)
def test_lazy_calls(name, refused):
    optimizer = class_of(name)()
    w, gradient = np.ones(3), np.ones(3)
    optimizer.update("w", w, gradient)
    rows = [
        ((w, np.ones(4)), ValueError, "'w'"),
        ((w, w), ValueError, "shares memory"),
        ((np.ones(4), np.ones(4)), ValueError, "'w'"),
        ((np.ones(3, np.float32), gradient), (TypeError, ValueError), "'w'"),
        ((read_only(np.ones(3)), gradient), ValueError, "read-only"),
        ((1.0, 1.0), TypeError, "'w'"),
        ((w, [1.0, 1.0, 1.0]), TypeError, "'w'"),
    ]
    for (param, grad), error, word in rows:
        refused(
            lambda param=param, grad=grad: optimizer.update("w", param, grad),
            error, [word], optimizer, w, gradient, param, grad,
        )  # fmt: skip
    assert optimizer.update("w", w, gradient).step == 2
