"""State_dicts of torch that don't fit are refused, and nothing was changed then."""

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .cases import bits
from .torch_dicts import GRADIENTS, PARAMS, params_of, recorded


def entries_of(optimizer):
    return [
        {name: value for name, value in group.items() if name != "params"}
        for group in optimizer.param_groups
    ]


@pytest.fixture
def refused_dict(refused):
    """The import raises, and parameters, state and hyper-parameters stay."""

    def check(optimizer, params, state_dict, error, words, **options):
        before = copy.deepcopy(entries_of(optimizer))
        words = [words] if isinstance(words, str) else words
        refused(
            lambda: so.load_torch_state_dict(optimizer, state_dict, **options),
            error, words, optimizer, params,
        )  # fmt: skip
        assert entries_of(optimizer) == before

    return check


def edited(path, value):
    """The dict of Adam with another value in one place; ... removes it."""
    state_dict = place = recorded("Adam")
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return state_dict


GROUP, FIRST = ("param_groups", 0), ("state", 0)
NAN = float("nan")
CASES = [
    # The whole.
    (("state",), ..., ValueError, "'param_groups'; that of an optimizer has 'state' and"),
    (("epoch",), 3, ValueError, "'state', 'param_groups', 'epoch'"),
    (("state",), [], TypeError, "state is a list; it must be a dict"),
    (("param_groups",), {}, TypeError, "param_groups is a dict; it must be a list"),
    (("param_groups",), [3], TypeError, "param_groups[0] is a int; it must be a dict"),
    (("param_groups",), [], ValueError, "0 groups with parameters; this optimizer has 1"),
    # Which parameters there are.
    ((*GROUP, "params"), ..., TypeError, "param_groups[0]['params'] must be the list"),
    ((*GROUP, "params"), [0], ValueError, "has 1 parameters; the group here has 2"),
    ((*GROUP, "params"), [0, 1, 2], ValueError, "has 3 parameters; the group here has 2"),
    ((*GROUP, "params"), [0, 0], ValueError, "a parameter twice"),
    ((*GROUP, "params"), [0, []], TypeError, "param_groups[0]['params'][1] is []"),
    ((*GROUP, "param_names"), ["b", "a"], ValueError, "is 'b'; the parameter in that place"),
    (("state", 2), {}, ValueError, "state[2] belongs to no parameter"),
    (FIRST, [1], TypeError, "state[0] is a list; it must be a dict"),
    # Hyper-parameters.
    ((*GROUP, "eps"), ..., ValueError, "param_groups[0] has no 'eps'"),
    ((*GROUP, "lr_scale"), 0.5, ValueError, "param_groups[0] has 'lr_scale', unlike a group of"),
    ((*GROUP, "lr"), NAN, ValueError, "param_groups[0]: lr is nan"),
    ((*GROUP, "lr"), -1.0, ValueError, "param_groups[0]: lr is -1"),
    ((*GROUP, "lr"), "1", TypeError, "param_groups[0]: lr is '1'"),
    ((*GROUP, "lr"), np.ones(2), TypeError, "param_groups[0]['lr'] has the shape (2,)"),
    ((*GROUP, "lr"), object(), TypeError, "param_groups[0]['lr'] is <object"),
    ((*GROUP, "betas"), (0.9, 1.0), ValueError, "param_groups[0]: beta2 is 1"),
    ((*GROUP, "betas"), 0.9, TypeError, "param_groups[0]: betas is 0.9"),
    ((*GROUP, "amsgrad"), "no", TypeError, "param_groups[0]: amsgrad is 'no'"),
    ((*GROUP, "decoupled_weight_decay"), 3, TypeError, "decoupled_weight_decay is 3"),
    # Step counts.
    ((*FIRST, "step"), ..., ValueError, "state[0] has no 'step'"),
    ((*FIRST, "step"), NAN, ValueError, "state[0]['step'] is nan; it must be finite"),
    ((*FIRST, "step"), np.array(-1.0), ValueError, "state[0]['step'] is -1; it must be a whole"),
    ((*FIRST, "step"), 1.5, ValueError, "state[0]['step'] is 1.5; it must be a whole"),
    ((*FIRST, "step"), 2**60, ValueError, "state[0]['step'] is 1.15292e+18"),
    ((*FIRST, "step"), 10**400, ValueError, "state[0]['step'] is 1000"),
    ((*FIRST, "step"), True, TypeError, "state[0]['step'] is True; it must be a number"),
    ((*FIRST, "step"), np.ones(2), ValueError, "state[0]['step'] has the shape (2,)"),
    ((*FIRST, "step"), "3", TypeError, "state[0]['step'] is '3'"),
    # Arrays.
    ((*FIRST, "exp_avg"), ..., ValueError, "state[0], of 'a', has no 'exp_avg'"),
    ((*FIRST, "max_exp_avg_sq"), ..., ValueError, "state[0], of 'a', has no 'max_exp_avg_sq'"),
    ((*FIRST, "exp_inf"), np.ones(2), ValueError, "state[0] has 'exp_inf'; torch.optim.Adam has"),
    (
        (*FIRST, "exp_avg"),
        np.ones(3),
        ValueError,
        "shape (3,); it must have the shape (2,)",
    ),
    ((*FIRST, "exp_avg"), np.ones((1, 2)), ValueError, "state[0]['exp_avg'] has the shape (1, 2)"),
    ((*FIRST, "exp_avg"), [1.0, 2.0], TypeError, "state[0]['exp_avg'] is a list"),
    ((*FIRST, "exp_avg"), 1.0, TypeError, "state[0]['exp_avg'] is a float"),
    ((*FIRST, "exp_avg"), np.ones(2, int), TypeError, "state[0]['exp_avg'] has dtype int64"),
    ((*FIRST, "exp_avg"), np.ones(2, "O"), TypeError, "state[0]['exp_avg'] has dtype object"),
    ((*FIRST, "exp_avg"), np.ones(2, "c16"), TypeError, "has dtype complex128"),
    ((*FIRST, "exp_avg"), np.array([1.0, NAN]), ValueError, "state[0]['exp_avg'] has numbers that"),
    (
        (*FIRST, "exp_avg_sq"),
        np.array([1.0, -1.0]),
        ValueError,
        "exp_avg_sq'] has numbers below",
    ),
    (("state", 1, "exp_avg"), np.ones(2), ValueError, "state[1]['exp_avg'] has the shape (2,)"),
]


@pytest.mark.parametrize(
    ("path", "value", "error", "words"), CASES, ids=lambda value: str(value)[:40]
)
def test_a_dict_with_one_thing_wrong(path, value, error, words, refused_dict):
    params = params_of(PARAMS, "Adam")
    optimizer = so.Adam(params, lr=0.5, amsgrad=True)
    optimizer.step(GRADIENTS[0])
    refused_dict(optimizer, params, edited(path, value), error, words)


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3),
    st.binary(max_size=3),
    st.lists(st.integers(-1, 2), max_size=3), st.dictionaries(st.integers(0, 2), st.none()),
    st.floats().map(np.array), st.lists(st.floats(), max_size=2).map(np.array),
    st.just(...), st.just(object),
)  # fmt: skip
PLACES = [
    ("state",), ("param_groups",), GROUP, FIRST, ("state", "0"), ("more",), ("param_groups", 1),
    *((*GROUP, name) for name in [*recorded("Adam")["param_groups"][0], "foreach", "other"]),
    *((*FIRST, name) for name in [*recorded("Adam")["state"][0], "other"]),
]  # fmt: skip


@given(path=st.sampled_from(PLACES), value=JUNK)
def test_junk_in_one_place(path, value):
    """It is taken, or refused with an error of ours and without a trace."""
    params = params_of(PARAMS, "Adam")
    optimizer = so.Adam(params, lr=0.5, amsgrad=True)
    optimizer.step(GRADIENTS[0])
    before, entries = bits(optimizer, params), entries_of(optimizer)
    try:
        state_dict = edited(path, value)
    except (KeyError, IndexError):  # nothing there to remove or to replace
        return
    try:
        so.load_torch_state_dict(optimizer, state_dict)
    except (TypeError, ValueError):
        assert bits(optimizer, params) == before
        assert entries_of(optimizer) == entries
    else:
        assert bits(optimizer, params) != before


@pytest.mark.parametrize("value", [None, [], "state", 3])
def test_what_is_no_dict(value, refused_dict):
    params = params_of(PARAMS, "Adam")
    refused_dict(so.Adam(params), params, value, TypeError, "state_dict is a")


@pytest.mark.parametrize(
    ("of", "into", "words"),
    [
        ("Adam", "SGD", ["'betas'", "torch.optim.SGD", "looks like one of Adam or AdamW"]),
        ("SGD", "Adam", ["torch.optim.Adam", "looks like one of SGD"]),
        ("Adam", "Adamax", ["'amsgrad'", "torch.optim.Adamax"]),
        ("NAdam", "RAdam", ["'momentum_decay'", "looks like one of NAdam"]),
        ("RMSprop", "Adadelta", ["torch.optim.Adadelta", "looks like one of RMSprop"]),
    ],
)
def test_dicts_of_other_classes(of, into, words, refused_dict):
    params = params_of(PARAMS, "Adam")
    refused_dict(getattr(so, into)(params), params, recorded(of), ValueError, words)


def test_numbers_too_large_for_the_state(refused_dict):
    params = params_of(PARAMS, "Adam", np.float32)
    for state_dtype, number, word in (
        (None, 1e39, "float32"),
        ("block8", 1e39, "float32"),
        ({"exp_avg": "float16"}, 7e4, "float16"),
        ({"exp_avg": "bfloat16"}, 3.4e38, "bfloat16"),
    ):
        optimizer = so.Adam(params, state_dtype=state_dtype)
        state_dict = edited((*FIRST, "exp_avg"), np.array([number, 0.0]))
        words = f"state[0]['exp_avg'] has numbers too large for the state's {word}"
        refused_dict(optimizer, params, state_dict, ValueError, words)


def test_hyperparameters_that_a_schedule_replaces_are_checked_too(refused_dict):
    params = params_of(PARAMS, "Adam")
    optimizer = so.Adam(params, lr=so.linear(1.0, total=9), betas=(so.constant(0.5), 0.9))
    for name, value in (("lr", NAN), ("betas", (1.5, 0.9)), ("betas", ("x", 0.9))):
        state_dict = edited((*GROUP, name), value)
        refused_dict(optimizer, params, state_dict, (TypeError, ValueError), "param_groups[0]: ")


def test_products_of_nadam(refused_dict):
    params = params_of(PARAMS, "NAdam")
    for value, words in ((1.0, "is 1.0; it must be in [0, 1)"), (-0.1, "is -0.1"), (NAN, "finite")):
        state_dict = recorded("NAdam")
        state_dict["state"][0]["mu_product"] = value
        refused_dict(so.NAdam(params), params, state_dict, ValueError, ["['mu_product']", words])
    del state_dict["state"][0]["mu_product"]
    refused_dict(so.NAdam(params), params, state_dict, ValueError, "has no 'mu_product'")


def test_step_counts_that_contradict(refused_dict):
    params = params_of(PARAMS, "SGD")
    scheduled = so.SGD(params, lr=so.linear(1.0, total=9), momentum=0.9)
    refused_dict(scheduled, params, recorded("SGD"), ValueError, "doesn't count steps, and there")
    clipped = so.SGD(params, clip_norm=so.linear(1.0, total=9))
    refused_dict(clipped, params, recorded("SGD"), ValueError, "give step=")
    plain = so.SGD(params, momentum=0.9)
    refused_dict(plain, params, recorded("SGD"), ValueError, "step is 0, but", step=0)
    refused_dict(plain, params, recorded("SGD"), ValueError, "step is -1", step=-1)
    refused_dict(plain, params, recorded("SGD"), TypeError, "step is '3'", step="3")
    empty = {**recorded("SGD"), "state": {}}
    refused_dict(plain, params, empty, ValueError, "step is 3, but the state has no", step=3)
    adam = so.Adam(params)
    refused_dict(adam, params, recorded("Adam"), ValueError, "Adam counts the steps itself", step=3)


def test_rprop_without_a_step(refused_dict):
    """Its step sizes are made in the first step."""
    params = {"w": np.ones(2)}
    own = {"step": 0.0, "prev": np.zeros(2), "step_size": np.ones(2)}
    group = {"lr": 0.1, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50), "params": [0]}
    state_dict = {"state": {0: own}, "param_groups": [group]}
    refused_dict(so.Rprop(params), params, state_dict, ValueError, "['step'] is 0")


def muon_dict(**entries):
    group = {
        "lr": 0.1, "weight_decay": 0.1, "momentum": 0.9, "nesterov": True, "eps": 1e-7,
        "ns_steps": 5, "adjust_lr_fn": None, "ns_coefficients": (3.4445, -4.775, 2.0315),
    }  # fmt: skip
    return {"state": {}, "param_groups": [{**group, **entries, "params": [0]}]}


def test_muon(refused_dict):
    params = {"w": np.ones((2, 2))}
    state_dict = muon_dict(ns_coefficients=(3.0, -4.0, 2.0))
    refused_dict(so.Muon(params), params, state_dict, ValueError, "['ns_coefficients'] must be")
    for shape in ((3,), (2, 2, 2)):
        params = {"w": np.ones(shape)}
        words = ["parameter 'w'", f"{shape}", "matrices only"]
        refused_dict(so.Muon(params), params, muon_dict(), ValueError, words)


def test_optimizers_that_torch_lacks(refused_dict):
    params = params_of(PARAMS, "Adam")
    words = ["torch.optim has no lion", "SGD, Adam, AdamW, NAdam, RAdam, Adamax, Adagrad"]
    refused_dict(so.Lion(params), params, recorded("Adam"), ValueError, words)


def test_optimizers_that_are_not_ready(refused_dict):
    params = params_of(PARAMS, "Adam")
    with pytest.raises(TypeError, match="optimizer is a dict; it must be an Optimizer"):
        so.load_torch_state_dict({}, recorded("Adam"))
    lazy = so.Adam()
    with pytest.raises(ValueError, match="without params"):
        so.load_torch_state_dict(lazy, recorded("Adam"))
    accumulating = so.Adam(params, accumulate=2)
    accumulating.step(GRADIENTS[0])
    words = "1 of 2 micro-batches are accumulated"
    refused_dict(accumulating, params, recorded("Adam"), ValueError, words)
    averaged = so.Adam(params, ema_decay=0.9)
    with averaged.evaluation(), pytest.raises(RuntimeError, match="evaluation"):
        so.load_torch_state_dict(averaged, recorded("Adam"))
    averaged.close()
    with pytest.raises(ValueError, match="closed"):
        so.load_torch_state_dict(averaged, recorded("Adam"))


def test_groups_of_other_sizes(refused_dict):
    params = params_of(PARAMS, "Adam")
    optimizer = so.Adam([{"params": [params["a"]]}, {"params": [params["b"]]}])
    words = "1 groups with parameters; this optimizer has 2"
    refused_dict(optimizer, params, recorded("Adam"), ValueError, words)
    state_dict = recorded("Adam")
    group = state_dict["param_groups"][0]
    state_dict["param_groups"] = [{**group, "params": [0]}, {**group, "params": []},
                                  {**group, "params": [1], "lr": 0.25}]  # fmt: skip
    so.load_torch_state_dict(optimizer, state_dict)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.25]
    state_dict["state"][1]["exp_avg"] = np.ones(5)
    refused_dict(optimizer, params, state_dict, ValueError, "state[1]['exp_avg'] has the shape")
