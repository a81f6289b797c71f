"""``python -m swiftopt.study``, and what it says about the time that is left."""

import sys

import pytest

from swiftopt.study import QUICK, Config
from swiftopt.study import __main__ as command
from swiftopt.study import _protocol as protocols
from swiftopt.study._costs import Costs
from swiftopt.study._errors import StudyError
from swiftopt.study._store import Store
from swiftopt.study._trials import Trial

from .study_support import result, workload


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["study", *map(str, arguments)])
    return command.main()


def test_the_plan_is_told_beforehand(monkeypatch, tmp_path, capsys):
    assert call(monkeypatch, "plan", tmp_path, "--quick") == 0
    said = capsys.readouterr().out
    assert said.startswith("0 trials are done, ")
    assert "are left, and" in said
    assert "min, one after the other." in said
    assert list(tmp_path.iterdir()) == []


def test_the_quick_study_takes_minutes(tmp_path):
    from swiftopt.study import outcome

    assert outcome(tmp_path, QUICK).seconds_left < 300


def test_an_error_is_a_sentence_and_a_status(monkeypatch, tmp_path, capsys):
    def missing():
        raise StudyError("no data in /nowhere")

    broken = workload("logistic", load=missing)
    monkeypatch.setitem(protocols.WORKLOADS, "logistic", lambda held_out: broken)
    assert call(monkeypatch, "run", tmp_path, "--quick") == 1
    captured = capsys.readouterr()
    assert captured.err.strip() == "no data in /nowhere"
    assert "Traceback" not in captured.err


def test_ctrl_c_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupted)
    assert call(monkeypatch, "run", tmp_path, "--quick") == 130
    assert "goes on from here" in capsys.readouterr().err


def test_a_command_is_needed(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch)
    assert stopped.value.code == 2
    assert "usage: python -m swiftopt.study" in capsys.readouterr().err


def test_costs_come_from_what_was_run(tmp_path):
    problem = workload(seconds=4.0)  # 20 batches of 10 samples
    first, halved = Config(lr=0.1), Config(lr=0.1, horizon=0.5)
    other = Config(lr=0.1, dtype="bfloat16")
    store = Store(tmp_path)
    trial = Trial(problem, "sgd", "tuning", first, 0)
    assert Costs(store).of(trial) == 4.0  # nothing was run yet: the workload's own figure

    values = {"workload": problem.name, "seed": 0, "samples": 200}
    for seconds, lr in ((3.0, 0.1), (1.0, 0.2), (2.0, 0.3)):
        record = result([0.5]) | {"wall_seconds": seconds}
        store.add("trial", str(lr), config={"lr": lr}, result=record, **values)
    record = result([0.5]) | {"wall_seconds": 6.0}
    store.add("trial", "bf16", config={"lr": 0.1, "dtype": "bfloat16"}, result=record, **values)
    record = result([0.5, None]) | {"wall_seconds": 0.001}
    store.add("trial", "diverged", config={"lr": 9.0}, result=record, **values)

    costs = Costs(store)
    assert costs.of(trial) == pytest.approx(2.0)  # the median of its kind, without the diverged
    assert costs.of(Trial(problem, "x", "tuning", halved, 0)) == pytest.approx(1.0)
    assert costs.of(Trial(problem, "x", "tuning", other, 0)) == pytest.approx(6.0)
    unseen = Trial(problem, "x", "tuning", Config(optimizer="Adam"), 0)
    assert costs.of(unseen) == pytest.approx(2.5)  # the median of 1, 2, 3 and 6
