"""Which arrays an optimizer works on: bind, rebind, lazy keys, the functional form, close."""

import pickle

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of, copied_state, make_gradients, make_params

all_rules = pytest.mark.parametrize("name", RULES)


class TestBind:
    @all_rules
    def test_bound_steps_are_those_of_given_gradients(self, name):
        given, bound = make_params([40, 3]), make_params([40, 3])
        options = {**BUSY_OPTIONS[name], "clip_norm": 1.0}
        one, other = class_of(name)(given, **options), class_of(name)(bound, **options)
        buffers = {key: np.zeros_like(array) for key, array in bound.items()}
        other.bind(buffers)
        for grads in make_gradients([40, 3], 4):
            for key, gradient in grads.items():
                buffers[key][:] = gradient
            assert one.step(grads) == other.step()
        assert all(given[key].tobytes() == bound[key].tobytes() for key in given)

    def test_given_gradients_win_for_one_step(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.bind([np.array([1.0])])
        optimizer.step([np.array([10.0])])
        optimizer.step()
        assert w.tolist() == [-11.0]

    def test_bound_none_leaves_its_parameter(self):
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0)
        optimizer.bind({"b": np.ones(1), "a": None})
        optimizer.step()
        assert (params["a"][0], params["b"][0]) == (0.0, -1.0)

    def test_released_gradients(self, frozen):
        w = np.zeros(1)
        optimizer = so.SGD([w])
        optimizer.bind([np.ones(1)])
        optimizer.bind(None)
        with frozen(w, optimizer=optimizer), pytest.raises(ValueError, match="bind"):
            optimizer.step()

    def test_a_refused_bind_keeps_the_old_gradients(self):
        w = np.zeros(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.bind([np.ones(1)])
        for bad in ([np.ones(2)], [np.ones(1), np.ones(1)], [np.ones(1, int)]):
            with pytest.raises((TypeError, ValueError)):
                optimizer.bind(bad)
        optimizer.step()
        assert w.tolist() == [-1.0]

    def test_binding_survives_new_slots_and_rebind(self):
        w, gradient = np.zeros(1), np.ones(1)
        optimizer = so.SGD([w], lr=1.0)
        optimizer.bind([gradient])
        optimizer.param_groups[0]["momentum"] = 0.5
        optimizer.step()
        other = np.zeros(1)
        optimizer.rebind([other])
        gradient[:] = 0.0
        optimizer.step()
        assert (w.tolist(), other.tolist()) == ([-1.0], [-0.5])

    def test_a_pickled_optimizer_has_no_bound_gradients(self):
        optimizer = so.SGD([np.zeros(1)])
        optimizer.bind([np.ones(1)])
        with pytest.raises(ValueError, match="bind"):
            pickle.loads(pickle.dumps(optimizer)).step()


class TestReplacedArrays:
    def test_step_follows_the_arrays_it_is_given(self):
        """The old array is never trained once the caller shows other ones."""
        params = {"w": np.zeros(2), "b": np.zeros(1)}
        optimizer = so.SGD(params, lr=1.0, momentum=0.5)
        grads = {"w": np.ones(2), "b": np.ones(1)}
        optimizer.step(grads, params=params)
        old, params["w"] = params["w"], params["w"].copy()
        optimizer.step(grads, params=params)
        assert old.tolist() == [-1.0, -1.0]
        assert params["w"].tolist() == [-2.5, -2.5]
        assert params["b"].tolist() == [-2.5]
        assert optimizer.param_groups[0]["params"][0] is params["w"]
        # From now on the new array is the bound one.
        optimizer.step(grads)
        assert old.tolist() == [-1.0, -1.0]
        assert params["w"].tolist() == [-4.25, -4.25]

    def test_following_keeps_state_and_step_count(self):
        w = np.zeros(3)
        optimizer = so.Adam(w, lr=0.1)
        optimizer.step(np.ones(3))
        before = copied_state(optimizer)
        twin = w.copy()
        optimizer.rebind(twin)
        assert optimizer.step_count == 1
        for slot, array in optimizer.state["param"].items():
            assert array.tobytes() == before["param"][slot].tobytes()
        optimizer.step(np.ones(3))
        np.testing.assert_allclose(twin, -0.2, rtol=1e-6)
        np.testing.assert_allclose(w, -0.1, rtol=1e-6)

    def test_groups_are_followed(self):
        groups = [{"params": [np.zeros(1)]}, {"params": [np.zeros(1)], "lr": 2.0}]
        optimizer = so.SGD(groups, lr=1.0)
        replaced = [np.zeros(1), np.zeros(1)]
        optimizer.rebind([{"params": [replaced[0]]}, {"params": [replaced[1]]}])
        optimizer.step([[np.ones(1)], [np.ones(1)]])
        assert [array[0] for array in replaced] == [-1.0, -2.0]
        assert optimizer.param_groups[1]["params"][0] is replaced[1]

    @pytest.mark.parametrize(
        "other",
        [
            [np.zeros(3)],
            [np.zeros(2, np.float32)],
            [np.zeros(4)[::2]],
            [np.zeros(2), np.zeros(2)],
            {"0": np.zeros(2)},
            [None],
        ],
        ids=["shape", "dtype", "strided", "count", "dict", "None"],
    )
    def test_arrays_that_do_not_fit_are_refused(self, other, frozen):
        for rule in (so.SGD, so.Adam):  # without state arrays and with
            w, gradient = np.zeros(2), np.ones(2)
            optimizer = rule([w], lr=1.0)
            with frozen(w, gradient, other, optimizer=optimizer):
                with pytest.raises((TypeError, ValueError), match="param"):
                    optimizer.rebind(other)
                with pytest.raises((TypeError, ValueError), match="param"):
                    optimizer.step([gradient], params=other)
            optimizer.step([gradient])
            assert w.tolist() != [0.0, 0.0]


class TestUpdate:
    @all_rules
    def test_keys_are_optimizers_of_their_own(self, name):
        lazy = class_of(name)(**BUSY_OPTIONS[name], clip_norm=1.0)
        lazy_params, params = make_params([40, 3]), make_params([40, 3])
        single = {
            key: class_of(name)([array], **BUSY_OPTIONS[name], clip_norm=1.0)
            for key, array in params.items()
        }
        for grads in make_gradients([40, 3], 3):
            for key, gradient in grads.items():
                report = lazy.update(key, lazy_params[key], gradient)
                expected = single[key].step([gradient])
                assert report.step == expected.step
                assert report.clip_coefficient == expected.clip_coefficient
        for key, array in params.items():
            assert lazy_params[key].tobytes() == array.tobytes()
            assert lazy.state[key]["step"] == 3

    def test_the_array_of_a_key_may_change(self):
        optimizer = so.SGD(lr=1.0, momentum=0.5)
        first, second = np.zeros(1), np.zeros(1)
        optimizer.update("w", first, np.ones(1))
        optimizer.update("w", second, np.ones(1))
        assert (first[0], second[0]) == (-1.0, -1.5)

    def test_keys_of_any_hashable_kind(self):
        optimizer = so.SGD(lr=1.0)
        w = np.zeros(1)
        for key in ("w", 3, ("layer", 1)):
            optimizer.update(key, w, np.ones(1))
        assert list(optimizer.state) == ["w", "3", "('layer', 1)"]
        with pytest.raises(ValueError, match="'3'"):
            optimizer.update("3", w, np.ones(1))

    def test_a_refused_first_call_leaves_no_key(self):
        optimizer = so.Adam()
        with pytest.raises(ValueError, match="shape"):
            optimizer.update("w", np.zeros(2), np.ones(3))
        assert dict(optimizer.state) == {}
        assert optimizer.update("w", np.zeros(3), np.ones(3)).step == 1

    def test_a_pickled_lazy_optimizer_goes_on(self):
        optimizer = so.Adam(lr=0.1)
        w = np.zeros(2)
        optimizer.update("w", w, np.ones(2))
        twin, twin_w = pickle.loads(pickle.dumps((optimizer, w)))
        report = optimizer.update("w", w, np.ones(2))
        assert twin.update("w", twin_w, np.ones(2)) == report
        assert w.tobytes() == twin_w.tobytes()

    def test_the_two_ways_do_not_mix(self):
        bound, lazy = so.SGD([np.zeros(1)]), so.SGD()
        with pytest.raises(ValueError, match="update"):
            bound.update("w", np.zeros(1), np.ones(1))
        for call in (lambda: lazy.step([np.ones(1)]), lambda: lazy.bind([np.ones(1)])):
            with pytest.raises(ValueError, match="without params"):
                call()


class TestFunctionalForm:
    @all_rules
    def test_it_follows_the_steps_in_place(self, name, frozen):
        options = {**BUSY_OPTIONS[name], "clip_norm": 1.0}
        in_place = make_params([40, 3])
        optimizer, functional = class_of(name)(in_place, **options), class_of(name)(**options)
        params = make_params([40, 3])
        state = functional.init(params)
        history = [params]
        for grads in make_gradients([40, 3], 3):
            with frozen(history, state, grads):
                params, state, report = functional.apply(params, grads, state)
            history.append(params)
            assert report == optimizer.step(grads)
        for key, array in in_place.items():
            assert params[key].tobytes() == array.tobytes()
            for slot, value in optimizer.state[key].items():
                assert state[key][slot].tobytes() == value.tobytes()

    def test_structures_and_missing_gradients(self):
        sgd = so.SGD(lr=1.0)
        for params in (np.zeros(2), [np.zeros(1), np.zeros(1)], {"a": [np.zeros(1)]}):
            state = sgd.init(params)
            new, _, _ = sgd.apply(params, params, state)
            assert type(new) is type(params)
        params = {"a": np.zeros(1), "b": np.zeros(1)}
        new, state, _ = sgd.apply(params, {"a": np.ones(1), "b": None}, sgd.init(params))
        assert (new["a"][0], new["b"][0]) == (-1.0, 0.0)
        assert (state["a"]["step"], state["b"]["step"]) == (1, 0)

    def test_a_skipped_step_returns_equal_copies(self):
        adam = so.Adam(clip_norm=1.0)
        params = [np.ones(2)]
        state = adam.init(params)
        new, new_state, report = adam.apply(params, [np.array([np.nan, 1.0])], state)
        assert report.status == "skipped"
        assert new[0].tolist() == [1.0, 1.0]
        assert not np.shares_memory(new[0], params[0])
        assert new_state["0"]["step"] == 0


class TestClose:
    def test_everything_is_refused_afterwards(self, frozen):
        w, gradient = np.ones(2), np.ones(2)
        optimizer = so.Adam([w])
        optimizer.step([gradient])
        state = copied_state(optimizer)
        optimizer.close()
        optimizer.close()
        calls = [
            lambda: optimizer.step([gradient]),
            lambda: optimizer.step([gradient], params=[w]),
            lambda: optimizer.bind([gradient]),
            lambda: optimizer.rebind([w]),
            lambda: optimizer.update("w", w, gradient),
            lambda: optimizer.init([w]),
            lambda: optimizer.apply([w], [gradient], state),
            lambda: optimizer.load_state(state),
            lambda: pickle.dumps(optimizer),
        ]
        with frozen(w, gradient):
            for call in calls:
                with pytest.raises(ValueError, match="closed"):
                    call()
