"""Groups by name, and parameters that come and go. Expected values are SGD's, exactly."""

import copy
import pickle

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of, copied_state, make_gradients, make_params

all_rules = pytest.mark.parametrize("name", RULES)


def model():
    return {
        "conv": {"weight": np.ones((2, 2)), "bias": np.ones(2)},
        "norm": {"weight": np.ones(2), "bias": np.ones(2)},
    }


def zeros_like(nest):
    if isinstance(nest, dict):
        return {key: zeros_like(child) for key, child in nest.items()}
    return np.zeros_like(nest)


def test_an_override_has_no_params():
    with pytest.raises(ValueError, match=r"^overrides\['w'\] has 'params'; its pattern says"):
        so.SGD({"w": np.zeros(1)}, overrides={"w": {"params": [1]}})


class TestOverrides:
    def test_the_first_match_counts(self):
        params = model()
        overrides = {("norm.*", "norm.w*"): {"lr": 0.25}, "*bias": {"weight_decay": 0.0}}
        optimizer = so.SGD(params, lr=0.5, weight_decay=0.5, overrides=overrides)
        report = optimizer.step(zeros_like(params))
        assert params["conv"]["weight"].tolist() == [[0.75, 0.75]] * 2
        assert params["conv"]["bias"].tolist() == [1.0, 1.0]
        assert params["norm"]["bias"].tolist() == [0.875, 0.875]
        assert params["norm"]["weight"].tolist() == [0.875, 0.875]
        # The default group, then one for each override in the order of the parameters.
        groups = optimizer.param_groups
        assert [(group["lr"], len(group["params"])) for group in groups] == [
            (0.5, 1), (0.5, 1), (0.25, 2),
        ]  # fmt: skip
        assert (report.lr, len(report.groups)) == (0.5, 3)

    def test_the_first_group_is_the_default_even_without_parameters(self):
        w = np.ones(1)
        optimizer = so.SGD({"w": w}, lr=0.5, overrides={"w": {"lr": 0.25}})
        assert [len(group["params"]) for group in optimizer.param_groups] == [0, 1]
        # What is shown is that of the first group that has parameters.
        assert optimizer.lr == 0.25
        assert optimizer.step({"w": np.ones(1)}).lr == 0.25
        assert w[0] == 0.75

    def test_the_case_of_letters_counts(self):
        with pytest.raises(ValueError, match=r"'\*Bias' matches no parameter"):
            so.SGD(model(), overrides={"*Bias": {"lr": 0.0}})

    def test_in_a_list_of_groups(self):
        """An override changes a group's options where it matches, and leaves the rest."""
        a, b, c = np.ones(1), np.ones(1), np.ones(1)
        optimizer = so.SGD(
            [{"params": {"x": a, "bias": b}}, {"params": {"y": c}, "lr": 0.25}],
            lr=0.5,
            overrides={"*bias": {"momentum": 0.9}},
        )
        groups = optimizer.param_groups
        assert [group["lr"] for group in groups] == [0.5, 0.25, 0.5]
        assert [group["momentum"] for group in groups] == [0.0, 0.0, 0.9]
        optimizer.step([{"x": np.ones(1), "bias": np.ones(1)}, {"y": np.ones(1)}])
        assert (a[0], b[0], c[0]) == (0.5, 0.5, 0.75)
        assert "momentum_buffer" in optimizer.state["bias"]
        assert "momentum_buffer" not in optimizer.state["x"]

    @pytest.mark.parametrize(
        ("overrides", "error", "words"),
        [
            ({"*bais": {"lr": 0.1}}, ValueError, ["'*bais'", "matches no parameter", "w"]),
            ({("w", "v"): {"lr": 0.1}}, ValueError, ["'v'", "matches no parameter"]),
            ({"w": {"lrr": 0.1}}, ValueError, ["overrides['w']", "'lrr'", "lr"]),
            ({"w": {"clip_norm": 0.1}}, ValueError, ["overrides['w']", "'clip_norm'"]),
            ({"w": {"lr": -1}}, ValueError, ["overrides['w']: lr is -1"]),
            ({"w": 0.1}, TypeError, ["overrides['w']", "float"]),
            ({1: {"lr": 0.1}}, TypeError, ["1", "pattern"]),
            ({(): {"lr": 0.1}}, TypeError, ["()", "pattern"]),
            ("w", TypeError, ["overrides", "str"]),
        ],
    )
    def test_refusals(self, overrides, error, words):
        with pytest.raises(error) as caught:
            so.SGD({"w": np.ones(1)}, overrides=overrides)
        for word in words:
            assert word in str(caught.value)

    def test_without_params(self):
        with pytest.raises(ValueError, match="overrides is for an optimizer that is made with"):
            so.SGD(overrides={"*": {"lr": 0.1}})

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
    def test_copies_have_groups_of_their_own(self, duplicate):
        optimizer = so.SGD(model(), lr=0.5, overrides={"*bias": {"lr": 0.25}})
        twin = duplicate(optimizer)
        twin.param_groups[1]["lr"] = 1.0
        assert optimizer.param_groups[1]["lr"] == 0.25
        twin.set_params({**model(), "new": {"bias": np.ones(1)}})
        assert [len(group["params"]) for group in twin.param_groups] == [2, 3]


class TestSetParams:
    @all_rules
    def test_what_stays_goes_on_as_if_nothing_had_happened(self, name):
        options = {**BUSY_OPTIONS[name], "lr": so.linear(0.1, total=10)}
        params, alone = make_params([9, 4]), make_params([9, 4])
        optimizer, reference = class_of(name)(params, **options), class_of(name)(alone, **options)
        gradients = make_gradients([9, 4], 4)
        for grads in gradients[:2]:
            optimizer.step(grads)
            reference.step(grads)
        grown = {"new": np.ones(3), **params}
        optimizer.set_params(grown)
        assert optimizer.step_count == 2
        assert optimizer.state["new"]["step"] == 0
        for grads in gradients[2:]:
            report = optimizer.step({**grads, "new": np.ones(3)})
            # Not the norms, which rules of whole tensors compute: those are of all gradients.
            assert report[:4] == reference.step(grads)[:4]
        for key, array in alone.items():
            assert params[key].tobytes() == array.tobytes()
        assert optimizer.state["new"]["step"] == 2
        assert grown["new"].tolist() != [1.0] * 3

    def test_new_names_follow_the_overrides_and_known_ones_keep_their_group(self):
        params = {"w": np.ones(1), "b.bias": np.ones(1)}
        optimizer = so.SGD(params, lr=0.5, overrides={"*bias": {"lr": 0.25}})
        params |= {"c.bias": np.ones(1), "v": np.ones(1)}
        optimizer.set_params(params)
        optimizer.step({key: np.ones(1) for key in params})
        assert {key: array[0] for key, array in params.items()} == {
            "w": 0.5, "b.bias": 0.75, "c.bias": 0.75, "v": 0.5,
        }  # fmt: skip

    def test_what_is_gone_loses_its_state(self):
        params = {"w": np.zeros(1), "v": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0, momentum=0.5)
        grads = {"w": np.ones(1), "v": np.ones(1)}
        optimizer.step(grads)
        v = params.pop("v")
        optimizer.set_params(params)
        optimizer.step({"w": np.ones(1)})
        assert v[0] == -1.0
        assert list(optimizer.state) == ["w"]
        params["v"] = v
        optimizer.set_params(params)
        optimizer.step(grads)
        assert v[0] == -2.0  # a buffer that begins anew
        assert optimizer.state["v"]["step"] == 1

    def test_the_arrays_are_those_given(self):
        old, new = np.zeros(1), np.zeros(1)
        optimizer = so.SGD({"w": old}, lr=1.0)
        optimizer.set_params({"w": new})
        optimizer.step({"w": np.ones(1)})
        assert (old[0], new[0]) == (0.0, -1.0)
        assert optimizer.param_groups[0]["params"][0] is new

    @pytest.mark.parametrize(
        ("params", "error"),
        [
            ({"w": np.ones(3)}, ValueError),
            ({"w": np.ones(2, np.float32)}, ValueError),
            ({"w": np.ones(2), "v": np.ones(4)[::2]}, ValueError),
            ({"w": np.ones(2), "v": np.ones(2, int)}, TypeError),
            ({"w": 1.0}, TypeError),
        ],
    )
    def test_a_refusal_changes_nothing(self, params, error, refused):
        w = np.ones(2)
        optimizer = so.Adam({"w": w}, lr=0.1, overrides={"w": {"lr": 0.2}})
        optimizer.step({"w": np.ones(2)})
        refused(lambda: optimizer.set_params(params), error, ["'"], optimizer, w)
        optimizer.step({"w": np.ones(2)})
        assert optimizer.step_count == 2

    def test_a_list_of_groups_has_its_own_way(self):
        grouped, plain = so.SGD([{"params": [np.ones(1)]}]), so.SGD([np.ones(1)])
        with pytest.raises(ValueError, match="add_param_group"):
            grouped.set_params([np.ones(1)])
        with pytest.raises(ValueError, match="set_params"):
            plain.add_param_group({"params": [np.ones(1)]})
        for call in (
            lambda: so.SGD().set_params([np.ones(1)]),
            lambda: so.SGD().add_param_group({"params": []}),
        ):
            with pytest.raises(ValueError, match="without params"):
                call()


class TestAddParamGroup:
    def test_it_goes_on_with_the_numbers_and_the_defaults(self):
        a, b, c = np.zeros(1), np.zeros(1), np.zeros(1)
        optimizer = so.SGD([{"params": [a], "lr": 0.25}], lr=0.5, momentum=0.5)
        optimizer.step([[np.ones(1)]])
        before = copied_state(optimizer)
        optimizer.add_param_group({"params": [b, c]})
        assert list(optimizer.state) == ["0", "1", "2"]
        assert optimizer.state["0"]["momentum_buffer"] == before["0"]["momentum_buffer"]
        assert optimizer.param_groups[1]["lr"] == 0.5
        assert optimizer.step_count == 1
        optimizer.step([[np.ones(1)], [np.ones(1), None]])
        assert (a[0], b[0], c[0]) == (-0.25 - 0.25 * 1.5, -0.5, 0.0)

    def test_overrides_apply(self):
        optimizer = so.SGD(
            [{"params": {"bias": np.ones(1)}}], lr=0.5, overrides={"*bias": {"lr": 0.25}}
        )
        w = np.ones(1)
        optimizer.add_param_group({"params": {"x": {"bias": w}}, "lr": 2.0, "momentum": 0.5})
        optimizer.step([{"bias": np.ones(1)}, {"x": {"bias": np.ones(1)}}])
        assert w[0] == 0.75
        assert [group["momentum"] for group in optimizer.param_groups] == [0.0, 0.0, 0.5, 0.5]

    @pytest.mark.parametrize(
        ("group", "error", "word"),
        [
            ({"params": [np.ones(1)], "lrr": 1.0}, ValueError, "'lrr'"),
            ({"params": [np.ones(1)], "lr": -1.0}, ValueError, "group: lr is -1"),
            ({"lr": 1.0}, TypeError, "params"),
            ([np.ones(1)], TypeError, "params"),
            ({"params": [np.ones(1, int)]}, TypeError, "'1'"),
        ],
    )
    def test_a_refusal_changes_nothing(self, group, error, word, refused):
        w = np.ones(1)
        optimizer = so.Adam([{"params": [w]}])
        refused(lambda: optimizer.add_param_group(group), error, [word], optimizer, w)
        assert len(optimizer.param_groups) == 1
        optimizer.step([[np.ones(1)]])

    def test_an_array_twice_is_refused(self):
        w = np.ones(1)
        optimizer = so.Adam([{"params": [w]}])
        with pytest.raises(ValueError, match="shares memory"):
            optimizer.add_param_group({"params": [w]})
