"""A run that is killed, interrupted or stopped goes on with the bits of one that never was."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import Batches, Total, as_bits, fit_everything, network, problem, without_times

PROGRAM = Path(__file__).with_name("train_runs.py")


def run(folder, kill_at="never", kind="lazy"):
    return subprocess.run(
        [sys.executable, PROGRAM, folder, kill_at, kind],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    arrays, numbers = fit_everything(tmp_path_factory.mktemp("whole"), resume=False)
    return {name: bits.hex() for name, bits in as_bits(arrays).items()}, numbers


def logs_without_times(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["loss"] for row in rows] == [repr(line["loss"]) for line in lines]
    return [without_times(line) for line in lines]


def check(folder, uninterrupted):
    result = json.loads((folder / "result.json").read_text())
    bits, numbers = uninterrupted
    assert result["bits"] == bits
    # Through JSON, which keeps every bit of a float.
    assert result["numbers"] == json.loads(json.dumps(numbers))
    history = numbers["history"]
    rows = [dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True)]
    assert logs_without_times(folder) == rows


# Seven steps are an epoch, and every third step and every epoch is saved: after a step that was
# saved, after the last step of an epoch, before an epoch is logged or saved, within a save, in
# the second epoch of a process that resumed in the first.
@pytest.mark.parametrize(
    ("kills", "kind"),
    [
        (["step 2", "step 4", "step 7"], "lazy"),
        (["epoch 1", "epoch 1", "epoch 2"], "lazy"),
        (["save 1", "save 3", "save 4", "save 2"], "lazy"),
        (["step 21", "step 1", "step 7"], "lazy"),
        (["epoch 3"], "lazy"),  # the last save is that of step 21, the last one of its epoch
        (["epoch 3", "step 2"], "eager"),
        (["step 7", "step 8"], "eager"),
        (["save 2", "step 22", "epoch 1"], "eager"),
    ],
)
def test_kills_at_chosen_moments(kills, kind, tmp_path, uninterrupted):
    for kill_at in kills:
        assert run(tmp_path, kill_at, kind).returncode == -signal.SIGKILL
    done = run(tmp_path, kind=kind)
    assert done.returncode == 0, done.stderr
    check(tmp_path, uninterrupted)


def test_kills_by_the_clock(tmp_path, uninterrupted):
    generator = random.Random(7)
    killed = 0
    for _ in range(8):
        process = subprocess.Popen([sys.executable, PROGRAM, tmp_path, "slowly", "lazy"])
        deadline = time.monotonic() + 60
        while not (tmp_path / "run.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.002)  # the time to import is no time to be killed in
        time.sleep(generator.uniform(0.0, 0.4))
        process.kill()
        if process.wait() == 0:
            break
        killed += 1
    assert killed > 0
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    check(tmp_path, uninterrupted)


def test_a_finished_run_stays_as_it_is(tmp_path, uninterrupted):
    for _ in range(2):
        assert run(tmp_path).returncode == 0
        check(tmp_path, uninterrupted)


def test_more_epochs_go_on(tmp_path):
    longer, other = fit_everything(tmp_path / "a", epochs=3, resume=False), tmp_path / "b"
    fit_everything(other, epochs=1)
    fit_everything(other, epochs=2)
    resumed = fit_everything(other, epochs=3)
    assert as_bits(resumed[0]) == as_bits(longer[0])
    assert resumed[1] == longer[1]


@pytest.mark.parametrize("step", [1, 6, 7, 8])
def test_a_callback_that_stops_within_an_epoch(step, tmp_path, uninterrupted):
    def stop(info):
        return info["event"] == "step" and info["step"] == step

    _, numbers = fit_everything(tmp_path, callbacks=[stop])
    assert len(numbers["history"].get("loss", [])) == (step - 1) // 7
    arrays, numbers = fit_everything(tmp_path)
    assert {name: bits.hex() for name, bits in as_bits(arrays).items()} == uninterrupted[0]
    assert numbers == uninterrupted[1]


@pytest.fixture
def ctrl_c():
    """Have Ctrl-C mean what it means by default; jobs in the background ignore it."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


class InterruptIn:
    """Presses Ctrl-C in the middle of a call."""

    def __init__(self, function, at):
        self.function, self.at, self.calls = function, at, 0
        self.__name__ = function.__name__

    def __call__(self, *arguments):
        self.calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        return self.function(*arguments)


def fit_with_metric(folder, metric, *, data=None, **options):
    net = network()
    optimizer = so.SGD(net.named_parameters(), lr=0.1, momentum=0.9, ema_decay=0.5)
    history = so.train.fit(
        net,
        data or Batches(*problem(), 16),
        optimizer=optimizer,
        loss=nn.CrossEntropyLoss(),
        epochs=3,
        validation=Batches(*problem(50, 1), 20, seed=5),
        metrics=[metric],
        checkpoint=folder / "run.safetensors",
        **options,
    )
    return as_bits(net.state_dict()), without_times(history)


# Calls of the metric: 1 to 7 in training, 8 to 10 in validation, 11 to 17 in training, ...
@pytest.mark.parametrize("at", [1, 4, 7, 8, 10, 12, 18, 30])
def test_ctrl_c_saves_and_raises(at, tmp_path, ctrl_c):
    expected = fit_with_metric(tmp_path / "whole", so.train.accuracy)
    with pytest.raises(KeyboardInterrupt):
        fit_with_metric(tmp_path, InterruptIn(so.train.accuracy, at))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    saved = so.load(tmp_path / "run.safetensors").extra["swiftopt.train"]["position"]
    steps = [1, 4, 7, 7, 7, 9, 14, 21][[1, 4, 7, 8, 10, 12, 18, 30].index(at)]
    assert saved["step"] == steps
    assert fit_with_metric(tmp_path, so.train.accuracy, resume=True) == expected


class WithoutEpoch:
    """Data that has a state and doesn't tell the epoch."""

    def __init__(self):
        self.batches = Batches(*problem(), 16)
        self.load_state = self.batches.load_state

    @property
    def state(self):
        return self.batches.state

    def __iter__(self):
        return iter(self.batches)


@pytest.mark.parametrize("at", [4, 8, 10, 18])
def test_ctrl_c_with_data_that_does_not_tell_the_epoch(at, tmp_path, ctrl_c):
    expected = fit_with_metric(tmp_path / "whole", so.train.accuracy, data=WithoutEpoch())
    with pytest.raises(KeyboardInterrupt):
        fit_with_metric(tmp_path, InterruptIn(so.train.accuracy, at), data=WithoutEpoch())
    again = fit_with_metric(tmp_path, so.train.accuracy, data=WithoutEpoch(), resume=True)
    assert again == expected


def test_a_second_ctrl_c_does_not_wait(tmp_path, ctrl_c):
    def impatient(predictions, targets):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return 0.0

    with pytest.raises(KeyboardInterrupt):
        fit_with_metric(tmp_path, impatient)
    assert not (tmp_path / "run.safetensors").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_callers_own_stays(tmp_path, ctrl_c):
    pressed = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    fit_with_metric(tmp_path, InterruptIn(so.train.accuracy, 3))
    assert pressed == [signal.SIGINT]


def test_other_threads_train_too(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    expected = fit_with_metric(tmp_path / "a", so.train.accuracy)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(fit_with_metric, tmp_path / "b", so.train.accuracy).result() == expected


def function_run(folder, epochs, *, stop_at=None, data=None):
    """A model that is a function, with noise of its own and a scale for float16 gradients."""
    params = {"w": np.zeros(6, np.float16), "seen": np.zeros(1, np.int64)}
    rng, scaler = np.random.default_rng(3), so.LossScaler(2.0**24, growth_interval=4)
    optimizer = so.Adam({"w": params["w"]}, lr=0.05)
    plateau = so.ReduceOnPlateau(patience=0)  # of which the optimizer knows nothing
    x, labels = problem()

    def model(inputs, targets):
        params["seen"] += len(inputs)
        noisy = inputs + 0.1 * rng.standard_normal(inputs.shape).astype(np.float32)
        error = noisy @ params["w"].astype(np.float32) - targets
        gradient = scaler.scale(2 * error / len(error)) @ noisy
        with np.errstate(over="ignore"):
            return float(np.mean(error**2)), {"w": gradient.astype(np.float16)}

    def batches(epoch):
        order = np.random.default_rng(epoch).permutation(len(x))
        return [(x[order[i : i + 16]], labels[order[i : i + 16]]) for i in range(0, 100, 16)]

    history = so.train.fit(
        model,
        data or batches,
        optimizer=optimizer,
        epochs=epochs,
        scaler=scaler,
        plateau=plateau,
        checkpoint=folder / "run.safetensors",
        resume=True,
        params=params,
        rng=rng,
        callbacks=lambda info: info["event"] == "step" and info["step"] == stop_at,
    )
    return as_bits(params), without_times(history), scaler.state, plateau.state


@pytest.mark.parametrize("stop_at", [1, 5, 7, 9, 14])
def test_a_function_and_data_without_a_state(stop_at, tmp_path):
    expected = function_run(tmp_path / "a", 3)
    assert sum(expected[1]["skipped"]) > 0  # the scale had to come down
    function_run(tmp_path / "b", 3, stop_at=stop_at)
    assert function_run(tmp_path / "b", 3) == expected


def test_data_that_lacks_what_was_done_is_refused(tmp_path):
    function_run(tmp_path, 3, stop_at=5)
    with pytest.raises(
        ValueError, match="data gave 1 batches in the epoch that is resumed after 5"
    ):
        function_run(tmp_path, 3, data=[problem(16)])


def test_a_file_of_another_kind_is_refused_and_changes_nothing(tmp_path, frozen):
    params = {"w": np.ones(3)}
    optimizer = so.Adam(params)
    so.save(tmp_path / "run.safetensors", params={"w": np.zeros(3)})

    def fit(**options):
        return so.train.fit(
            lambda x: (0.0, {"w": np.ones(3)}),
            [np.ones(1)],
            optimizer=optimizer,
            checkpoint=tmp_path / "run.safetensors",
            params=params,
            **options,
        )

    with (
        frozen(params, optimizer=optimizer),
        pytest.raises(so.CheckpointError, match=r"wasn't saved by swiftopt\.train\.fit"),
    ):
        fit(resume=True)
    fit()
    with (
        frozen(params, optimizer=optimizer),
        pytest.raises(ValueError, match="with 0 generators in rng"),
    ):
        fit(resume=True, rng=np.random.default_rng())
    with frozen(params, optimizer=optimizer), pytest.raises(ValueError, match="0 callbacks that"):
        fit(resume=True, callbacks=[Total(), print])
    with frozen(params, optimizer=optimizer), pytest.raises(ValueError, match="without plateau"):
        fit(resume=True, plateau=so.ReduceOnPlateau())
    with frozen(params, optimizer=optimizer), pytest.raises(so.CheckpointError, match="scaler"):
        fit(resume=True, scaler=so.LossScaler())


def test_the_checkpoint_has_the_optimizer_as_the_caller_made_it(tmp_path):
    fit_with_metric(tmp_path, so.train.accuracy)
    found = so.load(tmp_path / "run.safetensors")
    assert found.optimizer["options"]["skip_nonfinite"] is False
    assert found.contents == ("params", "optimizer", "loader", "extra")


def test_keep(tmp_path):
    fit_with_metric(tmp_path, so.train.accuracy, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "run.1.safetensors",
        "run.safetensors",
    ]
