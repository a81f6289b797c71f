"""Containers of parameters: their names, their order, and gradients of the same form."""

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so


def zeros(*shape):
    return np.zeros(shape)


def ones_like(nest):
    """The same nest with arrays of ones."""
    if isinstance(nest, dict):
        return {key: ones_like(item) for key, item in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(ones_like(item) for item in nest)
    return np.ones_like(nest)


def leaves(nest):
    if isinstance(nest, dict):
        return [leaf for item in nest.values() for leaf in leaves(item)]
    if isinstance(nest, list | tuple):
        return [leaf for item in nest for leaf in leaves(item)]
    return [nest]


NESTS = {
    "array": (lambda: zeros(3), ["param"]),
    "matrix": (lambda: zeros(2, 3), ["param"]),
    "list": (lambda: [zeros(3), zeros(2, 2)], ["0", "1"]),
    "tuple": (lambda: (zeros(3), zeros(1)), ["0", "1"]),
    "dict": (lambda: {"w": zeros(3), "b": zeros(1)}, ["w", "b"]),
    "int keys": (lambda: {3: zeros(3), 1: zeros(1)}, ["3", "1"]),
    "nested dict": (
        lambda: {"a": {"w": zeros(3), "b": zeros(1)}, "c": zeros(2)},
        ["a.w", "a.b", "c"],
    ),
    "list of tuples": (
        lambda: [(zeros(3), zeros(1)), (zeros(2), zeros(4))],
        ["0.0", "0.1", "1.0", "1.1"],
    ),
    "dict of lists": (lambda: {"W": [zeros(3), zeros(2)], "b": zeros(1)}, ["W.0", "W.1", "b"]),
    "list of dicts": (lambda: [{"w": zeros(3)}, {"w": zeros(2)}], ["0.w", "1.w"]),
    "mapping": (lambda: OrderedDict(b=zeros(1), a=zeros(2)), ["b", "a"]),
    "deep": (lambda: {"x": [{"y": ({"z": zeros(2)},)}]}, ["x.0.y.0.z"]),
}


class TestNests:
    @pytest.mark.parametrize("form", NESTS)
    def test_names_and_updates(self, form):
        make, names = NESTS[form]
        params = make()
        optimizer = so.SGD(params, lr=0.5)
        assert list(optimizer.state) == names
        assert optimizer.step(ones_like(params)).status == "updated"
        assert all((leaf == -0.5).all() for leaf in leaves(params))

    @pytest.mark.parametrize("form", sorted(set(NESTS) - {"array", "matrix"}))
    def test_none_for_every_branch(self, form, frozen):
        params = NESTS[form][0]()
        optimizer = so.Adam(params)
        keys = params if isinstance(params, dict) else range(len(params))
        nothing = dict.fromkeys(keys) if isinstance(params, dict) else [None for _ in keys]
        with frozen(params):
            optimizer.step(nothing)
        assert all(slots["step"] == 0 for slots in optimizer.state.values())

    def test_a_list_for_a_tuple_and_back(self):
        params = [zeros(1), (zeros(1), zeros(1))]
        so.SGD(params, lr=1.0).step((np.ones(1), [np.ones(1), np.ones(1)]))
        assert [leaf.tolist() for leaf in leaves(params)] == [[-1.0]] * 3

    def test_dicts_are_matched_by_key(self):
        params = {"a": zeros(2), "b": zeros(2), "c": {"d": zeros(2), "e": zeros(2)}}
        grads = {
            "c": {"e": np.full(2, 4.0), "d": np.full(2, 3.0)},
            "b": np.full(2, 2.0),
            "a": np.full(2, 1.0),
        }
        so.SGD(params, lr=1.0).step(grads)
        assert [leaf[0] for leaf in leaves(params)] == [-1.0, -2.0, -3.0, -4.0]

    @pytest.mark.parametrize(
        "params",
        [
            {"a.b": zeros(1), "a": {"b": zeros(1)}},
            {1: zeros(1), "1": zeros(1)},
            {"a": [zeros(1)], "a.0": zeros(1)},
        ],
    )
    def test_collisions_of_names_are_refused(self, params):
        with pytest.raises(ValueError, match=r"'a\.b'|'1'|'a\.0'"):
            so.SGD(params)

    def test_ten_thousand_names_are_told_apart_quickly(self):
        params = [zeros(1) for _ in range(10_000)]
        optimizer = so.SGD(params, lr=1.0)
        optimizer.step([np.ones(1)] * len(params))
        assert all(p[0] == -1.0 for p in params)


class TestGroups:
    def test_names_are_numbered_on(self):
        groups = [{"params": [zeros(1), zeros(1)]}, {"params": [zeros(1)], "lr": 0.5}]
        optimizer = so.SGD(groups, lr=1.0)
        assert list(optimizer.state) == ["0", "1", "2"]
        assert len(optimizer.param_groups) == 2
        grads = [[np.ones(1), np.ones(1)], [np.ones(1)]]
        optimizer.step(grads)
        assert [p[0] for group in groups for p in group["params"]] == [-1.0, -1.0, -0.5]

    def test_groups_of_dicts_keep_their_names(self):
        groups = [{"params": {"w": zeros(1)}}, {"params": {"b": zeros(1)}, "weight_decay": 0.0}]
        optimizer = so.AdamW(groups)
        assert list(optimizer.state) == ["w", "b"]
        optimizer.step([{"w": np.ones(1)}, {"b": np.ones(1)}])
        assert all(slots["step"] == 1 for slots in optimizer.state.values())

    def test_param_groups_hold_the_very_arrays(self):
        w, b = zeros(1), zeros(1)
        optimizer = so.SGD([{"params": [w]}, {"params": b}])
        assert optimizer.param_groups[0]["params"][0] is w
        assert optimizer.param_groups[1]["params"][0] is b

    def test_one_dict_without_params_makes_it_a_plain_list(self):
        params = [{"params": zeros(1)}, {"w": zeros(1)}]
        assert list(so.SGD(params).state) == ["0.params", "1.w"]

    @pytest.mark.parametrize("key", ["clip_norm", "skip_nonfinite", "learning_rate", "names"])
    def test_what_a_group_cannot_override_is_refused(self, key):
        with pytest.raises(ValueError, match=key):
            so.SGD([{"params": [zeros(1)], key: 1.0}])


def make(form):
    """The arrays of a form, which has shapes, as tuples, for leaves."""
    if isinstance(form, dict):
        return {key: make(item) for key, item in form.items()}
    return [make(item) for item in form] if isinstance(form, list) else np.zeros(form)


def numbered(nest, numbers, order):
    """The same nest, each leaf filled with its number; dicts in the order that `order` gives."""
    if isinstance(nest, list):
        return [numbered(item, numbers, order) for item in nest]
    if isinstance(nest, dict):
        filled = {key: numbered(item, numbers, order) for key, item in nest.items()}
        return dict(order(list(filled.items())))
    return np.full(nest.shape, float(next(numbers)))


def paths(nest):
    if isinstance(nest, dict | list):
        items = nest.items() if isinstance(nest, dict) else enumerate(nest)
        return [(str(key), *path) for key, item in items for path in paths(item)]
    return [()]


shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
keys = st.text("ab.1", min_size=1, max_size=2) | st.integers(0, 3)
forms = st.recursive(
    shapes, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
)


@given(forms, st.randoms(use_true_random=False))
def test_any_nest(form, random):
    """Each leaf meets the gradient of its own place, in whatever order dicts are."""
    params = make(form)
    names = [".".join(path) or "param" for path in paths(params)]
    if len(set(names)) < len(names):
        with pytest.raises(ValueError, match="called"):
            so.SGD(params)
        return
    optimizer = so.SGD(params, lr=1.0)
    assert list(optimizer.state) == names

    def shuffled(items):
        return random.sample(items, len(items))

    grads = numbered(params, iter(range(1, 1000)), shuffled)
    optimizer.step(grads)
    for number, leaf in enumerate(leaves(params), 1):
        assert (leaf == -number).all()
