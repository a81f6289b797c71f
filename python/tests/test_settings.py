"""Hyper-parameters that differ between groups or change between steps."""

import math

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of, make_gradients, make_params
from .natives import WHOLE, option_of, option_with, parts_of
from .reference import Reference

SIZES = [7]

all_rules = pytest.mark.parametrize("name", RULES)

# Values over the first updates, unlike each other and within every bound.
SERIES = [0.25, 0.5, 0.125, 0.75, 0.375]


# What becomes of a value of the series where an option has several parts.
PARTS = {
    "betas": lambda value: (value, 1 - value, value / 2),
    "etas": lambda value: (value, 1 + value),
    "step_sizes": lambda value: (value / 100, value),
    "eps": lambda value: (value, value / 2),
    "adamw_betas": lambda value: (value, 1 - value),
}

# And where it would be out of bounds.
SHIFTED = {"d": lambda value: 1 + value, "beta2_decay": lambda value: -value}


def series(values):
    """The schedule that serves values[n] to the update after n others."""
    return so.piecewise_constant(values, boundaries=range(1, len(values)))


def scheduled_options():
    """(rule, option, values) for every number that may follow a schedule."""
    for name, description in RULES.items():
        own = [entry[0] for entry in description["hyperparameters"] if not entry[5]]
        names = dict.fromkeys(option_of(name, native) for native in own if native not in WHOLE)
        for option in ["lr", "weight_decay", "clip_value", "clip_tensor_norm", "clip_norm", *names]:
            if option != "initial_accumulator_value":  # it matters at the start only
                yield name, option


@pytest.mark.parametrize(("name", "option"), list(scheduled_options()))
def test_any_number_may_be_a_schedule(name, option):
    values = [SHIFTED[option](value) for value in SERIES] if option in SHIFTED else SERIES
    schedule = series(values)
    natives = parts_of(name, option)
    if natives:
        values = [PARTS[option](value)[: len(natives)] for value in SERIES]
        schedule = tuple(series(list(part)) for part in zip(*values, strict=True))
    params = make_params(SIZES)
    fixed = {"momentum": 0.9} if option == "dampening" else {}
    optimizer = class_of(name)(params, **fixed, **{option: schedule})
    reference = Reference(name, params, **fixed)
    for value, grads in zip(values, make_gradients(SIZES, len(values)), strict=True):
        reference.options[option] = value
        reference.step(grads)
        report = optimizer.step(grads)
        if natives:
            used = tuple(report.groups[0][native] for native in natives)
        elif option == "clip_norm":
            used = value  # of the whole optimizer: the coefficient tells, below
        else:
            used = report.groups[0][option]
        assert used == value
    # Five steps in float64: a few dozen roundings of numbers below 4.
    np.testing.assert_allclose(params["p7"], reference.params["p7"], rtol=0, atol=1e-14)


class TestStepOrigin:
    def test_the_first_update_sees_step_zero(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=series([1.0, 10.0, 100.0]))
        lrs = [optimizer.step([np.ones(1)]).lr for _ in range(3)]
        assert lrs == [1.0, 10.0, 100.0]
        assert w.tolist() == [-111.0]

    def test_skipped_steps_do_not_advance(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=series([1.0, 10.0, 100.0]), skip_nonfinite=True)
        good, bad = [np.ones(1)], [np.array([np.nan])]
        lrs = [optimizer.step(grads).lr for grads in (good, bad, bad, good, good)]
        assert lrs == [1.0, 10.0, 10.0, 10.0, 100.0]
        assert w.tolist() == [-111.0]

    def test_a_resumed_run_continues_its_schedule(self):
        schedule = series([1.0, 10.0, 100.0])
        first, second = so.SGD([np.zeros(1)], lr=schedule), so.SGD([np.zeros(1)], lr=schedule)
        first.step([np.ones(1)])
        second.load_state(first.state)
        assert second.step([np.ones(1)]).lr == 10.0

    def test_lazy_keys_follow_the_schedule_on_their_own(self):
        optimizer = so.SGD(lr=series([1.0, 10.0, 100.0]))
        w, g = np.zeros(1), np.ones(1)
        lrs = [optimizer.update(key, w, g).lr for key in ("a", "a", "b", "a", "b")]
        assert lrs == [1.0, 10.0, 1.0, 100.0, 10.0]


def test_scheduled_betas_are_corrected_by_their_products():
    """With gradients of 1 the corrected averages are 1, whatever the betas were."""
    betas = (series([0.5, 0.9, 0.25, 0.75]), series([0.9, 0.5, 0.99, 0.0]))
    w = np.zeros(1)
    optimizer = so.Adam([w], lr=1.0, betas=betas, eps=0.0)
    for n in range(1, 5):
        optimizer.step([np.ones(1)])
        assert w[0] == pytest.approx(-n, rel=1e-14)
    assert optimizer.state["0"]["beta1_product"] == 0.5 * 0.9 * 0.25 * 0.75
    assert optimizer.state["0"]["beta2_product"] == 0.0


class TestGroups:
    @all_rules
    def test_each_group_is_an_optimizer_of_its_own(self, name):
        settings = [
            {"lr": 0.1, "weight_decay": 0.2},
            {"lr": 0.01, "maximize": True, "clip_value": 0.1},
            {"clip_tensor_norm": 0.5, **BUSY_OPTIONS[name]},
            {},
        ]
        params = [make_params(SIZES, seed=seed)["p7"] for seed in range(len(settings))]
        references = [
            Reference(name, {"p7": array}, **{"weight_decay": 0.05, **own})
            for array, own in zip(params, settings, strict=True)
        ]
        groups = [{"params": [p], **own} for p, own in zip(params, settings, strict=True)]
        optimizer = class_of(name)(groups, weight_decay=0.05)
        for seed in range(5):
            grads = [make_gradients(SIZES, 1, seed=10 * seed + i)[0] for i in range(len(params))]
            report = optimizer.step([[g["p7"]] for g in grads])
            for reference, g in zip(references, grads, strict=True):
                reference.step(g)
        for array, reference in zip(params, references, strict=True):
            np.testing.assert_allclose(array, reference.params["p7"], rtol=0, atol=1e-14)
        assert len(report.groups) == len(settings)
        assert report.lr == 0.1

    def test_clip_norm_is_over_all_groups(self):
        params = [np.zeros(1), np.zeros(1)]
        groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.5}]
        report = so.SGD(groups, lr=1.0, clip_norm=1.0).step([[np.array([3.0])], [np.array([4.0])]])
        assert report.grad_norm == 5.0
        np.testing.assert_array_equal(params, [[-3 * 0.2], [-4 * 0.2 * 0.5]])


class TestChangesBetweenSteps:
    def test_lr_property(self):
        w = np.zeros(1)
        optimizer = so.SGD([{"params": [w]}, {"params": [np.zeros(1)], "lr": 7.0}], lr=1.0)
        assert optimizer.lr == 1.0
        optimizer.lr = 0.5
        assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.5]
        report = optimizer.step([[np.ones(1)], [None]])
        assert (report.lr, w.tolist()) == (0.5, [-0.5])

    def test_lr_property_takes_schedules_and_gives_them_back(self):
        optimizer = so.SGD([np.zeros(1)])
        schedule = series([1.0, 2.0])
        optimizer.lr = schedule
        assert optimizer.lr == schedule
        assert [optimizer.step([np.ones(1)]).lr for _ in range(2)] == [1.0, 2.0]

    @all_rules
    def test_every_number_of_a_group_can_be_set(self, name):
        params = make_params(SIZES)
        optimizer = class_of(name)(params, **BUSY_OPTIONS[name])
        reference = Reference(name, params, **BUSY_OPTIONS[name])
        own = [entry[0] for entry in RULES[name]["hyperparameters"] if not entry[5]]
        changes = [{"lr": 0.1}, {"weight_decay": 0.3}, {"clip_value": 0.2}, {"maximize": True}]
        averages = ("momentum", "alpha", "rho", "momentum_decay", "eps")
        changes += [{option: 0.5} for option in own if option in averages]
        parts = {"beta2": 0.25, "eta_plus": 2.0, "step_size_max": 0.25}
        changes += [
            dict([option_with(name, native, value)])
            for native, value in parts.items()
            if native in own
        ]
        gradients = make_gradients(SIZES, len(changes) + 1)
        for change, grads in zip([{}, *changes], gradients, strict=True):
            for option, value in change.items():
                optimizer.param_groups[0][option] = value
                assert optimizer.param_groups[0][option] == value
            reference.options.update(change)
            optimizer.step(grads)
            reference.step(grads)
        np.testing.assert_allclose(params["p7"], reference.params["p7"], rtol=0, atol=1e-13)

    def test_momentum_switched_on_later_finds_its_buffer(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.step([np.ones(1)])
        assert "momentum_buffer" not in optimizer.state["0"]
        optimizer.param_groups[0]["momentum"] = 0.5
        optimizer.step([np.ones(1)])
        optimizer.step([np.ones(1)])
        # 1, then buffers 1 and 0.5 + 1.
        assert w.tolist() == [-3.5]
        assert optimizer.state["0"]["momentum_buffer"].tolist() == [1.5]

    def test_clip_norm_property(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        assert optimizer.clip_norm is None
        optimizer.clip_norm = 0.5
        assert optimizer.step([np.array([2.0])]).clip_coefficient == 0.25
        optimizer.clip_norm = None
        assert optimizer.step([np.array([2.0])]).clip_coefficient == 1.0
        assert w.tolist() == [-2.5]

    def test_a_setting_that_is_refused_leaves_the_old_one(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        for value in (math.nan, -1.0, "fast"):
            with pytest.raises((TypeError, ValueError), match="lr"):
                optimizer.param_groups[0]["lr"] = value
            with pytest.raises((TypeError, ValueError), match="lr"):
                optimizer.lr = value
        with pytest.raises(KeyError, match="learning_rate"):
            optimizer.param_groups[0]["learning_rate"] = 0.5
        assert optimizer.lr == 1.0
        assert optimizer.step([np.ones(1)]).lr == 1.0

    def test_numbers_of_numpy(self):
        optimizer = so.SGD([np.zeros(1)], lr=np.float32(0.5), momentum=np.array(0.25))
        report = optimizer.step([np.ones(1)])
        assert (report.lr, report.groups[0]["momentum"]) == (0.5, 0.25)
