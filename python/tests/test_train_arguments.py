"""What fit refuses before it does anything, and how it reads arguments that have two forms."""

import functools

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import as_bits, network, problem

X, LABELS = problem()
BATCHES = [(X[i : i + 20], LABELS[i : i + 20]) for i in range(0, 100, 20)]
HELD_OUT = [problem(20, 1)]


def fit(net=None, data=BATCHES, *, optimizer=None, **options):
    net = net or network()
    optimizer = optimizer or so.SGD(net.named_parameters(), lr=0.1)
    return so.train.fit(net, data, optimizer=optimizer, loss=nn.CrossEntropyLoss(), **options)


def trained_nothing(info):
    raise AssertionError("a step was made")


# ------------------------------------------------------------------ functions of the epoch


def with_default(epoch=5):
    return [epoch]


def by_name(*, epoch):
    return [epoch]


def by_position(n):
    return [n]


def only_by_position(n, /, times=2):
    return [n] * times


def named_second(offset=10, epoch=0):
    return [offset + epoch]


def without(batches=(7,)):
    return list(batches)


class Method:
    def __call__(self, epoch):
        return [epoch]


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (with_default, [0, 1, 2]),
        (by_name, [0, 1, 2]),
        (by_position, [0, 1, 2]),
        (only_by_position, [0, 0, 1, 1, 2, 2]),
        (named_second, [10, 11, 12]),
        (without, [7, 7, 7]),
        (lambda *rest, **more: [len(rest) + len(more)], [0, 0, 0]),
        (Method(), [0, 1, 2]),
        (functools.partial(named_second, 20), [20, 21, 22]),
        (functools.partial(lambda what, n: [what, n], 9), [9, 0, 9, 1, 9, 2]),
    ],
)
def test_who_gets_the_epoch(data, seen):
    found = []

    def model(number):
        found.append(number)
        return 0.0, np.zeros(1)

    so.train.fit(model, data, optimizer=so.SGD(np.zeros(1)), epochs=3)
    assert found == seen


# --------------------------------------------------------------- data for one epoch only


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: (batch for batch in BATCHES), "generator"),
        (lambda: iter(BATCHES), "list_iterator"),
        (lambda: zip([X], [LABELS], strict=True), "zip"),
    ],
)
@pytest.mark.parametrize("argument", ["data", "validation"])
def test_what_can_be_iterated_once_only(make, name, argument):
    with pytest.raises(
        ValueError,
        match=f"^{argument} is a {name}, which can be iterated once only, for 2 epochs; give a li",
    ):
        fit(**{argument: make()}, epochs=2, callbacks=trained_nothing)
    assert fit(**{argument: make()})["epoch"] == [1]


def test_an_iterator_that_begins_anew():
    class Anew:
        def __iter__(self):
            self.left = list(BATCHES)
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            return self.left.pop()

    assert fit(data=Anew(), epochs=3)["step"] == [5, 10, 15]


# -------------------------------------------------------------------------- accumulation


def test_a_window_that_is_never_full_is_refused():
    net = network()
    before = as_bits(net.state_dict())
    optimizer = so.SGD(net.named_parameters(), lr=0.1, accumulate=11)
    with pytest.raises(
        ValueError, match="accumulates 11 batches for an update, and data has 10 in all epochs"
    ):
        fit(net, optimizer=optimizer, epochs=2, callbacks=trained_nothing)
    assert as_bits(net.state_dict()) == before
    assert fit(net, optimizer=optimizer, epochs=3)["updates"] == [0, 0, 1]
    # The four batches that were left count.
    assert fit(net, optimizer=optimizer, epochs=2)["updates"] == [1, 2]


def test_a_window_that_was_not_full_at_the_end_is_told():
    net = network()
    optimizer = so.SGD(net.named_parameters(), lr=0.1, accumulate=11)
    with pytest.warns(RuntimeWarning, match="accumulates 11 .* update, and there were 10$") as told:
        fit(net, lambda: BATCHES, optimizer=optimizer, epochs=2)
    assert told[0].filename == __file__
    assert fit(net, lambda: BATCHES, optimizer=optimizer)["updates"] == [1]


# ------------------------------------------------------------------------------ monitors


@pytest.mark.parametrize("name", ["early_stopping", "plateau"])
def test_the_least_accuracy_is_not_the_best(name):
    make = {"early_stopping": so.EarlyStopping, "plateau": so.ReduceOnPlateau}[name]
    with pytest.raises(
        ValueError,
        match=f"monitor is 'val_accuracy', but {name} has mode='min' and takes the least for the "
        "best; make it with mode='max'",
    ):
        fit(
            validation=HELD_OUT,
            metrics=["accuracy"],
            monitor="val_accuracy",
            callbacks=trained_nothing,
            **{name: make()},
        )
    part = make(mode="max")
    history = fit(
        validation=HELD_OUT, metrics=["accuracy"], monitor="val_accuracy", epochs=2, **{name: part}
    )
    assert part.best == max(history["val_accuracy"])


def test_top_k_accuracy_is_one_too():
    with pytest.raises(ValueError, match="monitor is 'top_2_accuracy', but plateau has mode='min'"):
        fit(
            metrics=[so.train.top_k_accuracy(2)],
            monitor="top_2_accuracy",
            plateau=so.ReduceOnPlateau(),
        )


# --------------------------------------------------------------------- one, several, none


def test_none_stands_for_none():
    assert fit(callbacks=None, rng=None)["epoch"] == [1]
    seen = []
    fit(callbacks=lambda info: seen.append(info["event"]), rng=np.random.default_rng(0))
    assert seen[-1] == "end"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"callbacks": 3}, "callbacks is 3; it must be a function of a dict, or a list of them"),
        ({"rng": 3}, "rng is 3; it must be a numpy.random.Generator, or a list of them"),
    ],
)
def test_neither_one_nor_several(options, message):
    with pytest.raises(TypeError, match=message):
        fit(**options)
