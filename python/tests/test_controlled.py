"""Controlled values: expressions of schedules, numbers and plateaus, in any hyper-parameter.

Expected values: the schedules' own, combined by hand with the plateau's value.
"""

import copy
import math
import pickle

import numpy as np
import pytest

import swiftopt as so
from swiftopt._varying import Varying, controls_of

from .cases import RULES, class_of


def halved():
    """A plateau that is at 1, and will be at 0.5 after the next observation."""
    plateau = so.ReduceOnPlateau(0.5, patience=0)
    plateau.observe(1.0)
    return plateau


def drop(plateau):
    assert plateau.observe(1.0)


class TestExpressions:
    line = so.linear(1.0, total=10)

    @pytest.mark.parametrize(
        ("make", "before", "after"),
        [
            (lambda p: p, 1.0, 0.5),
            (lambda p: 0.1 * p, 0.1, 0.05),
            (lambda p: p * 2, 2.0, 1.0),
            (lambda p: np.float64(3) * p, 3.0, 1.5),
            (lambda p: np.float32(0.5) + p, 1.5, 1.0),
            (lambda p: p + 1, 2.0, 1.5),
            (lambda p: TestExpressions.line * p, 0.6, 0.3),
            (lambda p: p * TestExpressions.line, 0.6, 0.3),
            (lambda p: TestExpressions.line + p, 1.6, 1.1),
            (lambda p: p * p, 1.0, 0.25),
            (lambda p: p + p, 2.0, 1.0),
            (lambda p: (3 * p).clamp(low=2), 3.0, 2.0),
            (lambda p: (3 * p).clamp(high=2), 2.0, 1.5),
            (lambda p: p.clamp(0.75, 0.8), 0.8, 0.75),
            (lambda p: so.warmup(1.0, warmup=2).then(8 * p, at=2), 8.0, 4.0),
            (lambda p: p.then(so.linear(1.0, total=4), at=2), 0.5, 0.5),
            (lambda p: p.then(7, at=5), 1.0, 0.5),
            (lambda p: (8 * p).warmup(16), 2.0, 1.0),
            (lambda p: (8 * p).warmup(8, start=2), 5.0, 3.0),
            (lambda p: p.then(7, at=1).warmup(2), 7.0, 7.0),
            (lambda p: so.constant(1).then(p.then(p + 1, at=1), at=3), 2.0, 1.5),
        ],
    )
    def test_values(self, make, before, after):
        plateau = halved()
        value = make(plateau)
        assert value(4) == pytest.approx(before, rel=1e-15)
        drop(plateau)
        assert value(4) == pytest.approx(after, rel=1e-15)
        assert value.controls == (plateau,)

    def test_then_counts_anew(self):
        value = (2 * halved()).then(so.linear(1.0, total=10), at=5)
        assert [value(n) for n in (0, 4, 5, 10, 15)] == [2.0, 2.0, 1.0, 0.5, 0.0]

    @pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
    def test_a_warm_up_is_that_of_schedules(self, shape):
        plateau, line = halved(), so.linear(8.0, total=90)
        arguments = {"fraction": 0.1, "total": 100, "start": 0.5, "shape": shape}
        value, expected = (line * plateau).warmup(**arguments), line.warmup(**arguments)
        assert [value(n) for n in range(40)] == expected(np.arange(40)).tolist()
        drop(plateau)
        expected = (line * 0.5).warmup(**arguments)
        assert [value(n) for n in range(40)] == expected(np.arange(40)).tolist()
        with pytest.raises(TypeError, match="exactly one of steps and fraction"):
            plateau.warmup()

    def test_repr_is_the_expression(self):
        plateau = so.ReduceOnPlateau(0.5)
        text = "ReduceOnPlateau(factor=0.5)"
        for value, expected in [
            (0.1 * plateau, f"0.1 * {text}"),
            (so.constant(1.0) * plateau + 2, f"(constant(1.0) * {text}) + 2"),
            ((0.1 * plateau).warmup(500), f"(0.1 * {text}).warmup(500)"),
            (plateau.warmup(5, start=0.5, shape="cosine"),
             f"{text}.warmup(5, start=0.5, shape='cosine')"),
            ((1 + plateau).clamp(low=0.1), f"(1 + {text}).clamp(low=0.1)"),
            (plateau.clamp(0.1, 0.5), f"{text}.clamp(low=0.1, high=0.5)"),
            ((so.constant(1) + 2) * plateau, f"(constant(1) + constant(2)) * {text}"),
            (so.warmup(0.1, warmup=5).then(0.1 * plateau, at=5),
             f"warmup(0.1, warmup=5).then(0.1 * {text}, at=5)"),
        ]:  # fmt: skip
            assert repr(value) == expected

    def test_controls_come_once_and_in_order(self):
        a, b, c = so.ReduceOnPlateau(), so.ReduceOnPlateau(), so.ReduceOnPlateau()
        value = so.constant(1).then(b * (a + b), at=3) * c
        assert [control is p for control, p in zip(value.controls, (b, a, c), strict=True)] == [
            True
        ] * 3
        assert controls_of((a * b, b * c, 0.5)) == (a, b, c)
        assert controls_of(so.constant(1)) == controls_of(0.1) == controls_of(None) == ()

    def test_pure_schedules_stay_pure(self):
        value = so.warmup(0.1, warmup=5).then(so.linear(0.1, total=9), at=5) * 2 + 1
        assert type(value) is so.Schedule
        assert isinstance(value, Varying)

    @pytest.mark.parametrize("other", ["2", None, [1.0], np.ones(2), True, 1j])
    def test_other_operands_are_refused(self, other):
        plateau = so.ReduceOnPlateau()
        for operate in (
            lambda: plateau * other,
            lambda: other * plateau,
            lambda: plateau + other,
            lambda: other + plateau,
            lambda: plateau.then(other, at=3),
        ):
            with pytest.raises(TypeError):
                operate()

    def test_numbers_must_be_finite(self):
        plateau = so.ReduceOnPlateau()
        for make in (
            lambda: plateau * math.nan,
            lambda: math.inf + plateau,
            lambda: plateau.then(1.0, at=-1),
            lambda: so.constant(1).then(plateau, at=math.nan),
            lambda: plateau.clamp(math.nan),
            lambda: plateau.warmup(-1),
            lambda: plateau.warmup(5, start=math.inf),
            lambda: plateau.clamp(2, 1),
        ):
            with pytest.raises(ValueError, match="must be"):
                make()
        with pytest.raises(TypeError, match="low, high or both"):
            plateau.clamp()

    def test_a_loop_does_not_pile_up_levels(self):
        value = 1.0 * so.ReduceOnPlateau()
        for _ in range(63):
            value = 0.5 * value
        assert value(0) == 2.0**-63
        with pytest.raises(ValueError, match="more than 64 levels"):
            _ = 0.5 * value

    def test_it_is_immutable_and_a_thing_of_its_own(self):
        plateau = so.ReduceOnPlateau()
        value = 0.1 * plateau
        with pytest.raises(AttributeError, match="can't be changed"):
            value._operation = "+"
        assert value != 0.1 * plateau
        assert {value: 1}[value] == 1


class TestCalls:
    @pytest.mark.parametrize("step", [np.arange(3), [1, 2], "1", None, True])
    def test_one_step_at_a_time(self, step):
        with pytest.raises(TypeError, match="it must be one number"):
            (0.1 * so.ReduceOnPlateau())(step)

    @pytest.mark.parametrize("step", [-1, -0.5, math.nan, math.inf])
    def test_steps_that_there_are_not(self, step):
        with pytest.raises(ValueError, match="finite and >= 0"):
            (0.1 * so.ReduceOnPlateau())(step)

    def test_no_json(self):
        for value in (so.ReduceOnPlateau(), 0.1 * so.ReduceOnPlateau()):
            with pytest.raises(TypeError, match="can't be JSON"):
                value.to_json()


class TestInOptimizers:
    @pytest.mark.parametrize("name", RULES)
    def test_every_number_of_every_rule(self, name):
        """A controlled value is used as the number that it is at that moment."""
        plateau = so.ReduceOnPlateau(0.5, patience=0)
        cls = class_of(name)
        plain = cls([np.ones(6, np.float32).reshape(2, 3)])
        for entry, value in plain.param_groups[0].items():
            if entry == "params" or type(value) is not float:
                continue
            w = np.ones(6, np.float32).reshape(2, 3)
            v = w.copy()
            optimizer = cls([w], **{entry: value * plateau})
            twin = cls([v], **{entry: value})
            for _ in range(2):
                for o in (optimizer, twin):
                    o.step([np.full((2, 3), 0.1, np.float32)])
            assert w.tobytes() == v.tobytes(), entry

    def test_the_next_step_uses_it(self):
        plateau = halved()
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        optimizer = so.SGD(
            params, lr=4 * plateau, clip_norm=10 * plateau, overrides={"b": {"lr": 1 + plateau}}
        )
        grads = {"a": np.ones(1), "b": np.ones(1)}
        optimizer.step(grads)
        assert [array[0] for array in params.values()] == [-4.0, -2.0]
        drop(plateau)
        report = optimizer.step(grads)
        assert [array[0] for array in params.values()] == [-6.0, -3.5]
        assert (report.lr, report.groups[1]["lr"]) == (2.0, 1.5)

    def test_clip_norm(self):
        plateau, w = halved(), np.zeros(1)
        optimizer = so.SGD([w], lr=1.0, clip_norm=2 * plateau)
        optimizer.step([np.array([8.0])])
        drop(plateau)
        assert optimizer.step([np.array([8.0])]).clip_coefficient == 1 / 8
        assert w[0] == -3.0

    def test_betas_and_several_optimizers_share_one(self):
        plateau = halved()
        adam = so.Adam([np.ones(1)], betas=(0.8 * plateau, 0.999))
        sgd = so.SGD([np.ones(1)], lr=0.1 * plateau, momentum=0.5 * plateau)
        drop(plateau)
        assert adam.step([np.ones(1)]).groups[0]["beta1"] == 0.4
        used = sgd.step([np.ones(1)]).groups[0]
        assert (used["lr"], used["momentum"]) == (0.05, 0.25)

    def test_lazy_and_functional_forms(self):
        plateau, w = halved(), np.zeros(1)
        lazy = so.SGD(lr=1.0 * plateau)
        lazy.update("w", w, np.ones(1))
        drop(plateau)
        lazy.update("w", w, np.ones(1))
        assert w[0] == -1.5
        new, _, report = lazy.apply([w], [np.ones(1)], lazy.init([w]))
        assert (new[0][0], report.lr) == (-2.0, 0.5)

    def test_assignment_between_steps(self):
        plateau, w = halved(), np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.step([np.ones(1)])
        drop(plateau)
        optimizer.lr = so.constant(1.0) * plateau
        optimizer.step([np.ones(1)])
        assert w[0] == -1.5

    def test_out_of_bounds_says_when(self, refused):
        plateau, w = halved(), np.zeros(1)
        optimizer = so.SGD([w], lr=1.0 + -1.5 * (1.0 + -1 * plateau))
        optimizer.step([np.ones(1)])
        drop(plateau)
        optimizer.step([np.ones(1)])
        plateau.observe(1.0)
        refused(lambda: optimizer.step([np.ones(1)]), ValueError, ["at step 2", "lr"], optimizer, w)

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
    def test_copies_go_on_by_themselves(self, duplicate):
        plateau, w = halved(), np.zeros(1)
        optimizer = so.SGD({"w": w}, lr=1.0 * plateau, momentum=0.5 * plateau)
        optimizer.step({"w": np.ones(1)})
        twin = duplicate(optimizer)
        (own,) = controls_of((twin.lr, twin.momentum))
        assert own is not plateau
        drop(plateau)
        assert own.value == 1.0
        drop(own)
        for o in (optimizer, twin):
            assert o.step({"w": np.ones(1)}).lr == 0.5
        assert twin.param_groups[0]["params"][0].tobytes() == w.tobytes()

    def test_a_copy_together_with_its_plateau(self):
        plateau = halved()
        pair = (so.SGD([np.zeros(1)], lr=1.0 * plateau), plateau)
        twin, own = copy.deepcopy(pair)
        drop(own)
        assert twin.step([np.ones(1)]).lr == 0.5
