"""Arguments and steps that schedules refuse, and what they say."""

import re

import numpy as np
import pytest

import swiftopt as so

NAMES = {name: getattr(so.schedules, name) for name in so.schedules.__all__}


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
        ("warmup_cosine(1, warmup=0.05, total=5)", ValueError, "warmup is 0.05; it must be 0 or a"),
        ("warmup_cosine(1, warmup=0.05, total=5)", ValueError, "a share of total is warmup_fracti"),
        ("warmup_linear(1, warmup_fraction=5, total=9)", ValueError, "warmup_fraction is 5; it mu"),
        ("warmup(1, warmup=0.5)", ValueError, "warmup is 0.5; it must be 0 or at least 1 step"),
        ("inverse_sqrt(1, warmup=0.5)", ValueError, "warmup is 0.5; it must be 0 or at least 1"),
        ("constant(1).warmup(0.05)", ValueError, "a share of total is fraction"),
        ("constant(1).warmup(fraction=5, total=9)", ValueError, "it must be a share from 0 to 1"),
        ("multi_step(1, milestones={3: 0.1})", TypeError, "a sequence of numbers, not a mapping"),
        ("swa(0.75)", ValueError, "start is 0.75; it must be 0 or at least 1 step"),
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
        ("multi_step(1, milestones=[3], gamma=[1, 2])", ValueError, "gamma has 2 elements"),
        ("multi_step(1, milestones=[3], gamma=[-1])", ValueError, "gamma[0] is -1"),
        ("multi_step(1, milestones=[3], gamma='x')", TypeError, "gamma[0] is 'x'"),
        ("multi_step(1e308, milestones=[3], gamma=[9])", ValueError, "after milestones[0] is inf"),
        ("polynomial(1, total=5, k_decay=0)", ValueError, "k_decay is 0; it must be a finite"),
        ("cosine(1, total=5, k_decay=1e7)", ValueError, "k_decay greater than 0 and at most 1e6"),
        ("cosine_restarts(1, period=0)", ValueError, "period is 0; it must be a finite number > 0"),
        ("cosine_restarts(1, period=1, period_factor=0.9)", ValueError, "period_factor is 0.9"),
        ("cosine_restarts(1, period=1, decay=-1)", ValueError, "decay is -1"),
        ("cyclic(0, 1, rise=0)", ValueError, "rise is 0"),
        ("cyclic(0, 1, rise=1, fall=-1)", ValueError, "fall is -1"),
        ("cyclic(0, 1, rise=1, decay=1.1)", ValueError, "decay is 1.1; it must be a finite number"),
        ("cyclic(0, 1, rise=1, gamma=2)", ValueError, "gamma is 2; it must be a finite number fro"),
        ("geometric(0, 1, total=5)", ValueError, "initial is 0 and final 1; they must be both"),
        ("geometric(-1, 1, total=5)", ValueError, "initial is -1 and final 1; they must be both"),
        ("tanh(1, total=5, lower=-301)", ValueError, "must be a bound from -300 to 300"),
        ("rex(1, total=-1)", ValueError, "total is -1"),
        ("inverse_sqrt(1, timescale=0)", ValueError, "timescale is 0"),
        ("inverse_sqrt(1, warmup=-1)", ValueError, "warmup is -1"),
        ("one_cycle(1, total=10, warmup=1, warmup_fraction=0.1)", TypeError, "exactly one of warm"),
        ("one_cycle(1, total=10, warmup=10)", ValueError, "before the last have 10 steps; total i"),
        ("one_cycle(1, total=9, warmup=5, three_phase=True)", ValueError, "have 10 steps; total i"),
        ("one_cycle(1, total=9, shape='x')", ValueError, "shape is 'x'; it must be 'cosine' or 'l"),
        ("one_cycle(1, total=9, three_phase=1)", TypeError, "three_phase is 1; it must be True or"),
        ("warmup_stable_decay(1, total=9, warmup=1)", TypeError, "exactly one of decay and decay_"),
        ("warmup_stable_decay(1, total=9, warmup=5, decay=5)", ValueError, "together they must be"),
        ("slanted_triangular(1, total=9, cut_fraction=1)", ValueError, "the 9 steps up must be le"),
        ("slanted_triangular(1, total=9, ratio=0.5)", ValueError, "ratio is 0.5"),
        ("ema_warmup(1.1)", ValueError, "decay is 1.1; it must be a finite number from 0 to 1"),
        ("ema_warmup(0.9, power=0)", ValueError, "power is 0"),
        ("swa(-1)", ValueError, "start is -1"),
        ("swa(1, every=0)", ValueError, "every is 0; it must be a finite number >= 1"),
        ("constant(1).warmup()", TypeError, "exactly one of steps and fraction must be given"),
        ("constant(1).warmup(3, fraction=0.1, total=9)", TypeError, "exactly one of steps and fra"),
        ("constant(1).warmup(3, total=9)", TypeError, "total is only for a fraction of it"),
        ("constant(1).warmup(fraction=0.1)", TypeError, "a fraction needs the total"),
        ("constant(1).warmup(-1)", ValueError, "steps is -1"),
        ("constant(1).warmup(5, shape='x')", ValueError, "shape is 'x'"),
        ("constant(1).warmup(5, shape='exponential')", ValueError, "start is 0.0 and the schedule"),
        ("constant(-1).warmup(5, start=1, shape='exponential')", ValueError, "at step 0 is -1.0"),
        ("constant(1).repeat(0)", ValueError, "every is 0"),
        ("constant(1).repeat(5, times=0)", ValueError, "times is 0; it must be a finite number >="),
        ("constant(1).repeat(5, times=1.5)", ValueError, "times is 1.5; it must be a whole number"),
        ("constant(1).clamp()", TypeError, "at least one of low and high must be given"),
        ("constant(1).clamp(2, 1)", ValueError, "low is 2; it must be at most high, 1"),
        ("constant(1).clamp(high=nan)", ValueError, "high is nan"),
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
