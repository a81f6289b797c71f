"""Schedules as values: equality, text, JSON, copies, and what is refused."""

import copy
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so
from swiftopt import _schedule, _schedule_forms, _schedule_warmup

# One call per line, as `repr` writes it: all arguments that are not the default.
TEXTS = """
constant(0.1)
step_decay(0.1, step_size=30)
step_decay(0.1, step_size=30, gamma=0.5)
piecewise_constant([0.1, 0.05], boundaries=[100])
piecewise_constant([1], boundaries=[])
multi_step(0.1, milestones=[30, 60, 90])
exponential(0.1, gamma=0.99)
linear(0.1, total=100)
linear(0.1, final=0.01, total=100)
polynomial(0.1, total=100)
polynomial(0.1, final=1e-05, total=100.5, power=2)
cosine(0.1, total=100)
warmup(0.1, warmup=10)
warmup(0.1, warmup=10, start=0.05)
warmup_cosine(0.001, warmup=500, total=10000)
warmup_cosine(0.001, warmup=0, total=10000, start=1e-06, final=1e-05)
warmup_linear(0.001, warmup=500.5, total=10000)
constant(1).then(linear(0.1, total=5), at=3)
constant(1).then(linear(0.1, total=5), at=3).then(constant(2), at=9)
constant(1).then(linear(0.1, total=5).then(constant(2), at=9), at=3)
constant(1) + constant(2)
(constant(1) + constant(2)) + constant(3)
constant(1) + (constant(2) + constant(3))
(constant(1) + constant(2)) * constant(3)
(constant(2) * cosine(0.1, total=9)).then(constant(0), at=4)
""".strip().splitlines()

NAMES = {name: getattr(so.schedules, name) for name in so.schedules.__all__}


def schedule_of(text):
    return eval(text, {"__builtins__": {}}, dict(NAMES))


EVERY = [schedule_of(text) for text in TEXTS]


def test_every_schedule_is_here():
    assert {name for name in NAMES if any(name + "(" in text for text in TEXTS)} == (
        set(NAMES) - {"Schedule"}
    )


@pytest.mark.parametrize("text", TEXTS)
def test_repr_evaluates_back(text):
    assert repr(schedule_of(text)) == text


def test_equality_is_by_value():
    for i, a in enumerate(EVERY):
        for j, b in enumerate(EVERY):
            same = i == j or {TEXTS[i], TEXTS[j]} <= {
                "linear(0.1, total=100)",
                "polynomial(0.1, total=100)",
            }
            assert (a == b) is same
            assert (a != b) is not same
    assert so.linear(1, 0, total=5) == so.linear(1.0, -0.0, total=5.0)
    assert hash(so.linear(1, total=5)) == hash(so.linear(1.0, total=np.int8(5)))
    assert so.constant(1) != 1
    assert len({*EVERY, *map(copy.copy, EVERY)}) == len(EVERY) - 1  # one pair is equal


@pytest.mark.parametrize("schedule", EVERY, ids=repr)
def test_round_trips(schedule):
    texts = (
        schedule.to_json(),
        schedule.to_json().encode(),
        json.dumps(json.loads(schedule.to_json())),
    )
    for again in (
        *map(so.Schedule.from_json, texts),
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
    ):
        assert again == schedule
        assert repr(again) == repr(schedule)


def test_json_is_readable():
    assert json.loads(so.warmup_cosine(0.001, warmup_fraction=0.1, total=100).to_json()) == {
        "schedule": "warmup_cosine", "peak": 0.001, "warmup": 10, "total": 100,
        "start": 0.0, "final": 0.0,
    }  # fmt: skip
    joined = so.constant(1).then(so.piecewise_constant([1, 2], boundaries=[3]) * 2, at=5)
    assert json.loads(joined.to_json()) == {
        "schedule": "then",
        "first": {"schedule": "constant", "value": 1},
        "second": {
            "schedule": "multiply",
            "left": {"schedule": "piecewise_constant", "values": [1, 2], "boundaries": [3]},
            "right": {"schedule": "constant", "value": 2},
        },
        "at": 5,
    }


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_json_keeps_every_bit(value):
    again = so.Schedule.from_json(so.constant(value).to_json())
    assert again(0) == so.constant(value)(0) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ("[]", 'expected an object with the key "schedule", got list'),
        ("1", 'expected an object with the key "schedule", got int'),
        ('{"peak": 1}', "got an object with ['peak']"),
        ('{"schedule": "cosin"}', "there is no schedule 'cosin'; there are then, add,"),
        ('{"schedule": ["cosine"]}', "there is no schedule ['cosine']"),
        ('{"schedule": "__init__"}', "there is no schedule '__init__'"),
        ('{"schedule": "cosine", "initial": 1}', "'cosine': cosine() missing 1 required"),
        (
            '{"schedule": "cosine", "initial": 1, "total": 5, "x": 1}',
            "got an unexpected keyword argument 'x'",
        ),
        ('{"schedule": "constant", "value": "1"}', "value is '1'; it must be a number"),
        ('{"schedule": "constant", "value": null}', "value is None; it must be a number"),
        ('{"schedule": "constant", "value": true}', "value is True; it must be a number"),
        ('{"schedule": "constant", "value": NaN}', "value is nan; it must be a finite number"),
        ('{"schedule": "constant", "value": 1e999}', "value is inf; it must be a finite number"),
        ('{"schedule": "constant", "value": [1]}', "value is [1]; it must be a number"),
        (
            '{"schedule": "constant", "value": {"schedule": "constant", "value": 1}}',
            "value is constant(1); it must be a number",
        ),
        ('{"schedule": "add", "left": 1, "right": []}', "right is []; it must be a schedule"),
        ('{"schedule": "add", "left": {"schedule": "add"}, "right": 1}', "'add': add() missing"),
        ("[" * 100_000, "nested too deeply"),
        ('{"schedule": "add", "left": ' * 100_000, "nested too deeply"),
    ],
)
def test_foreign_json_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        so.Schedule.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["schedule", "left", "right", "value", "values"]), inner)
        | st.fixed_dictionaries(
            {"schedule": st.sampled_from(sorted(_schedule._constructors))},
            optional=dict.fromkeys(["value", "left", "right", "at", "first", "second"], inner),
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_a_schedule_or_a_value_error(data):
    try:
        schedule = so.Schedule.from_json(json.dumps(data))
    except ValueError:
        return
    assert so.Schedule.from_json(schedule.to_json()) == schedule


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("constant('1')", TypeError, "value is '1'; it must be a number"),
        ("constant(True)", TypeError, "value is True; it must be a number"),
        ("constant(None)", TypeError, "value is None; it must be a number"),
        ("constant(1j)", TypeError, "value is 1j; it must be a number"),
        ("constant(nan)", ValueError, "value is nan; it must be a finite number"),
        ("constant(10**400)", ValueError, "it must be a finite number"),
        ("constant(constant(1))", TypeError, "value is constant(1); it must be a number"),
        ("step_decay(1, step_size=0)", ValueError, "step_size is 0; it must be a finite"),
        ("step_decay(1, step_size=5, gamma=-0.1)", ValueError, "gamma is -0.1"),
        ("exponential(1, gamma=inf)", ValueError, "gamma is inf; it must be a finite number >= 0"),
        ("linear(inf, total=5)", ValueError, "initial is inf; it must be a finite number"),
        ("cosine(1, nan, total=5)", ValueError, "final is nan; it must be a finite number"),
        ("cosine(1, total=0)", ValueError, "total is 0; it must be a finite number > 0"),
        ("polynomial(1, total=5, power=0)", ValueError, "power is 0; it must be a finite"),
        ("warmup(1, warmup=-1)", ValueError, "warmup is -1; it must be a finite number >= 0"),
        ("warmup(1, warmup=5, start='0')", TypeError, "start is '0'; it must be a number"),
        ("warmup_cosine(1, total=5)", TypeError, "exactly one of warmup and warmup_fraction"),
        ("warmup_cosine(1, warmup=1, warmup_fraction=0.1, total=5)", TypeError, "exactly one of"),
        ("warmup_cosine(1, warmup=5, total=5)", ValueError, "it must be less than total, 5"),
        ("warmup_linear(1, warmup_fraction=1, total=5)", ValueError, "the warm-up has 5 steps"),
        ("warmup_linear(1, warmup_fraction=-0.1, total=5)", ValueError, "warmup_fraction is -0.1"),
        ("warmup_linear(1, warmup=2, total=-5)", ValueError, "total is -5"),
        ("piecewise_constant(1, boundaries=[])", TypeError, "values is 1; it must be a sequence"),
        ("piecewise_constant([], boundaries=[])", ValueError, "values has 0 elements"),
        ("piecewise_constant([1, 2], boundaries=[1, 2])", ValueError, "must have one more"),
        ("piecewise_constant([1, 'x'], boundaries=[1])", TypeError, "values[1] is 'x'"),
        ("piecewise_constant([1, 2], boundaries=[0])", ValueError, "must be greater than 0"),
        ("piecewise_constant([1] * 3, boundaries=[5, 5])", ValueError, "the one before it, 5"),
        ("multi_step(1, milestones=[3, 2])", ValueError, "milestones[1] is 2"),
        ("multi_step(1, milestones=range(1, 2048))", ValueError, "2046"),
        ("constant(1).then(None, at=3)", TypeError, "other is None; it must be a schedule"),
        ("constant(1).then(2, at=-3)", ValueError, "at is -3; it must be a finite number >= 0"),
        ("constant(1) + 'x'", TypeError, "unsupported operand"),
        ("constant(1) * None", TypeError, "unsupported operand"),
        ("[1] + constant(1)", TypeError, "can only concatenate list"),
        ("array * constant(1)", TypeError, "unsupported operand"),
        ("constant(1) + array", TypeError, "does not support ufuncs"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(text, error, message):
    names = {**NAMES, "nan": np.nan, "inf": np.inf, "range": range, "array": np.ones(2)}
    with pytest.raises(error, match=re.escape(message)):
        eval(text, {"__builtins__": {}}, names)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (-1, ValueError), (-1e-9, ValueError), (float("nan"), ValueError), (10**400, ValueError),
        (float("inf"), ValueError), (np.float32(-1), ValueError), (np.array(-1), ValueError),
        ([0, -1], ValueError), (np.array([0, np.nan]), ValueError), ([np.inf], ValueError),
        ("1", TypeError), (None, TypeError), (1j, TypeError), (True, TypeError),
        (np.array([True]), TypeError), (np.array(["1"]), TypeError), ([None], TypeError),
    ],
)  # fmt: skip
def test_bad_steps_are_refused(step, error):
    for schedule in (so.cosine(0.1, total=10), so.constant(1) + so.constant(2)):
        with pytest.raises(error, match="step"):
            schedule(step)


def test_schedules_are_immutable():
    schedule = so.constant(1)
    for attribute in ("_program", "value"):
        with pytest.raises(AttributeError, match="can't be changed"):
            setattr(schedule, attribute, b"")
        with pytest.raises(AttributeError, match="can't be changed"):
            delattr(schedule, attribute)
    levels, edges = [1.0, 2.0], [3]
    schedule = so.piecewise_constant(levels, boundaries=edges)
    levels[0], edges[0] = 9.0, 1
    assert schedule == so.piecewise_constant([1.0, 2.0], boundaries=[3])
    assert repr(schedule) == "piecewise_constant([1.0, 2.0], boundaries=[3])"


def test_limits_are_those_of_the_native_programs():
    deepest = so.constant(1)
    for _ in range(63):
        deepest = deepest + 1
    assert deepest(0) == 64
    assert so.Schedule.from_json(deepest.to_json()) == deepest
    with pytest.raises(ValueError, match="nested deeper than 64"):
        deepest + 1
    longest = so.piecewise_constant(range(2047), boundaries=range(1, 2047))
    assert longest(2046) == 2046
    with pytest.raises(ValueError, match="at most 4096 numbers"):
        longest + longest


def test_codes_are_those_of_the_header():
    header = Path(__file__).parents[2] / "Sources" / "CSwiftOpt" / "include" / "swiftopt.h"
    section = header.read_text().partition("schedules */")[2]
    declared = dict(re.findall(r"^    SO_(\w+) = (\d+),", section, re.MULTILINE))
    used = {}
    for module in (_schedule, _schedule_forms, _schedule_warmup):
        codes = re.findall(r"^_([A-Z_]+) = (\d+)$", Path(module.__file__).read_text(), re.MULTILINE)
        used.update(codes)
    assert declared == used
