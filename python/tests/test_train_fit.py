"""fit against loops written out here, which are what it must compute bit for bit."""

import json
import subprocess
import sys

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import Batches, as_bits, network, problem, without_times

X, LABELS = problem()
BATCHES = [(X[i : i + 16], LABELS[i : i + 16]) for i in range(0, len(X), 16)]
HELD_OUT = [(x, y) for x, y in Batches(*problem(50, 1), 20)]
LOSS = nn.CrossEntropyLoss()


def fit(net=None, data=BATCHES, optimizer=None, **options):
    net = network() if net is None else net
    optimizer = optimizer or so.AdamW(net.named_parameters(), lr=0.02)
    return so.train.fit(net, data, optimizer=optimizer, loss=LOSS, **options)


def weighted(values, samples=(16,) * 6 + (4,)):
    """The mean that the history has, in the order of its additions."""
    total = weight = 0.0
    for value, count in zip(values, samples, strict=True):
        total, weight = total + value * count, weight + count
    return total / weight


def accuracy_of(predictions, labels):
    """Counted by hand, from float64 numbers."""
    hits = [int(np.argmax(row) == label) for row, label in zip(predictions, labels, strict=True)]
    return sum(hits) / len(hits)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_a_network_against_the_loop_written_out(dtype):
    batches, held_out = (
        [(x.astype(np.float64) if dtype == "float64" else x, y) for x, y in data]
        for data in (BATCHES, HELD_OUT)
    )
    net = network(dtype)
    optimizer = so.AdamW(net.named_parameters(), lr=so.cosine(0.02, total=14), report_norm=True)
    expected = {"loss": [], "accuracy": [], "val_loss": [], "val_accuracy": [], "lr": []}
    norms = []
    for _ in range(2):
        losses, hits, sums = [], [], 0.0
        for x, y in batches:
            predictions = net(x)
            losses.append(LOSS(predictions, y))
            hits.append(accuracy_of(so.cast(predictions, "float64"), y))
            net.backward(LOSS.backward())
            report = optimizer.step(net.gradients())
            sums += report.grad_norm
        norms.append(sums / 7)
        expected["loss"].append(weighted(losses))
        expected["accuracy"].append(weighted(hits))
        expected["lr"].append(report.lr)
        net.eval()
        held_losses, held_hits = [], []
        for x, y in held_out:
            predictions = net(x)
            held_losses.append(LOSS(predictions, y))
            held_hits.append(accuracy_of(so.cast(predictions, "float64"), y))
        net.train()
        expected["val_loss"].append(weighted(held_losses, (20, 20, 10)))
        expected["val_accuracy"].append(weighted(held_hits, (20, 20, 10)))

    other = network(dtype)
    history = fit(
        other,
        batches,
        so.AdamW(other.named_parameters(), lr=so.cosine(0.02, total=14), report_norm=True),
        epochs=2,
        validation=held_out,
        metrics=["accuracy"],
    )
    assert as_bits(other.state_dict()) == as_bits(net.state_dict())
    assert {name: history[name] for name in expected} == expected
    assert history["grad_norm"] == norms
    assert (history["epoch"], history["step"], history["updates"]) == ([1, 2], [7, 14], [7, 14])
    assert history["skipped"] == [0, 0]
    json.dumps(history, allow_nan=False)


def test_accumulation_weighs_batches_and_goes_over_the_end_of_an_epoch():
    net = network()
    optimizer = so.SGD(net.named_parameters(), lr=0.1, accumulate=3)
    for x, y in BATCHES * 2:
        LOSS(net(x), y)
        net.backward(LOSS.backward())
        optimizer.step(net.gradients(), samples=len(x))
    other = network()
    trainer = so.SGD(other.named_parameters(), lr=0.1, accumulate=3)
    history = fit(other, optimizer=trainer, epochs=2)
    assert as_bits(other.state_dict()) == as_bits(net.state_dict())
    assert history["updates"] == [2, 4]  # 7 and 14 batches
    assert fit(other, optimizer=trainer)["updates"] == [7]  # with the 2 batches that were left
    optimizer = so.SGD(net.named_parameters(), lr=0.1, accumulate=8)
    history = fit(net, optimizer=optimizer, epochs=2)
    assert (history["updates"], history["grad_norm"][0]) == ([0, 1], None)  # no update, no norm


def test_validation_is_of_the_averaged_weights_and_leaves_training_alone():
    net, plain = network(dropout=0.5), network(dropout=0.5)
    options = {"epochs": 2, "validation": HELD_OUT}
    averaging = so.AdamW(net.named_parameters(), lr=0.02, ema_decay=0.9)
    history = fit(net, optimizer=averaging, **options)
    with averaging.evaluation():
        net.eval()
        expected = weighted([LOSS(net(x), y) for x, y in HELD_OUT], (20, 20, 10))
    assert history["val_loss"][-1] == expected
    fit(plain, epochs=2)
    assert as_bits(plain.state_dict()) == as_bits(net.train().state_dict())


def test_early_stopping_keeps_the_best_averaged_weights():
    net = network()
    optimizer = so.SGD(net.named_parameters(), lr=0.5, ema_decay=0.5)
    stopping = so.EarlyStopping(patience=1, mode="max", params=net.named_parameters())
    values = iter([0.5, 0.75, 0.25, 1.0])
    kept = []

    def keep(info):
        if info["event"] == "epoch":
            kept.append({name: slots["ema"].copy() for name, slots in optimizer.state.items()})

    history = fit(
        net,
        optimizer=optimizer,
        epochs=4,
        early_stopping=stopping,
        monitor="val_metric",
        validation=[HELD_OUT[0]],
        metrics={"metric": lambda p, t: next(values) if len(p) == 20 else 0.0},
        callbacks=keep,
    )
    assert history["val_metric"] == [0.5, 0.75, 0.25]
    stopping.restore()
    assert as_bits(net.named_parameters()) == as_bits(kept[1])


def test_the_plateau_observes_what_is_monitored():
    net, plateau = network(), so.ReduceOnPlateau(factor=0.5, patience=0)
    losses = iter([3.0, 4.0, 2.0, 2.5])
    history = fit(
        net,
        optimizer=so.SGD(net.named_parameters(), lr=0.1 * plateau),
        epochs=4,
        plateau=plateau,
        monitor="val_metric",
        validation=[HELD_OUT[0]],
        metrics={"metric": lambda p, t: next(losses) if len(p) == 20 else 0.0},
    )
    # The rate of an epoch's last update: the reductions came after epochs 2 and 4.
    assert history["lr"] == [0.1, 0.1, 0.05, 0.05]
    assert plateau.value == 0.25


@pytest.mark.parametrize("validation", [None, HELD_OUT])
def test_the_default_monitor(validation):
    stopping = so.EarlyStopping(patience=100)
    history = fit(validation=validation, epochs=3, early_stopping=stopping)
    assert stopping.best == min(history["loss" if validation is None else "val_loss"])


def test_a_function_with_numbers_of_its_own():
    w = np.zeros(2)
    x = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])

    def model(inputs, targets):
        error = inputs @ w - targets
        return np.mean(error**2), 2 / len(error) * error @ inputs, {"worst": np.abs(error).max()}

    batches = [(x[:2], np.array([1.0, 2.0])), (x[2:], np.array([3.0]))]
    history = so.train.fit(
        model,
        batches,
        optimizer=so.SGD(w, lr=0.5),
        validation=batches,
        evaluate=lambda x, y: {"worst": np.abs(x @ w - y).max()},
    )
    # First step: errors -1, -2, loss 2.5, gradient (-1, -2), w = (0.5, 1). Second: error -1.5, loss
    # 2.25, gradient (-3, -3), w = (2, 2.5). Then the errors are 1, 0.5 and 1.5.
    np.testing.assert_array_equal(w, [2.0, 2.5])
    assert history["loss"] == [(2 * 2.5 + 2.25) / 3]
    assert history["worst"] == [(2 * 2 + 1.5) / 3]
    assert history["val_worst"] == [(2 * 1.0 + 1.5) / 3]


@pytest.mark.parametrize(
    ("data", "arguments"),
    [
        ([np.ones(3)], (3,)),
        ([{"x": np.ones(3)}], ({"x": 3},)),
        ([[np.ones(3), np.ones(2)]], (3, 2)),
        (lambda: iter([(np.ones(4),)]), (4,)),
        (lambda epoch: [np.ones(5 + epoch)], (5,)),
    ],
)
def test_batches_become_arguments(data, arguments):
    seen, w = [], np.zeros(1)

    def length(x):
        return {key: len(value) for key, value in x.items()} if isinstance(x, dict) else len(x)

    def model(*batch):
        seen.append(tuple(map(length, batch)))
        return 0.0, np.zeros(1)

    samples = []
    so.train.fit(
        model,
        data,
        optimizer=so.SGD(w),
        callbacks=lambda info: samples.append(info.get("samples")) if "batch" in info else None,
    )
    assert seen == [arguments]
    assert samples == [3 if isinstance(arguments[0], dict) else arguments[0]]


def test_callbacks_get_dicts_of_what_is_documented():
    events = []
    history = fit(epochs=2, metrics=["accuracy"], validation=HELD_OUT, callbacks=[events.append])
    assert [e["event"] for e in events] == (["step"] * 7 + ["epoch"]) * 2 + ["end"]
    for event in events:
        if event["event"] != "end":
            assert next(iter(event)) == "event"
            assert f"``{list(event)[1]}``" in so.train.fit.__doc__
    step = events[9]
    assert (step["epoch"], step["batch"], step["step"], step["updates"]) == (2, 2, 9, 9)
    assert (step["status"], step["samples"]) == ("updated", 16)
    assert step["grad_norm"] > 0
    for name in step:
        assert name == "accuracy" or f"``{name}``" in so.train.fit.__doc__ or name == "event"
    assert {k: v for k, v in events[15].items() if k != "event"} == {
        name: entries[1] for name, entries in history.items()
    }
    end = events[-1]
    assert (end["epoch"], end["step"], end["reason"]) == (2, 14, "epochs")
    assert end["history"] is history


@pytest.mark.parametrize(
    ("event", "epochs", "steps"), [("step", 0, 1), ("epoch", 1, 7)], ids=["step", "epoch"]
)
def test_callbacks_stop(event, epochs, steps):
    ends = []

    def stop(info):
        return np.bool_(info["event"] == event)

    history = fit(epochs=3, callbacks=[stop, lambda info: ends.append(info)])
    assert len(history.get("loss", [])) == epochs
    assert (ends[-1]["reason"], ends[-1]["step"]) == ("callback", steps)


def test_a_callback_that_returns_something_else_is_a_mistake():
    with pytest.raises(TypeError, match="a callback returned 3; it must return True to stop"):
        fit(callbacks=lambda info: 3)


def test_modes_are_as_they_were():
    net = network()
    norm = net[1]
    norm.eval()  # frozen
    statistics = norm.running_mean.copy()
    fit(net, validation=HELD_OUT)
    assert (net.training, norm.training, net[3].training) == (True, False, True)
    np.testing.assert_array_equal(norm.running_mean, statistics)
    net.eval()
    fit(net, validation=HELD_OUT)
    assert not any(module.training for module in net.named_modules().values())


def test_part_of_the_parameters_can_be_trained():
    net = network()
    before = as_bits(net.named_parameters())
    last = {k: v for k, v in net.named_parameters().items() if k.startswith("4")}
    fit(net, optimizer=so.SGD(last, lr=0.1))
    changed = [k for k, bits in as_bits(net.named_parameters()).items() if bits != before[k]]
    assert changed == ["4.weight", "4.bias"]


def test_the_optimizer_keeps_its_settings():
    net = network()
    optimizer = so.SGD(net.named_parameters(), lr=0.1)
    fit(net, optimizer=optimizer)
    assert optimizer.skip_nonfinite is False
    optimizer.skip_nonfinite = True
    fit(net, optimizer=optimizer)
    assert optimizer.skip_nonfinite is True


def test_times_are_what_a_clock_says():
    import time

    def slow():
        for batch in BATCHES[:3]:
            time.sleep(0.05)
            yield batch

    history = fit(data=slow, epochs=1)
    assert 0.15 <= history["seconds"][0] < 5
    assert 0.15 / history["seconds"][0] <= history["data_wait"][0] <= 1
    assert history["samples_per_second"][0] == 48 / history["seconds"][0]


def test_no_epochs():
    assert fit(epochs=0) == {}


def test_the_package_comes_when_it_is_asked_for():
    code = (
        "import sys, swiftopt; assert 'swiftopt.train' not in sys.modules; swiftopt.train.fit; "
        "assert not {'tqdm', 'tensorboardX', 'matplotlib', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Once:
    """An iterator that doesn't begin anew."""

    def __init__(self):
        self.batches = iter(BATCHES)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.batches)


def optimizer_of(net):
    return so.SGD(net.named_parameters())


def function(*batch):
    return 0.0, {"w": np.zeros(1)}


NET, W = network(), {"w": np.zeros(1)}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: so.train.fit(NET, BATCHES, optimizer=optimizer_of(NET)), TypeError,
         "loss is None; a network needs a loss with backward"),
        (lambda: fit(data=(X, LABELS)), TypeError, "data is a tuple of arrays; it must give batch"),
        (lambda: fit(data={"x": X}), TypeError, "data is a dict; it must be an iterable"),
        (lambda: fit(data=3), TypeError, "data is a int; it must be an iterable of batches"),
        (lambda: fit(data=[X]), TypeError, "a batch has ndarray; a network takes pairs"),
        (lambda: fit(data=[(X, X, X)]), TypeError, "a batch has 3 entries; a network takes pairs"),
        (lambda: fit(data=[]), ValueError, "data gave no batch in epoch 1$"),
        (lambda: fit(data=Once(), epochs=2), ValueError,
         "data gave no batch in epoch 2; a generator can be iterated once only"),
        (lambda: fit(validation=[]), ValueError, "validation gave no batch in epoch 1"),
        (lambda: fit(validation=(X, LABELS)), TypeError, "validation is a tuple of arrays"),
        (lambda: fit(optimizer="adam"), TypeError, "optimizer is 'adam'; it must be an optimizer"),
        (lambda: fit(optimizer=optimizer_of(network())), ValueError,
         "the optimizer has other arrays than the network"),
        (lambda: fit(NET, optimizer=so.SGD(list(NET.named_parameters().values()))), ValueError,
         r"the optimizer calls its parameters 0, 1, 2\.\.\."),
        (lambda: fit(scaler=so.LossScaler()), ValueError, "scaler is for a model that is a func"),
        (lambda: fit(evaluate=function), ValueError, "evaluate is for a model that is a function"),
        (lambda: fit(params={}), ValueError, "params is for a model that is a function"),
        (lambda: fit(metrics="accuracy"), TypeError, "metrics is 'accuracy'; it must be a list"),
        (lambda: fit(metrics=["f1"]), TypeError, "metrics: 'f1' must be a function"),
        (lambda: fit(metrics=["accuracy", so.train.accuracy]), ValueError, "two are called"),
        (lambda: fit(metrics={"lr": so.train.accuracy}), ValueError, "can't be called 'lr'"),
        (lambda: fit(metrics={"a": lambda p, t: "much"}), TypeError, "a is 'much'; it must be a"),
        (lambda: fit(epochs=1.5), TypeError, "epochs is 1.5; it must be an int"),
        (lambda: fit(epochs=-1), ValueError, "epochs is -1"),
        (lambda: fit(keep=0), ValueError, "keep is 0"),
        (lambda: fit(resume=True), ValueError, "resume needs checkpoint"),
        (lambda: fit(resume=1, checkpoint="x"), TypeError, "resume is 1"),
        (lambda: fit(checkpoint_every=2), ValueError, "checkpoint_every needs checkpoint"),
        (lambda: fit(early_stopping=3), TypeError, "early_stopping is 3; it must be of class Ear"),
        (lambda: fit(plateau=0.5), TypeError, "plateau is 0.5; it must be of class Red"),
        (lambda: fit(callbacks=[3]), TypeError, "callbacks: 3 must be a function of a dict"),
        (lambda: fit(rng=[0]), TypeError, "rng: 0 must be a numpy.random.Generator"),
        (lambda: fit(log="run.txt"), ValueError, "must end with .csv or .jsonl, or be a folder"),
        (lambda: fit(log=3.5), TypeError, "log is 3.5; it must be a path or a list of paths"),
        (lambda: so.train.fit(3, BATCHES, optimizer=so.SGD(W)), TypeError, "model is a int"),
        (lambda: so.train.fit(function, BATCHES, optimizer=so.SGD(W), loss=LOSS), ValueError,
         "loss is for a network"),
        (lambda: so.train.fit(function, BATCHES, optimizer=so.SGD(W), metrics=["accuracy"]),
         ValueError, "metrics is for a network"),
        (lambda: so.train.fit(function, BATCHES, optimizer=so.SGD(W), validation=BATCHES),
         ValueError, "needs evaluate"),
        (lambda: so.train.fit(function, BATCHES, optimizer=so.SGD(W), checkpoint="x", params={}),
         ValueError, "params lacks 'w' of the optimizer, so a resumed run would begin anew with"),
        (lambda: so.train.fit(lambda *b: 1.0, BATCHES, optimizer=so.SGD(W)), TypeError,
         r"model returned a float; it must return \(loss, gradients\)"),
        (lambda: so.train.fit(lambda *b: ("x", None), BATCHES, optimizer=so.SGD(W)), TypeError,
         "loss is 'x'; it must be a number"),
        (lambda: so.train.fit(lambda *b: (1.0, None, 3), BATCHES, optimizer=so.SGD(W)), TypeError,
         "model returned a int; it must be a dict of numbers"),
        (lambda: so.train.fit(lambda *b: (1.0, None, {"val_a": 3}), BATCHES, optimizer=so.SGD(W)),
         ValueError, "can't be called 'val_a'"),
    ],
)  # fmt: skip
def test_mistakes(call, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        call()


def test_an_unknown_monitor_is_told_with_what_there_is():
    with pytest.raises(ValueError, match=r"monitor is 'acc'; there are 'loss', 'val_loss'$"):
        fit(validation=HELD_OUT, monitor="acc")
    with pytest.raises(ValueError, match=r"monitor is 'acc'; there are 'loss', 'accuracy'$"):
        fit(metrics=["accuracy"], monitor="acc")
    with pytest.raises(ValueError, match=r"monitor is 'x'; an epoch has 'epoch', .*'data_wait'$"):
        so.train.fit(
            function,
            BATCHES,
            optimizer=so.SGD({"w": np.zeros(1)}),
            monitor="x",
            plateau=so.ReduceOnPlateau(),
        )


def test_reports_are_the_same_for_every_number_of_threads():
    runs = []
    for threads in (1, 2, 3):
        so.set_num_threads(threads)
        net = network()
        history = fit(net, epochs=2, validation=HELD_OUT, metrics=["accuracy"])
        runs.append((as_bits(net.state_dict()), without_times(history)))
    assert runs[0] == runs[1] == runs[2]
