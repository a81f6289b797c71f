"""Epochs and samples as updates, against counting batches one by one."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so


def updates_by_counting(time, epochs):
    """Go through the batches of so many whole epochs and count updates and samples."""
    updates = waiting = samples = 0
    for _ in range(epochs):
        for first in range(0, time.samples_per_epoch, time.batch_size):
            batch = min(time.batch_size, time.samples_per_epoch - first)
            if batch < time.batch_size and time.drop_last:
                continue
            samples += batch
            waiting += 1
            if waiting == time.accumulate:
                updates, waiting = updates + 1, 0
    return updates, samples


TIMES = st.builds(
    so.TrainingTime, st.integers(50, 200), st.integers(1, 50), st.integers(1, 7), st.booleans()
)


@given(TIMES, st.integers(0, 5))
def test_whole_epochs_are_counted_as_a_loop_does(time, epochs):
    updates, samples = updates_by_counting(time, epochs)
    assert time.epochs(epochs) == updates
    assert time.samples(samples) == updates
    assert time.steps_per_epoch == updates_by_counting(time, 1)[0]


def test_parts_are_rounded_to_the_nearest_batch():
    time = so.TrainingTime(samples_per_epoch=1000, batch_size=10)
    assert [time.epochs(x) for x in (0, 0.004, 0.005, 0.29, 0.3, 1.5)] == [0, 0, 1, 29, 30, 150]
    assert [time.samples(x) for x in (0, 4, 5, 10, 999, 1000, 2500)] == [0, 0, 1, 1, 100, 100, 250]
    uneven = so.TrainingTime(samples_per_epoch=25, batch_size=10)
    assert [uneven.samples(x) for x in (10, 20, 25, 35, 50)] == [1, 2, 3, 4, 6]
    dropping = so.TrainingTime(samples_per_epoch=25, batch_size=10, drop_last=True)
    assert [dropping.samples(x) for x in (10, 20, 30, 40)] == [1, 2, 3, 4]


def test_results_are_ints_for_schedules():
    time = so.TrainingTime(np.int64(100), np.int32(10))
    for value in (time.epochs(np.float32(1.5)), time.samples(55), time.steps_per_epoch):
        assert type(value) is int
    assert so.linear(1.0, total=time.epochs(3))(15) == 0.5


def test_it_is_a_value():
    time = so.TrainingTime(1000, 32, accumulate=2, drop_last=True)
    assert repr(time) == (
        "TrainingTime(samples_per_epoch=1000, batch_size=32, accumulate=2, drop_last=True)"
    )
    assert repr(so.TrainingTime(10, 2)) == "TrainingTime(samples_per_epoch=10, batch_size=2)"
    for again in (pickle.loads(pickle.dumps(time)), copy.deepcopy(time)):
        assert again == time
        assert hash(again) == hash(time)
    assert time != so.TrainingTime(1000, 32, accumulate=2)
    assert time != (1000, 32, 2, True)
    for attribute in ("batch_size", "other"):
        with pytest.raises(AttributeError, match="can't be changed"):
            setattr(time, attribute, 1)
    with pytest.raises(AttributeError, match="can't be changed"):
        del time.batch_size


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1), ValueError, "samples_per_epoch is 0; it must be a finite number >= 1"),
        ((10, 2.5), ValueError, "batch_size is 2.5; it must be a whole number"),
        ((10, "2"), TypeError, "batch_size is '2'; it must be a number"),
        ((10, 2, 0), ValueError, "accumulate is 0"),
        ((10, 2, 1, 1), TypeError, "drop_last is 1; it must be True or False"),
        ((10, 20, 1, True), ValueError, "batch_size is 20; with drop_last it must be at most"),
    ],
)
def test_bad_sizes_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        so.TrainingTime(*arguments)


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf"), "1", None, True])
def test_bad_times_are_refused(bad):
    time = so.TrainingTime(10, 2)
    for count in (time.epochs, time.samples):
        with pytest.raises((TypeError, ValueError), match="count is"):
            count(bad)
