"""What a first-time user tries: attributes, group edits, interrupts, copies of the state."""

import copy
import gc
import pickle
import signal

import numpy as np
import pytest

import swiftopt as so


def adam(**options):
    return so.Adam({"w": np.ones(3)}, lr=0.1, **options)


def test_an_interrupt_loses_no_update():
    """A signal's handler runs right after the native step, before Python notes anything."""
    w, gradient = np.ones(50_000), [np.ones(50_000)]
    optimizer = so.Adam([w], lr=so.linear(1.0, total=10**9))

    def interrupt(number, frame):
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, interrupt)
    interrupts = 0
    # An interrupt inside a callback of the collector is nobody's to catch.
    gc.disable()
    try:
        for delay in np.linspace(2e-5, 2e-4, 400):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                for _ in range(20):
                    optimizer.step(gradient)
            except KeyboardInterrupt:
                interrupts += 1
            assert optimizer.step_count == optimizer.state["0"]["step"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        gc.enable()
    assert interrupts > 100


def test_hyperparameters_are_attributes_of_all_groups():
    a, b = np.ones(2), np.ones(2)
    optimizer = so.SGD([{"params": [a]}, {"params": [b], "momentum": 0.5}], lr=0.1)
    optimizer.weight_decay = 0.25
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.25, 0.25]
    assert optimizer.momentum == 0.0
    with pytest.raises(ValueError, match=r"^momentum is -1; it must be finite and >= 0$"):
        optimizer.momentum = -1
    with pytest.raises(AttributeError, match="'SGD' object has no attribute 'momentun'"):
        _ = optimizer.momentun
    optimizer.step([[np.zeros(2)], [np.zeros(2)]])
    np.testing.assert_array_equal(a, 1 - 0.1 * 0.25)  # the decay's gradient is weight_decay · 1


def test_skip_nonfinite_and_report_norm_can_be_switched():
    optimizer = adam()
    optimizer.skip_nonfinite = True
    assert optimizer.step({"w": np.array([np.nan, 0, 0])}).status == "skipped"
    optimizer.report_norm = True
    assert optimizer.step({"w": np.array([3.0, 0, 4.0])}).grad_norm == 5.0
    with pytest.raises(TypeError, match="report_norm is 'no'; it must be True or False"):
        optimizer.report_norm = "no"


def test_the_list_of_groups_is_fixed():
    optimizer = adam()
    assert isinstance(optimizer.param_groups, tuple)
    assert isinstance(optimizer.param_groups[0]["params"], tuple)
    with pytest.raises(AttributeError):
        optimizer.param_groups = []


def test_a_group_update_is_whole_or_nothing():
    group = so.SGD([np.ones(1)], lr=0.1).param_groups[0]
    group.update({"nesterov": True, "momentum": 0.9})
    assert (group["nesterov"], group["momentum"]) == (True, 0.9)
    with pytest.raises(ValueError, match="momentum"):
        group.update({"lr": 0.7, "momentum": -1})
    assert (group["lr"], group["momentum"]) == (0.1, 0.9)


def test_messages_name_the_group_that_is_wrong():
    with pytest.raises(ValueError, match=r"^lr is -1; it must be finite and >= 0$"):
        so.SGD([np.ones(1)], lr=-1)
    groups = [{"params": [np.ones(1)]}, {"params": [np.ones(1)], "lr": -1}]
    with pytest.raises(ValueError, match=r"^params\[1\]: lr is -1; it must be finite and >= 0$"):
        so.SGD(groups)
    with pytest.raises(ValueError, match="put it in a list"):
        so.SGD({"params": [np.ones(1)], "lr": 0.1})


def test_a_refused_step_keeps_the_old_arrays():
    optimizer, old = adam(), None
    old = optimizer.param_groups[0]["params"][0]
    new = {"w": np.ones(3)}
    with pytest.raises(ValueError, match="shape"):
        optimizer.step({"w": np.ones(4)}, params=new)
    assert optimizer.param_groups[0]["params"][0] is old
    optimizer.step({"w": np.ones(3)}, params=new)
    assert optimizer.param_groups[0]["params"][0] is new["w"]
    np.testing.assert_array_equal(old, 1.0)


def test_state_copies_are_plain_dicts_that_load():
    optimizer = adam()
    optimizer.step({"w": np.ones(3)})
    for copied in (copy.deepcopy(optimizer.state), pickle.loads(pickle.dumps(optimizer.state))):
        assert type(copied) is dict
        assert type(copied["w"]) is dict
        other = adam()
        other.load_state(copied)
        assert other.step_count == 1
        np.testing.assert_array_equal(other.state["w"]["exp_avg"], optimizer.state["w"]["exp_avg"])
    with pytest.raises(TypeError, match="deepcopy"):
        copy.copy(optimizer)


def test_a_lazy_optimizer_resumes_from_a_state():
    gradients = np.random.default_rng(5).standard_normal((6, 3))
    whole, halves = np.ones(3), np.ones(3)
    straight, first = so.Adam(lr=0.1), so.Adam(lr=0.1)
    for gradient in gradients:
        straight.update("a", whole, gradient)
    for gradient in gradients[:3]:
        first.update("a", halves, gradient)
    second = so.Adam(lr=0.1)
    second.load_state(copy.deepcopy(first.state))
    for gradient in gradients[3:]:
        report = second.update("a", halves, gradient)
    assert report.step == 6
    np.testing.assert_array_equal(halves, whole)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda w: {"w": w}.values(), "dict_values"),
        (lambda w: {1.5}, "set"),
        (lambda w: iter([w]), "list_iterator"),
    ],
    ids=["values", "set", "iterator"],
)
def test_iterables_that_are_no_arrays_are_refused(make, word):
    with pytest.raises(TypeError, match=word):
        so.SGD(make(np.ones(3)))


def test_an_archive_that_gives_copies_is_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", w=np.ones(3))
    with np.load(tmp_path / "weights.npz") as archive, pytest.raises(TypeError, match="copies"):
        so.SGD(archive)


def test_a_closed_optimizer_says_so_with_a_schedule_too():
    optimizer = so.SGD([np.ones(2)], lr=so.linear(1.0, total=9))
    optimizer.close()
    with pytest.raises(ValueError, match=r"^this optimizer is closed$"):
        optimizer.step([np.ones(2)])


def test_bind_refuses_what_can_never_change():
    optimizer = so.SGD({"b": np.array(1.0)})
    with pytest.raises(TypeError, match="gradient 'b' is a float, which can't change"):
        optimizer.bind({"b": 1.0})
    assert optimizer.step({"b": 1.0}).status == "updated"
