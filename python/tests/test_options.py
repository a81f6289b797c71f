"""The options that every optimizer takes: names, values, and what they do to a step.

Expected values are the formulas of `Optimizer`'s documentation in float64, with numbers for
which they are exact or, where a root is taken, right to a few roundings.
"""

import numpy as np
import pytest

import swiftopt as so
from swiftopt._options import FIXED, GROUP_DEFAULTS, OPTIMIZER_DEFAULTS, Options

from .cases import RULES, class_of

all_rules = pytest.mark.parametrize("name", RULES)


def stepped(w, g, **options):
    """SGD's parameter after one step with lr 0.5."""
    w = np.array(w, np.float64)
    so.SGD([w], lr=0.5, **options).step([np.array(g, np.float64)])
    return w


class TestNames:
    @all_rules
    def test_unknown_ones_are_named_with_what_resembles_them(self, name):
        cls = class_of(name)
        with pytest.raises(TypeError) as caught:
            cls([np.ones(1)], clip_nrom=1.0)
        assert str(caught.value).startswith(f"{cls.__name__}() has no option 'clip_nrom'")
        assert "'clip_norm'" in str(caught.value)

    def test_own_hyperparameters_resemble_too(self):
        with pytest.raises(TypeError, match="'momentun'; did you mean 'momentum'"):
            so.SGD([np.ones(1)], momentun=0.9)
        with pytest.raises(TypeError, match=r"'xyzzy'$"):
            so.SGD([np.ones(1)], xyzzy=0.9)

    def test_the_types_name_each_option_once(self):
        assert set(Options.__annotations__) == {*GROUP_DEFAULTS, *OPTIMIZER_DEFAULTS}
        assert not set(GROUP_DEFAULTS) & set(OPTIMIZER_DEFAULTS)
        for option in Options.__annotations__:
            assert option in so.Optimizer.__doc__, option

    @all_rules
    def test_every_option_of_a_group_is_an_entry_and_an_attribute(self, name):
        optimizer = class_of(name)([np.ones(1)])
        for option, default in GROUP_DEFAULTS.items():
            assert optimizer.param_groups[0][option] == default
            assert getattr(optimizer, option) == default
        assert (optimizer.accumulate, optimizer.seed) == (1, 0)
        assert optimizer.report_update_norm is False
        assert optimizer.publish == {}

    def test_groups_override_them(self):
        a, b = np.ones(1), np.ones(1)
        optimizer = so.SGD(
            [{"params": [a]}, {"params": [b], "l2_penalty": 0.0}], lr=0.5, l2_penalty=0.5
        )
        optimizer.step([[np.zeros(1)], [np.zeros(1)]])
        assert (a[0], b[0]) == (1 - 0.5 * 0.5, 1.0)
        optimizer.l2_penalty = 0.0
        assert [group["l2_penalty"] for group in optimizer.param_groups] == [0.0, 0.0]
        with pytest.raises(ValueError, match=r"params\[1\]: 'l3' is not a hyper-parameter"):
            so.SGD([{"params": [a]}, {"params": [b], "l3": 0.0}])

    def test_what_shapes_the_state_is_fixed(self):
        optimizer = so.Adam([np.ones(1)], state_dtype="bfloat16", low_precision="kahan")
        for option, other in zip(FIXED, ("nearest", "float32"), strict=True):
            with pytest.raises(ValueError, match=f"^{option} can't change"):
                setattr(optimizer, option, other)
            with pytest.raises(ValueError, match=f"^{option} can't change"):
                optimizer.param_groups[0][option] = other
            setattr(optimizer, option, getattr(optimizer, option))
        with pytest.raises(AttributeError):
            optimizer.accumulate = 2
        with pytest.raises(AttributeError):
            optimizer.seed = 2

    def test_repr_shows_what_is_not_the_default(self):
        text = repr(so.SGD([np.ones(1)], l1_penalty=0.25))
        assert "l1_penalty=0.25" in text
        assert "l2_penalty" not in text


BAD = [
    ("adaptive_clip", 0.0, ValueError),
    ("adaptive_clip", "1", TypeError),
    ("l1_penalty", -1.0, ValueError),
    ("l1_penalty", None, TypeError),
    ("l2_penalty", np.inf, ValueError),
    ("ema_decay", 1.5, ValueError),
    ("ema_decay", -0.5, ValueError),
    ("ema_decay", True, TypeError),
    ("decay", "own", ValueError),
    ("decay", "L2", ValueError),
    ("decay", 1, ValueError),
    ("cautious", 1, TypeError),
    ("zero_gradient", None, TypeError),
    ("low_precision", "stochastically", ValueError),
    ("low_precision", None, ValueError),
    ("state_dtype", "int8", ValueError),
    ("state_dtype", np.int8, TypeError),
    ("state_dtype", 8, TypeError),
    ("report_update_norm", 1, TypeError),
    ("accumulate", 0, ValueError),
    ("accumulate", 1.0, TypeError),
    ("accumulate", True, TypeError),
    ("seed", -1, ValueError),
    ("seed", 2**64, ValueError),
    ("seed", None, TypeError),
    ("overrides", ["*"], TypeError),
    ("publish", 1.0, ValueError),
]


@pytest.mark.parametrize(("option", "value", "error"), BAD)
def test_refused_values(option, value, error, frozen):
    w = np.ones(2)
    with frozen(w), pytest.raises(error, match=option):
        so.Adam([w], **{option: value})


NUMBERS = ["l1_penalty", "l2_penalty", "adaptive_clip", "ema_decay"]


@pytest.mark.parametrize("option", NUMBERS)
def test_any_number_may_be_a_schedule(option):
    values = [0.25, 0.5, 0.125]
    schedule = so.piecewise_constant(values, boundaries=[1, 2])
    optimizer = so.SGD([np.ones(2)], **{option: schedule})
    assert [optimizer.step([np.ones(2)]).groups[0][option] for _ in values] == values
    assert getattr(optimizer, option) == schedule


@pytest.mark.parametrize("option", NUMBERS)
def test_a_schedule_that_goes_bad_is_told_by_the_options_name(option, refused):
    w = np.ones(2)
    schedule = so.constant(0.5).then(so.constant(-1.0), at=1)
    optimizer = so.SGD([w], **{option: schedule})
    optimizer.step([np.ones(2)])
    words = ["at step 1 of a schedule", f"{option} is -1"]
    refused(lambda: optimizer.step([np.ones(2)]), ValueError, words, optimizer, w)


class TestPenaltiesAndDecay:
    W, G = [2.0, -4.0, 0.0], [1.0, 1.0, 1.0]

    def test_penalties(self):
        np.testing.assert_array_equal(
            stepped(self.W, self.G, l1_penalty=0.5, l2_penalty=0.25),
            [2 - 0.5 * (1 + 0.5 + 0.5), -4 - 0.5 * (1 - 0.5 - 1.0), 0 - 0.5 * 1],
        )

    def test_penalties_come_after_maximize(self):
        assert stepped([2.0], [1.0], l2_penalty=0.25, maximize=True) == 2 - 0.5 * (-1 + 0.5)

    @pytest.mark.parametrize(
        ("decay", "shrinkage"),
        [("coupled", 0.5 * 0.25), ("decoupled", 0.5 * 0.25), ("independent", 0.25)],
    )
    def test_decay(self, decay, shrinkage):
        w = stepped(self.W, self.G, weight_decay=0.25, decay=decay)
        np.testing.assert_array_equal(w, np.array(self.W) * (1 - shrinkage) - 0.5)

    def test_decays_differ_where_steps_are_no_gradients(self):
        """Adam's first step is lr in the gradient's direction, whatever was coupled to it."""
        for decay, shrinkage in (("coupled", 0.0), ("decoupled", 0.0625), ("independent", 0.5)):
            w = np.array([2.0])
            adam = so.Adam([w], lr=0.125, eps=0.0, weight_decay=0.5, decay=decay)
            report = adam.step([np.array([1.0])])
            assert w[0] == pytest.approx(2 - 0.125 - shrinkage * 2, rel=1e-14)
            assert report.groups[0]["decay"] == decay

    def test_none_is_the_rules_own(self):
        for cls, decay in ((so.Adam, "coupled"), (so.AdamW, "decoupled")):
            assert cls([np.ones(1)]).step([np.ones(1)]).groups[0]["decay"] == decay

    def test_it_can_change_between_steps(self):
        w = np.array([8.0])
        optimizer = so.SGD([w], lr=0.5, weight_decay=0.5)
        optimizer.step([np.zeros(1)])
        optimizer.decay = "independent"
        optimizer.step([np.zeros(1)])
        assert w[0] == 8 * 0.75 * 0.5


class TestLimits:
    def test_adaptive_clip_looks_at_each_row(self):
        w = np.array([[3.0, 4.0], [6.0, 8.0]])
        g = np.array([[30.0, 40.0], [0.3, 0.4]])
        # |w| is 5 and 10, so the limits are 0.5 and 1; |g| is 50 and 0.5.
        expected = w - 0.5 * np.array([[0.3, 0.4], [0.3, 0.4]])
        np.testing.assert_allclose(stepped(w, g, adaptive_clip=0.1), expected, rtol=1e-14)

    def test_a_vector_is_one_unit(self):
        np.testing.assert_allclose(
            stepped([3.0, 4.0], [30.0, 40.0], adaptive_clip=0.1), [2.85, 3.8], rtol=1e-14
        )

    def test_cautious_steps_go_down_the_gradient_only(self):
        w = np.zeros(2)
        optimizer = so.SGD([w], lr=1.0, momentum=0.5, cautious=True)
        optimizer.step([np.array([4.0, 4.0])])
        before = w.copy()
        # The buffers are 0.5 * 4 + g: 1 and 3, of which the first points against its g.
        optimizer.step([np.array([-1.0, 1.0])])
        assert w[0] == before[0]
        assert w[1] < before[1]
        assert optimizer.state["0"]["momentum_buffer"].tolist() == [1.0, 3.0]


class TestGradients:
    def test_zero_gradient(self):
        params = {"a": np.zeros(3), "b": np.zeros(2)}
        grads = {"a": np.ones(3, np.float32), "b": np.ones(2)}
        so.SGD(params, lr=1.0, zero_gradient=True).step(grads)
        assert params["a"].tolist() == [-1.0] * 3
        assert grads["a"].tolist() == [0.0] * 3
        assert grads["b"].tolist() == [0.0] * 2

    def test_zero_gradient_needs_writable_ones(self, refused):
        w, gradient = np.zeros(3), np.ones(3)
        gradient.flags.writeable = False
        optimizer = so.SGD([w], zero_gradient=True)
        refused(lambda: optimizer.step([gradient]), ValueError, ["'0'", "read-only"], optimizer, w)

    def test_loss_scale_is_taken_out(self):
        plain, scaled = np.ones(3), np.ones(3)
        one, other = so.Adam([plain], clip_norm=1.0), so.Adam([scaled], clip_norm=1.0)
        gradient = np.array([1.0, -2.0, 0.5])
        for _ in range(3):
            report = one.step([gradient])
            # A power of two, so that nothing is rounded.
            assert other.step([gradient * 1024], loss_scale=1024) == report
        assert plain.tobytes() == scaled.tobytes()

    def test_samples_alone_change_nothing(self):
        w = np.zeros(1)
        so.SGD([w], lr=1.0).step([np.ones(1)], samples=32)
        assert w[0] == -1.0

    @pytest.mark.parametrize("argument", ["loss_scale", "samples"])
    @pytest.mark.parametrize(
        ("value", "error"),
        [(0.0, ValueError), (-1, ValueError), (np.nan, ValueError), (np.inf, ValueError),
         ("8", TypeError), (True, TypeError)],
    )  # fmt: skip
    def test_refused_scales(self, argument, value, error, refused):
        w = np.zeros(1)
        optimizer = so.SGD([w], accumulate=2)
        refused(
            lambda: optimizer.step([np.ones(1)], **{argument: value}),
            error, [argument], optimizer, w,
        )  # fmt: skip

    def test_update_norm(self):
        params = [np.zeros(1), np.zeros(1)]
        optimizer = so.SGD(params, lr=0.5, report_update_norm=True)
        report = optimizer.step([np.array([6.0]), np.array([8.0])])
        assert report.update_norm == pytest.approx(5.0, rel=1e-15)
        assert report.grad_norm is None
        optimizer.report_update_norm = False
        assert optimizer.step([np.ones(1), np.ones(1)]).update_norm is None
