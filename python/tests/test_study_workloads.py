"""Workloads: every network runs, with every part that it claims to have."""

import sys

import numpy as np
import pytest

import swiftopt as so
from swiftopt.study import TECHNIQUES, WORKLOADS, Config
from swiftopt.study._schedules import learning_rate
from swiftopt.study.workloads import _flights, _text

CASES = [(name, held_out) for name in WORKLOADS for held_out in (False, True)]


def batch_of(workload, count=4):
    """Inputs as `prepared` makes them, and labels."""
    rng = np.random.default_rng(0)
    match workload.name.partition("-")[0]:
        case "transformer" | "lstm":
            shape = (count, workload.settings["context"])
            return rng.integers(256, size=shape).astype(np.uint8), rng.integers(256, size=shape)
        case "flights":
            shape = (count, len(workload.settings["columns"]))
            return rng.integers(5, size=shape).astype(np.int32), rng.integers(2, size=count)
        case _:
            images = rng.standard_normal((count, 28, 28, 1)).astype(np.float32)
            return images, rng.integers(10, size=count)


@pytest.fixture(autouse=True)
def no_table(monkeypatch):
    """The flights' network asks the table only for the number of categories."""
    monkeypatch.setattr(_flights, "table", lambda: (None, None, 40))


@pytest.mark.parametrize(("name", "held_out"), CASES)
def test_every_network_learns_a_batch(name, held_out):
    workload = WORKLOADS[name](held_out)
    assert (workload.variant_of == name) == held_out
    inputs, labels = batch_of(workload)
    base = Config(optimizer="Adam", lr=1e-3)
    configs = {base}
    for technique in TECHNIQUES.values():
        if technique.applies_to(workload):
            changed = technique.changed(base, workload).replace(batch_size=None)
            configs.add(changed.for_timing().replace(feed="naive", augmentation=False))
    for config in configs:
        if config.depth == 57:
            continue  # below, by itself
        net = workload.network(config).reset_parameters(0).to(config.dtype)
        loss, optimizer = so.nn.CrossEntropyLoss(), so.Adam(net.named_parameters(), lr=1e-3)
        losses = []
        for _ in range(4):
            losses.append(loss(net(inputs), labels))
            net.backward(loss.backward())
            optimizer.step(net.gradients())
        if not config.dropout:
            assert losses[-1] < losses[0], config


@pytest.mark.parametrize("depth", [5, 9, 21, 57])
def test_depths_are_counted_as_in_the_paper(depth):
    """Convolutions and the output: separable ones are two products and count once."""
    workload = WORKLOADS["cnn"](False)
    config = Config(depth=depth, batch_norm=True, separable=True, residual=True)
    net = workload.network(config)
    kinds = [type(module).__name__ for module in net.named_modules().values()]
    layers = kinds.count("SeparableConv2d") + kinds.count("Linear")
    layers += kinds.count("Conv2d") - kinds.count("SeparableConv2d")
    assert layers == depth
    assert kinds.count("Residual") == (depth - 3) // 2
    assert net(np.zeros((2, 28, 28, 1), np.float32)).shape == (2, 10)


def test_held_out_variants_differ_in_data_or_size():
    for name, make in WORKLOADS.items():
        assert make(False).settings != make(True).settings, name


# --------------------------------------------------------------------- the text


def test_windows_of_a_text():
    text = np.arange(100, dtype=np.uint8)
    inputs, targets = _text._split(text, context=5, stride=8)
    assert inputs[1].tolist() == [8, 9, 10, 11, 12]
    assert (targets == inputs + 1).all()
    assert inputs[-1, -1] < targets[-1, -1] <= 99
    assert not inputs.flags.writeable
    assert np.shares_memory(inputs, text)


def test_testaments_of_a_file_of_ones_own(tmp_path):
    from swiftopt.study import king_james

    path = tmp_path / "text"
    path.write_bytes(b"Gen1:1 In the beginning\nGen1:2 And\nMat1:1 The book\nMat1:2 Abraham\n")
    assert king_james.old_and_new(path) == (
        b"In the beginning\nAnd\n", b"The book\nAbraham\n",
    )  # fmt: skip


# -------------------------------------------------------------------- the table


def test_columns_of_flights():
    table = {
        "month": ["1", "12"], "day": ["1", "31"], "sched_dep_time": ["515", "2359"],
        "sched_arr_time": ["819", "5"], "carrier": ["UA", "B6"], "origin": ["EWR", "JFK"],
        "dest": ["IAH", "BQN"], "distance": ["1400", "1576"],
    }  # fmt: skip
    month, day, weekday, departure, arrival, *words, miles = _flights._columns(table)
    assert (month.tolist(), day.tolist()) == ([1, 12], [1, 31])
    # Both were Tuesdays; 1970-01-01, from which they are counted, was a Thursday.
    assert weekday.tolist() == [5, 5]
    assert (departure.tolist(), arrival.tolist(), miles.tolist()) == ([5, 23], [8, 0], [14, 15])
    assert [list(column) for column in words] == [["UA", "B6"], ["EWR", "JFK"], ["IAH", "BQN"]]


def test_the_table_is_read_without_pandas(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "pandas", None)  # importing it fails
    inputs, late, categories = _flights.table.__wrapped__()
    assert inputs.shape == (327_346, 9)  # the flights that arrived, as R's package counts them
    assert inputs.max() == categories - 1
    assert 0.2 < late.mean() < 0.25


# ---------------------------------------------------------------- learning rates


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        # At the peak, at one half and at the end of what follows 10 steps of warm-up.
        ("constant", (1.0, 1.0, 1.0)),
        ("cosine", (1.0, 0.5, 0.0)),
        ("step", (1.0, 0.1, 0.01)),
        ("exponential", (1.0, 0.1, 0.01)),
    ],
)
def test_schedules(schedule, values):
    rate = learning_rate(Config(lr=1.0, schedule=schedule, warmup=0.1), 100)
    assert (rate(0), rate(5)) == (0.0, 0.5)
    assert [rate(10), rate(55), rate(100)] == pytest.approx(values, rel=1e-12, abs=1e-12)


def test_a_constant_rate_is_a_number():
    assert learning_rate(Config(lr=0.3), 100) == 0.3


def test_a_warm_up_has_a_step_at_least():
    assert learning_rate(Config(lr=0.3, warmup=0.05), 4)(1) == 0.3
