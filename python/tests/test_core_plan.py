"""The native Plan: values, reports, memory held and given back.

Expected values are plain stochastic gradient descent, p - lr * g, in float64.
"""

import array
import ctypes
import pickle

import numpy as np
import pytest

from .plans import INF, group, sgd_plan, step, tensor

GROUPS = ({"lr": 0.5},)


@pytest.mark.parametrize("size", [0, 1, 7, 1000, 20_000])  # 20 000: without the GIL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gradient_dtype", [np.float32, np.float64])
def test_step_is_gradient_descent(size, dtype, gradient_dtype):
    generator = np.random.default_rng(7)
    before = generator.standard_normal(size).astype(dtype)
    gradient = generator.standard_normal(size).astype(gradient_dtype)
    parameter = before.copy()
    scalars = np.zeros((1, 1))
    report = step(sgd_plan(parameter, scalars=scalars), [gradient], groups=GROUPS)
    expected = before.astype(np.float64) - 0.5 * gradient.astype(np.float64)
    # Two roundings at most, of the gradient and of the difference (0.5 * g is exact);
    # each is at most half an epsilon of what it rounds.
    bound = np.finfo(dtype).eps / 2 * (np.abs(0.5 * gradient) + np.abs(expected)) * (1 + 1e-6)
    assert np.all(np.abs(parameter - expected) <= bound)
    assert report == ("updated", 1, 0.5, GROUPS, None, 1.0, None, None, None)
    assert scalars.tolist() == [[1.0]]


def test_none_leaves_a_tensor_and_its_state_alone():
    first, second, scalars = np.ones(3), np.ones(3), np.zeros((2, 1))
    step(sgd_plan(first, second, scalars=scalars), (None, np.ones(3)))
    assert first.tolist() == [1, 1, 1]
    assert second.tolist() == [0.5, 0.5, 0.5]
    assert scalars.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    "gradient",
    [
        np.array([2, 4], np.float32),
        np.array([2, 4], np.dtype("f4", metadata={"unit": "m"})),
        np.array([2, 4], np.float64).view(type("Sub", (np.ndarray,), {})),
        array.array("d", [2, 4]),
        memoryview(array.array("f", [2, 4])),
        (ctypes.c_float * 2)(2, 4),
    ],
    ids=["ndarray", "metadata", "subclass", "array", "memoryview", "ctypes"],
)
def test_gradients_of_other_kinds(gradient):
    parameter = np.array([1.0, 1.0])
    step(sgd_plan(parameter), [gradient])
    assert parameter.tolist() == [0, -1]


@pytest.mark.parametrize("gradient", [np.float32(2), np.float64(2), np.array(2.0), 2.0, 2])
def test_gradient_of_a_single_number(gradient):
    parameter = np.array(3.0)
    step(sgd_plan(parameter), [gradient])
    assert parameter == 2


def test_gradient_through_dlpack():
    class Tensor:
        array = np.array([2.0])

        def __dlpack__(self, **keywords):
            return self.array.__dlpack__(**keywords)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    parameter = np.array([3.0])
    step(sgd_plan(parameter), [Tensor()])
    assert parameter == 2


def test_report_of_norm_and_clipping():
    plan = sgd_plan(np.zeros(1), np.zeros(1))
    plan.set_options(INF, False, True, False)
    assert step(plan, [np.array([3.0]), np.array([4.0])]).grad_norm == 5
    plan.set_options(1.0, False, False, False)
    report = step(plan, [np.array([3.0]), np.array([4.0])])
    assert (report.grad_norm, report.clip_coefficient, report.first_bad) == (5, 0.2, None)


def test_skipped_step_writes_nothing_and_does_not_count():
    first, second = np.ones(2), np.ones(2)
    plan = sgd_plan(first, second, names=("w", "b"))
    plan.set_options(INF, True, False, False)
    report = step(plan, [np.ones(2), np.array([1, np.nan])], number=8)
    assert (report.status, report.step, report.first_bad) == ("skipped", 7, "b")
    assert first.tolist() == second.tolist() == [1, 1]


def test_report_pickles():
    report = step(sgd_plan(np.ones(2)), [np.ones(2)])
    assert pickle.loads(pickle.dumps(report)) == report
    assert type(pickle.loads(pickle.dumps(report))) is type(report)


def test_momentum_buffer_is_written():
    parameter, buffer = np.zeros(2), np.zeros(2)
    plan = sgd_plan(tensor(parameter, (buffer,)), momentum=0.5)
    step(plan, [np.ones(2)])
    step(plan, [np.ones(2)], number=2)
    assert buffer.tolist() == [1.5, 1.5]  # 1, then 0.5 * 1 + 1
    assert parameter.tolist() == [-1.25, -1.25]  # 0.5 * (1 + 1.5)


def is_held(memory):
    """Whether someone holds a buffer of this bytearray, which then can't change size."""
    try:
        memory.append(0)
    except BufferError:
        return True
    memory.pop()
    return False


def held_array(size):
    memory = bytearray(8 * size)
    return memory, memoryview(memory).cast("d")


def test_parameters_and_state_are_held_until_release():
    memories, views = zip(*(held_array(2) for _ in range(3)), strict=True)
    scalars = views[2].cast("B").cast("d", (2, 1))
    plan = sgd_plan(tensor(views[0], (views[1],)), np.ones(1), scalars=scalars)
    for view in (scalars, *views):
        view_is_free = True
        try:
            view.release()
        except BufferError:  # the plan exports it
            view_is_free = False
        assert view_is_free == (view is views[2])
    plan.release()
    for view in (scalars, *views):
        view.release()
    assert not any(map(is_held, memories))


def test_gradients_are_given_back_after_success_and_failure():
    memory, view = held_array(2)
    plan = sgd_plan(np.ones(2), np.ones(2))
    step(plan, [view, None])
    with pytest.raises(ValueError, match="has shape"):
        step(plan, [view, np.ones(3)])
    with pytest.raises(ValueError, match="has shape"):
        plan.bind([view, np.ones(3)])
    strided = view[::-1]
    with pytest.raises(ValueError, match="is not C-contiguous"):
        step(plan, [strided, None])
    strided.release()
    view.release()
    assert not is_held(memory)


def test_gradient_that_changed_since_the_last_step():
    parameter, gradient = np.ones(2), np.ones(2)
    plan = sgd_plan(parameter)
    step(plan, [gradient])
    gradient.resize(3, refcheck=False)  # the same object with other memory
    with pytest.raises(ValueError, match="has shape"):
        step(plan, [gradient])
    gradient.resize(2, refcheck=False)
    gradient[:] = 3
    step(plan, [gradient])
    assert parameter.tolist() == [-1, -1]


def test_bound_gradients():
    parameter, gradient = np.zeros(2), np.ones(2)
    plan = sgd_plan(parameter)
    plan.bind([gradient])
    step(plan, None)
    gradient[:] = 3
    step(plan, None)
    assert parameter.tolist() == [-2, -2]
    step(plan, [np.full(2, -4.0)])  # given ones win, for this step
    step(plan, None)
    assert parameter.tolist() == [-1.5, -1.5]
    with pytest.raises(ValueError, match="has shape"):
        plan.bind([np.ones(3)])  # and the old ones stay bound
    step(plan, None)
    assert parameter.tolist() == [-3, -3]
    plan.bind(None)
    with pytest.raises(ValueError, match="no gradients"):
        step(plan, None)


def test_bound_gradients_are_held_until_unbound():
    memory, view = held_array(2)
    plan = sgd_plan(np.ones(2))
    plan.bind([view])
    with pytest.raises(BufferError):
        view.release()
    plan.bind(None)
    view.release()
    assert not is_held(memory)


def test_released_plan_refuses_everything():
    plan = sgd_plan(np.ones(2))
    assert plan.released is False
    plan.release()
    plan.release()
    assert plan.released is True
    for call in (
        lambda: step(plan, [np.ones(2)]),
        lambda: plan.bind(None),
        lambda: plan.receive(0, np.ones(2)),
        lambda: plan.accumulate([np.ones(2)], 1.0),
        lambda: plan.step_accumulated(1, 0.5, (), 1.0),
        lambda: plan.accumulated,
        lambda: setattr(plan, "accumulated", (False,)),
        lambda: plan.set_options(INF, False, False, False),
        lambda: plan.set_group(0, group()),
    ):
        with pytest.raises(ValueError, match=r"^this optimizer is closed$"):
            call()
