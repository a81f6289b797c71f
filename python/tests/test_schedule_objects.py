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
from swiftopt._schedule_registry import constructors

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
polynomial(0.1, total=100, k_decay=2)
multi_step(0.1, milestones=[30, 60], gamma=[0.5, 0.1])
cosine(0.1, total=100)
cosine(0.1, final=0.01, total=100, k_decay=1.5)
cosine_restarts(0.1, period=10)
cosine_restarts(0.1, final=0.01, period=10, period_factor=2, decay=0.5)
cyclic(0.1, 0.5, rise=10)
cyclic(0.1, 0.5, rise=10, fall=20, decay=0.5, gamma=0.999)
geometric(1e-07, 10, total=100)
tanh(0.1, total=100)
tanh(0.1, final=0.01, total=100, lower=-5, upper=4)
rex(0.1, total=100)
inverse_sqrt(0.1)
inverse_sqrt(0.1, warmup=50, timescale=70, start=0.01)
one_cycle(0.1, total=100, warmup=30)
one_cycle(0.1, total=100, warmup=30, start=0.05, final=0.01, shape='linear', three_phase=True)
warmup_stable_decay(0.1, total=100, warmup=5, decay=20)
warmup_stable_decay(0.1, total=100, warmup=5, decay=20, start=0.05, final=0.01, shape='1-sqrt')
slanted_triangular(0.1, total=100)
slanted_triangular(0.1, total=100, cut_fraction=0.2, ratio=10)
ema_warmup(0.999)
ema_warmup(0.999, gamma=25, power=0.7)
swa(100)
swa(100, every=5)
warmup(0.1, warmup=10)
warmup(0.1, warmup=10, start=0.05)
warmup_cosine(0.001, warmup=500, total=10000)
warmup_cosine(0.001, warmup=0, total=10000, start=1e-06, final=1e-05)
warmup_linear(0.001, warmup=500.5, total=10000)
constant(1).then(linear(0.1, total=5), at=3)
constant(1).then(linear(0.1, total=5), at=3).then(constant(2), at=9)
constant(1).then(linear(0.1, total=5).then(constant(2), at=9), at=3)
exponential(0.1, gamma=0.9).warmup(10)
(constant(1) + constant(2)).warmup(10, start=0.1, shape='exponential')
cosine(0.1, total=10).repeat(10)
constant(1).repeat(10, times=3).warmup(5, shape='cosine')
cosine(0.1, total=10).clamp(low=0.01)
(constant(1) * constant(2)).clamp(low=0.01, high=5).then(constant(1), at=3)
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
        set(NAMES) - {"Schedule", "TrainingTime"}
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
        ('{"schedule": "cosin"}', "there is no schedule 'cosin'; there are constant,"),
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
            {"schedule": st.sampled_from(sorted(constructors))},
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
    section = header.read_text().partition("schedules */")[2].partition("/* ----")[0]
    declared = dict(re.findall(r"^    SO_(\w+) = (\d+),", section, re.MULTILINE))
    used = {}
    for module in Path(so.__file__).parent.glob("_schedule*.py"):
        used.update(re.findall(r"^_([A-Z_]+) = (\d+)$", module.read_text(), re.MULTILINE))
    assert declared == used
