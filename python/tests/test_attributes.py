"""Attributes of an optimizer that don't exist are refused; a typo must not pass in silence."""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so

from .cases import RULES, class_of


class Own(so.SGD):
    """A subclass with attributes of its own."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.note = "mine"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("duplicate", [lambda o: o, copy.deepcopy])
def test_every_rule_refuses_a_typo_and_names_what_was_meant(name, duplicate):
    optimizer = duplicate(class_of(name)([np.ones((2, 2))]))
    message = "has no attribute 'weigth_decay'; did you mean 'weight_decay'"
    with pytest.raises(AttributeError, match=message):
        optimizer.weigth_decay = 3
    assert not hasattr(optimizer, "weigth_decay")


@pytest.mark.parametrize("option", ["overrides", "accumulate", "seed"])
def test_options_that_are_for_good(option):
    optimizer = so.SGD([np.ones(2)])
    with pytest.raises(AttributeError, match=option):
        setattr(optimizer, option, 3)


def test_all_that_can_be_set_still_can():
    optimizer = so.SGD([np.ones(2)])
    entries = [name for name in optimizer.param_groups[0] if name != "params"]
    for name in [*entries, "clip_norm", "skip_nonfinite", "report_norm", "report_update_norm"]:
        setattr(optimizer, name, getattr(optimizer, name))
    optimizer.publish = None
    optimizer._private = 1
    assert optimizer._private == 1


def test_a_subclass_may_have_more():
    optimizer = Own([np.ones(2)], lr=0.5)
    optimizer.more = 1
    again = copy.deepcopy(optimizer)
    assert (again.note, again.more, again.lr) == ("mine", 1, 0.5)


def test_pickles_have_their_attributes():
    optimizer = pickle.loads(pickle.dumps(so.SGD([np.ones(2)], lr=0.5)))
    assert optimizer.lr == 0.5
    with pytest.raises(AttributeError, match="did you mean 'lr'"):
        optimizer.lrr = 1


def test_messages_offer_a_schedule_only_where_one_can_be():
    w = np.ones(2)
    with pytest.raises(TypeError, match=r"^lr is 'x'; it must be a number or a schedule$"):
        so.SGD([w], lr="x")
    with pytest.raises(TypeError, match=r"^clip_norm is 'x'; it must be a number, a schedule or"):
        so.SGD([w], clip_norm="x")
    optimizer = so.SGD([w], accumulate=2)
    for name in ("loss_scale", "samples"):
        with pytest.raises(TypeError, match=f"^{name} is 'x'; it must be a number$"):
            optimizer.step([w], **{name: "x"})
