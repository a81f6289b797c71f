"""Gradients of the native Plan that come one by one or are summed up.

Expected values are plain stochastic gradient descent, p - 0.5 * g, in exact numbers.
"""

import numpy as np
import pytest

from swiftopt import Report

from .plans import INF, sgd_plan, step, tensor

SIZES = [3, 20_000]  # with and without the GIL


# ------------------------------------------------------------------ received


@pytest.mark.parametrize("size", SIZES)
def test_received_gradients_are_those_of_one_step(size):
    first, second = np.zeros(size), np.zeros(2)
    plan = sgd_plan(first, second)
    plan.set_options(INF, False, True, False)
    plan.bind([np.full(size, 100.0), np.full(2, 100.0)])
    plan.receive(0, np.full(size, 2.0))
    assert step(plan, None).grad_norm == pytest.approx(2 * size**0.5, rel=1e-15)
    assert (first[0], first[-1], second[0]) == (-1, -1, 0)  # nothing came for the second
    step(plan, None)  # the bound ones again
    assert (first[0], second[0]) == (-51, -50)


def test_gradient_received_twice():
    parameter = np.zeros(2)
    plan = sgd_plan(parameter)
    plan.receive(0, np.full(2, 100.0))
    plan.receive(0, np.full(2, 2.0))
    with pytest.raises(ValueError, match=r"^gradient 'p0' has shape \(3,\); its parameter"):
        plan.receive(0, np.full(3, 50.0))  # and the one before it stays
    step(plan, None)
    assert parameter.tolist() == [-1, -1]


def test_received_gradients_are_held_until_the_step():
    def is_held(view):
        try:
            view.release()
        except BufferError:
            return True
        return False

    plan = sgd_plan(tensor(np.zeros(2), accumulator=np.zeros(2)))
    steps = (
        lambda: step(plan, None),
        lambda: step(plan, [np.ones(2)]),
        lambda: plan.step_accumulated(1, 0.5, (), 1.0),
        plan.release,
    )
    for run in steps:
        first, second = (memoryview(bytearray(16)).cast("d") for _ in range(2))
        plan.receive(0, first)
        plan.receive(0, second)
        assert not is_held(first)
        assert is_held(second)
        with pytest.raises(TypeError, match=r"^step_after is None; it must be an int$"):
            step(plan, None, number=None)
        assert is_held(second)
        run()
        assert not is_held(second)


def test_given_gradients_drop_the_received_ones():
    parameter, gradient = np.zeros(2), np.array([3.0, 4.0])
    plan = sgd_plan(parameter)
    plan.set_options(INF, False, True, False)
    plan.receive(0, gradient)
    gradient *= 2  # the norm is that of the gradients as they are now
    assert step(plan, [gradient]).grad_norm == 10
    assert parameter.tolist() == [-3, -4]
    with pytest.raises(
        ValueError, match=r"^no gradients: pass them, or bind or receive them first$"
    ):
        step(plan, None)


@pytest.mark.parametrize("index", [-1, 2, 1 << 70])
def test_gradient_of_no_tensor(index):
    with pytest.raises(ValueError, match=f"^there is no tensor {index}; the plan has 2$"):
        sgd_plan(np.ones(2), np.ones(2)).receive(index, np.ones(2))


def test_received_gradient_that_is_a_parameter():
    parameter = np.ones(2)
    plan = sgd_plan(parameter)
    with pytest.raises(ValueError, match="its gradient shares memory with the parameter"):
        plan.receive(0, parameter)
    with pytest.raises(ValueError, match="no gradients"):  # nothing was received
        step(plan, None)


def test_refused_gradient_after_a_received_one():
    parameter, gradient = np.ones(2), np.ones(2)
    plan = sgd_plan(parameter)
    plan.set_options(INF, False, True, False)
    plan.receive(0, gradient)
    with pytest.raises(ValueError, match="its gradient shares memory with the parameter"):
        plan.receive(0, parameter)
    gradient[:] = 3, 4
    assert step(plan, [gradient]).grad_norm == 5


# --------------------------------------------------------------- accumulated


def accumulating_plan(*sizes, dtype=np.float64):
    parameters = [np.zeros(size, dtype) for size in sizes]
    accumulators = [
        np.full(size, 99, np.float64 if dtype == np.float64 else np.float32) for size in sizes
    ]
    tensors = [
        tensor(parameter, accumulator=accumulator)
        for parameter, accumulator in zip(parameters, accumulators, strict=True)
    ]
    return parameters, accumulators, sgd_plan(*tensors)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_step_with_the_mean_of_two_batches(size, dtype):
    (parameter,), (accumulator,), plan = accumulating_plan(size, dtype=dtype)
    plan.accumulate([np.full(size, 1.0)], 3)
    plan.accumulate([np.full(size, 5.0, np.float32)], 1)
    assert (accumulator[0], accumulator[-1]) == (8, 8)  # 3 * 1 + 1 * 5, and not 99 more
    report = plan.step_accumulated(7, 0.5, (), 0.25)
    assert (parameter[0], parameter[-1]) == (-1, -1)  # 0.5 * 8 / 4
    assert (report.status, report.step, plan.step_count) == ("updated", 7, 7)
    plan.accumulate([np.full(size, 4.0)], 1)  # a new window starts at 0
    assert accumulator[0] == 4
    plan.step_accumulated(8, 0.5, (), 1.0)
    assert parameter[0] == -3


def test_window_knows_which_tensors_it_has():
    (first, second), (_, other), plan = accumulating_plan(2, 2)
    assert plan.accumulated == (False, False)
    plan.accumulate([np.ones(2), None], 1)
    assert plan.accumulated == (True, False)
    assert other.tolist() == [99, 99]
    plan.step_accumulated(1, 0.5, (), 1.0)
    assert plan.accumulated == (False, False)
    assert (first.tolist(), second.tolist()) == ([-0.5, -0.5], [0, 0])


def test_window_can_be_resumed():
    (parameter, _), (accumulator, _), plan = accumulating_plan(2, 2)
    accumulator[:] = 3
    plan.accumulated = [True, False]
    plan.accumulate([np.ones(2), None], 1)
    plan.step_accumulated(1, 0.5, (), 1.0)
    assert parameter.tolist() == [-2, -2]
    plan.accumulate([np.ones(2), np.ones(2)], 1)
    plan.accumulated = (False, False)  # and can be discarded
    assert plan.step_accumulated(2, 0.5, (), 1.0).status == "updated"
    assert parameter.tolist() == [-2, -2]


def test_bound_gradients_are_accumulated():
    (parameter,), _, plan = accumulating_plan(2)
    with pytest.raises(ValueError, match=r"^no gradients: pass them, or bind them first$"):
        plan.accumulate(None, 1.0)
    gradient = np.ones(2)
    plan.bind([gradient])
    plan.accumulate(None, 1.0)
    gradient[:] = 3
    plan.accumulate(None, 1.0)
    plan.step_accumulated(1, 0.5, (), 1.0)
    assert parameter.tolist() == [-2, -2]


def test_skipped_step_ends_the_window():
    (parameter,), _, plan = accumulating_plan(2)
    plan.set_options(INF, True, False, False)
    plan.accumulate([np.array([1, np.inf])], 1)
    report = plan.step_accumulated(5, 0.5, (), 1.0)
    assert (report.status, report.step, report.first_bad) == ("skipped", 4, "p0")
    assert plan.accumulated == (False,)
    assert parameter.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("weight", "error", "text"),
    [
        (0.0, ValueError, "weight is 0; it must be finite and > 0"),
        (-1, ValueError, "weight is -1; it must be finite and > 0"),
        (INF, ValueError, "weight is inf; it must be finite and > 0"),
        ("1", TypeError, "weight is a str; it must be a number"),
    ],
)
def test_bad_weight(weight, error, text):
    _, (accumulator,), plan = accumulating_plan(2)
    with pytest.raises(error, match=f"^{text}$"):
        plan.accumulate([np.ones(2)], weight)
    assert plan.accumulated == (False,)
    assert accumulator.tolist() == [99, 99]


def test_tensor_without_accumulator():
    plan = sgd_plan(tensor(np.ones(2), accumulator=np.ones(2)), np.ones(2))
    plan.accumulate([np.ones(2), None], 1)
    with pytest.raises(ValueError, match=r"^tensor 'p1' has no accumulator$"):
        plan.accumulate([np.ones(2), np.ones(2)], 1)
    with pytest.raises(ValueError, match=r"^tensor 'p1' has no accumulator$"):
        plan.accumulated = (False, True)
    assert plan.accumulated == (True, False)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        ((), ValueError, "accumulated must have 1 entries, one per tensor; got 0"),
        ((True, True), ValueError, "accumulated must have 1 entries, one per tensor; got 2"),
        ((1,), TypeError, r"accumulated\[0\] is 1; it must be a bool"),
        (None, TypeError, "'NoneType' object is not iterable"),
    ],
)
def test_bad_flags(value, error, text):
    _, _, plan = accumulating_plan(2)
    with pytest.raises(error, match=f"^{text}$"):
        plan.accumulated = value
    with pytest.raises(AttributeError, match=r"^accumulated can't be deleted$"):
        del plan.accumulated
    assert plan.accumulated == (False,)


def test_report_of_a_batch_that_only_accumulates():
    report = Report(("accumulating", 3, 0.5, (), None, 1.0, None, None, None))
    assert (report.status, report.step, report.update_norm) == ("accumulating", 3, None)
