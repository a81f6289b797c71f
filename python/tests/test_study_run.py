"""Running a study: interrupted, on several processes, and the same bits always."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so
from swiftopt.study import Config, Outcome, Protocol, StudyError, outcome, report, run
from swiftopt.study import _pool as pool
from swiftopt.study import _protocol as protocols
from swiftopt.study._timing import measure
from swiftopt.study._training import train
from swiftopt.study.workloads import Data

from .study_support import SMALL, workload

PROGRAM = """
import signal, sys
from swiftopt.study import run
from study_support import SMALL
if __name__ == "__main__":
    # Who starts the tests in the background of a shell has it ignored, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run(sys.argv[1], protocol=SMALL, jobs=int(sys.argv[2]), phases=("trials",))
"""


def results_in(folder):
    """The trials in a folder, as often as they were written, without how long they took."""
    records = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    trials = [record for record in records if record["kind"] == "trial"]
    for record in trials:
        del record["result"]["wall_seconds"]
    return trials


def start(folder, jobs, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, script, folder, str(jobs)], env=os.environ | {"PYTHONPATH": here}
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The trials of the smallest study, run in one go."""
    folder = tmp_path_factory.mktemp("whole")
    messages = []
    found = run(folder, protocol=SMALL, phases=("trials",), progress=messages.append)
    assert found.trials_left == 0
    assert [message.done for message in messages] == list(range(1, found.trials_done + 1))
    return results_in(folder)


@pytest.mark.parametrize(("jobs", "how"), [(1, signal.SIGKILL), (2, signal.SIGINT)])
def test_a_run_that_was_stopped_goes_on(whole, jobs, how, tmp_path):
    folder = tmp_path / "stopped"
    file = folder / "results.jsonl"
    process = start(folder, jobs, tmp_path)
    deadline = time.monotonic() + 120
    while not (file.exists() and file.read_bytes().count(b"\n") >= 5):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait(60) != 0
    before = len(results_in(folder))
    assert start(folder, jobs, tmp_path).wait(120) == 0
    after = results_in(folder)
    assert 3 <= before < len(after)
    # Each trial once, and the same bits as in one go.
    assert len({record["key"] for record in after}) == len(after)
    assert {record["key"]: record for record in after} == {r["key"]: r for r in whole}


def test_nothing_is_begun_after_the_budget(tmp_path):
    found = run(tmp_path, protocol=SMALL, budget_hours=0.0)
    assert found.trials_done == 0
    assert found.trials_left > 0
    assert found.seconds_left > 0
    assert outcome(tmp_path, SMALL) == found


def test_other_data_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setitem(protocols.WORKLOADS, "logistic", lambda held_out: workload("logistic"))
    small = Protocol(["logistic"], SMALL.techniques, 1, 1, held_out=False)
    run(tmp_path, protocol=small, budget_hours=1, phases=("trials",))
    monkeypatch.setitem(pool._FINGERPRINTS, "logistic", "another")
    other = Protocol(("logistic",), SMALL.techniques, 2, 1, held_out=False)
    with pytest.raises(StudyError, match="the data of logistic aren't those"):
        run(tmp_path, protocol=other)


def test_trials_timings_and_report_of_two_clouds(tmp_path, monkeypatch):
    monkeypatch.setitem(protocols.WORKLOADS, "logistic", lambda held_out: workload("logistic"))
    monkeypatch.delitem(pool._FINGERPRINTS, "logistic", raising=False)
    small = Protocol(
        ("logistic",), SMALL.techniques, 1, 2, held_out=False, timing_rounds=2, timing_seconds=0.0
    )
    found = run(tmp_path, protocol=small)
    assert found == Outcome(found.trials_done, 0, 0, 0.0)
    assert found.is_complete
    lines = (tmp_path / "results.jsonl").read_text()
    assert run(tmp_path, protocol=small) == found
    assert (tmp_path / "results.jsonl").read_text() == lines
    paths = report(tmp_path, protocol=small)
    assert "two clouds" in paths["markdown"].read_text()
    monkeypatch.delitem(pool._FINGERPRINTS, "logistic")


# ----------------------------------------------------------------------- trials


@pytest.mark.parametrize(
    "config",
    [
        Config(lr=0.1),
        Config(optimizer="AdamW", lr=0.01, schedule="cosine", warmup=0.1, clip_norm=1.0),
        Config(lr=0.1, accumulate=2, dtype="bfloat16", label_smoothing=0.1),
    ],
)
def test_threads_change_no_bit(config):
    problem, before = workload(), so.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            so.set_num_threads(threads)
            found.append(train(problem, problem.load(), config, 3))
            del found[-1]["wall_seconds"]
    finally:
        so.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_a_trial_is_the_loop_that_anyone_would_write():
    problem, config = workload(budget=10, every=5), Config(lr=0.1)
    data = problem.load()
    net = problem.network(config).reset_parameters(7)
    loss, optimizer = so.nn.CrossEntropyLoss(), so.SGD(net.named_parameters(), lr=0.1)
    rows = np.random.default_rng([7, 1]).permutation(100)
    losses = []
    for start in range(0, 100, 10):
        batch = rows[start : start + 10]
        losses.append(loss(net(data.train.inputs[batch]), data.train.targets[batch]))
        net.backward(loss.backward())
        optimizer.step(net.gradients())
    right = (net.eval()(data.test.inputs).argmax(1) == data.test.targets).mean()
    found = train(problem, data, config, 7)
    assert found["steps"] == 10
    assert [row[0] for row in found["curve"]] == [5, 10]
    assert [row[1] for row in found["curve"]] == pytest.approx(
        [np.mean(losses[:5]), np.mean(losses[5:])], abs=1e-6
    )
    assert found["test"]["accuracy"] == right


def test_a_training_that_diverges_says_when():
    images = Data(*(split._replace(inputs=split.inputs * 1e30) for split in workload().load()[:3]))
    found = train(workload(), images, Config(lr=1e9), 0)
    assert found["diverged"] is not None
    assert found["test"] is None
    json.dumps(found, allow_nan=False)


def test_early_stopping_goes_back_to_the_best_weights():
    problem = workload(budget=400, every=1)
    config = Config(lr=1.0, patience=4)
    found = train(problem, problem.load(), config, 1)
    stopped, values = found["stopped"], [row[3] for row in found["curve"]]
    assert stopped == len(values) < 400
    assert max(values) == values[-5]  # and then four that weren't better
    assert found["validation"]["accuracy"] == max(values)


def test_times_are_taken_in_turns_and_waits_are_part_of_them():
    problem = workload()
    configs = [Config(lr=0.1), Config(lr=0.1, accumulate=2)]
    found = measure(problem, problem.load(), configs, rounds=3, seconds=0.0, load=0.5)
    assert len(found) == 2
    for times in found:
        assert times["load"] == 0.5
        assert len(times["rounds"]) == len(times["waits"]) == 3
        assert times["seconds"] == pytest.approx(sorted(times["rounds"])[1], rel=1e-4)
        pairs = zip(times["waits"], times["rounds"], strict=True)
        assert all(0 < wait < seconds for wait, seconds in pairs)
