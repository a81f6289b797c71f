"""The native Plan's hyper-parameters and options: what it refuses, and what it does with some.

Expected values are plain stochastic gradient descent, p - 0.5 * g, in exact numbers.
"""

import re

import numpy as np
import pytest

from .plans import INF, NAMES, group, sgd_plan, step


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("lr", -1.0, ValueError, "is -1; it must be finite and >= 0"),
        ("lr", float("nan"), ValueError, "is nan; it must be finite and >= 0"),
        ("lr", "fast", TypeError, "is a str; it must be a number"),
        ("weight_decay", None, TypeError, "is a NoneType; it must be a number"),
        ("weight_decay", 10**400, ValueError, "is too large for a float64"),
        ("clip_value", 0.0, ValueError, "is 0; it must be > 0"),
        ("momentum", -0.5, ValueError, "is -0.5; it must be finite and >= 0"),
        ("nesterov", 0.5, ValueError, "is 0.5; it must be 0 or 1"),
        ("decay", 4, ValueError, "is 4; it must be 0, 1, 2 or 3"),
        ("decay", -1, ValueError, "is -1; it must be 0, 1, 2 or 3"),
        ("decay", 1.5, ValueError, "is 1.5; it must be 0, 1, 2 or 3"),
        ("decay", 1 << 32, ValueError, f"is {1 << 32}; it must be 0, 1, 2 or 3"),
        *(
            (name, value, ValueError, f"is {value!r}; it must be False or True")
            for name in ("maximize", "cautious", "zero_gradient")
            for value in (2, -1, 0.5, float("nan"), 1 << 32)
        ),
    ],
)
def test_bad_group_leaves_the_old_one(name, value, error, text):
    parameter = np.zeros(3, np.float32)
    plan = sgd_plan(parameter)
    plan.set_group(0, list(group()))
    with pytest.raises(error, match=f"^{re.escape(f'groups[0].{name} {text}')}$"):
        plan.set_group(0, group(**{"lr": 0.25, name: value}))
    step(plan, [np.ones(3)])
    assert parameter.tolist() == [-0.5] * 3  # lr is still 0.5


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_group_is_named(name):
    text = rf"^groups\[0\]\.{name} is a str; it must be a number$"
    with pytest.raises(TypeError, match=text):
        sgd_plan(np.ones(3)).set_group(0, group(**{name: "?"}))


@pytest.mark.parametrize("index", [-1, 1, 1 << 70])
def test_group_that_does_not_exist(index):
    with pytest.raises(ValueError, match=f"^there is no group {index}; the plan has 1$"):
        sgd_plan(np.ones(3)).set_group(index, group())


@pytest.mark.parametrize("values", [(), group()[:-1], (*group(), 0.0)])
def test_wrong_number_of_group_values(values):
    text = f"^expected 16 values for a group of sgd, got {len(values)}$"
    with pytest.raises(ValueError, match=text):
        sgd_plan(np.ones(3)).set_group(0, values)


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
        plan = sgd_plan(np.zeros(3))
        plan.set_options(old, False, False, False)
        with pytest.raises(error, match=f"^{re.escape(text)}$"):
            plan.set_options(clip_norm, True, True, True)
        report = step(plan, [np.array([3, 0, 4.0])])
        assert (report.clip_coefficient, report.grad_norm) == (coefficient, norm)
        assert report.update_norm is None


def read_only(values):
    values.flags.writeable = False
    return values


def test_decay_of_the_rule_itself_is_not_for_others():
    with pytest.raises(ValueError, match=r"^groups\[0\]\.decay is 3; it must be "):
        sgd_plan(np.zeros(3)).set_group(0, group(decay=3))


def test_gradient_scale():
    parameter = np.zeros(2)
    plan = sgd_plan(parameter)
    plan.set_options(INF, False, True, False)
    assert step(plan, [np.array([3.0, 4.0])], scale=2).grad_norm == 10
    assert parameter.tolist() == [-3, -4]
    for bad in (0.0, -1.0, INF, float("nan")):
        with pytest.raises(ValueError, match=r"^gradient_scale is .*; it must be finite and > 0$"):
            step(plan, [np.ones(2)], scale=bad)
    with pytest.raises(TypeError, match=r"^gradient_scale is a str; it must be a number$"):
        step(plan, [np.ones(2)], scale="1")
    assert plan.step([np.array([3.0, 4.0])], 2, 0.5, ()).grad_norm == 5  # 1 if it isn't given


def test_update_norm():
    parameter = np.zeros(2)
    plan = sgd_plan(parameter)
    plan.set_options(INF, False, False, True)
    report = step(plan, [np.array([6.0, 8.0])])
    assert (report.update_norm, report.grad_norm) == (5, None)
    plan.set_options(INF, True, False, True)
    assert step(plan, [np.array([np.nan, 8.0])]).update_norm == 0  # skipped
    plan.set_options(INF, False, True, False)
    assert step(plan, [np.ones(2)]).update_norm is None


@pytest.mark.parametrize("method", ["step", "bind", "receive"])
def test_gradients_are_zeroed(method):
    parameter, gradient = np.zeros(2), np.ones(2, np.float32)
    plan = sgd_plan(parameter, zero_gradient=True)
    if method == "bind":
        plan.bind([gradient])
    elif method == "receive":
        plan.receive(0, gradient)
    step(plan, [gradient] if method == "step" else None)
    assert parameter.tolist() == [-0.5, -0.5]
    assert gradient.tolist() == [0, 0]


@pytest.mark.parametrize("method", ["step", "bind", "receive"])
@pytest.mark.parametrize("gradient", [read_only(np.ones(2)), memoryview(bytes(16)).cast("d")])
def test_read_only_gradient_is_not_zeroed(method, gradient):
    parameter = np.ones(2)
    plan = sgd_plan(parameter, zero_gradient=True)
    call = {
        "step": lambda: step(plan, [gradient]),
        "bind": lambda: plan.bind([gradient]),
        "receive": lambda: plan.receive(0, gradient),
    }[method]
    text = r"^gradient 'p0' is read-only; zero_gradient must write to it$"
    with pytest.raises(ValueError, match=text):
        call()
    # Nor where zero_gradient came after it.
    plan = sgd_plan(parameter)
    plan.bind([gradient]) if method == "bind" else plan.receive(0, gradient)
    plan.set_group(0, group(zero_gradient=True))
    with pytest.raises(ValueError, match=text):
        step(plan, None)
    assert parameter.tolist() == [1, 1]
    plan.set_group(0, group(zero_gradient=False))
    assert step(plan, None).status == "updated"


def test_number_is_no_gradient_to_zero():
    parameter = np.array(3.0)
    plan = sgd_plan(parameter, zero_gradient=True)
    text = r"^gradient 'p0' is a float; it must be an array of float32, .* with the buffer"
    with pytest.raises(TypeError, match=text):
        step(plan, [2.0])
    assert parameter == 3
