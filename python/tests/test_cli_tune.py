"""tune: stages, storage, and that its numbers are those of the trainings that it names."""

import json
import shlex
import sys

import pytest

from swiftopt import train
from swiftopt._cli._document import Document
from swiftopt._cli._experiment import build

from .command_line import CONFIG, Runner, write

optuna = pytest.importorskip("optuna")
from swiftopt._cli import _tuning  # noqa: E402  (needs optuna)
from swiftopt._cli._stages import STAGES  # noqa: E402
from swiftopt._cli._tune import report  # noqa: E402
from swiftopt._cli._tuning import Result  # noqa: E402


@pytest.fixture
def run(capfd):
    return Runner(capfd)


@pytest.fixture
def measured(monkeypatch):
    """The changes of every training that was begun, and at which of them Ctrl-C comes."""
    found: list[dict] = []
    stops: list[int] = []
    measure = _tuning.measure

    def recorded(document, changes, trial):
        found.append(changes)
        if len(found) in stops:
            raise KeyboardInterrupt
        return measure(document, changes, trial)

    monkeypatch.setattr(_tuning, "measure", recorded)
    return found, stops


class TestTune:
    def test_numbers_are_those_of_trainings(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("validation", 'test_file = "blobs.npz"\nvalidation'))
        arguments = ("tune", path, tmp_path / "tune", "--trials", 5, "--json")
        status, output, errors = run(*arguments)
        assert (status, errors) == (0, "")
        first, *stages = json.loads(output)
        assert first["changes"] == {}
        assert [stage["stage"] for stage in stages] == [stage.name for stage in STAGES]
        assert [stage["trials"] for stage in stages] == [5, 5, 5]
        losses = [result["values"]["val_loss"] for result in (first, *stages)]
        assert losses == sorted(losses, reverse=True), "a stage keeps what isn't bettered"
        assert losses[-1] < losses[0]
        for result in (first, *stages):
            found = build(Document(path).changed(result["changes"]))
            history = train.fit(
                found.net, found.data, loss=found.loss, optimizer=found.optimizer, epochs=4,
                validation=found.validation, metrics=["accuracy"],
            )  # fmt: skip
            assert min(history["val_loss"]) == result["values"]["val_loss"]

    def test_the_report_names_the_command(self, run, tmp_path):
        path = write(tmp_path)
        status, output, errors = run("tune", path, tmp_path / "tune", "--trials", 3)
        assert (status, errors) == (0, "")
        lines = output.splitlines()
        assert lines[0].split()[:3] == ["after", "val_loss", "val_accuracy"]
        for stage in STAGES:
            assert any(line.startswith(stage.name) for line in lines)
        program, *arguments = shlex.split(lines[-1])
        assert program == "swiftopt"
        best = float(next(line for line in lines if line.startswith(STAGES[-1].name)).split()[-5])
        history = json.loads(run(*arguments, "--json")[1])["history"]
        assert min(history["val_loss"]) == pytest.approx(best, rel=5e-4)  # 4 digits are printed

    def test_what_is_done_is_not_run_again(self, run, tmp_path, measured):
        found, _ = measured
        arguments = "tune", write(tmp_path), tmp_path / "tune", "--json", "--trials"
        first = run(*arguments, 3)
        assert (first[0], len(found)) == (0, 10)
        assert run(*arguments, 3) == first
        assert len(found) == 10
        assert run(*arguments, 4)[0] == 0
        assert len(found) == 13

    def test_an_interrupt(self, run, tmp_path, measured):
        found, stops = measured
        stops.append(6)
        arguments = "tune", write(tmp_path), tmp_path / "tune", "--json", "--trials", 3
        status, output, errors = run(*arguments)
        assert (status, output) == (130, "")
        assert errors == "\nStopped. The same command goes on.\n"
        status, output, errors = run(*arguments)
        assert (status, errors) == (0, "")
        assert len(found) == 11  # the one that was interrupted again
        assert [result["trials"] for result in json.loads(output)] == [1, 3, 3, 3]

    def test_trials_that_diverge_are_no_failures(self, run, tmp_path, monkeypatch):
        measure = _tuning.measure

        def diverging(document, changes, trial):
            if changes:
                raise FloatingPointError
            return measure(document, changes, trial)

        monkeypatch.setattr(_tuning, "measure", diverging)
        path = write(tmp_path)
        status, output, _ = run("tune", path, tmp_path / "tune", "--json", "--trials", 2)
        assert status == 0
        first, *stages = json.loads(output)
        for stage in stages:
            assert (stage["trials"], stage["pruned"]) == (2, 2)
            assert stage["values"] == first["values"]
        assert run("tune", path, tmp_path / "tune", "--trials", 2)[1].count("nothing was") == 3

    def test_the_report_says_what_each_stage_bought(self):
        first = Result("the file", {"val_loss": 0.5, "val_accuracy": 0.8, "seconds": 2.0}, {}, 1, 0)
        values = {"val_loss": 0.45, "val_accuracy": 0.83, "seconds": 1.0}
        better = Result("rates", values, {"optimizer.lr": 0.1}, 12, 3)
        same = Result("decay", values, {"optimizer.lr": 0.1}, 12, 6)
        lines = report([first, better, same]).splitlines()
        assert lines[0].split() == [
            *("after", "val_loss", "val_accuracy", "s", "per", "epoch"),
            *("trials", "(ended", "early)"),
        ]
        assert lines[2].split() == ["rates", "0.45", "0.83", "1", "12", "(3)"]
        assert lines[3].strip() == "val_loss -0.05, val_accuracy +0.03"
        assert lines[4].strip() == "optimizer.lr = 0.1"
        assert lines[6].strip() == "nothing was better"


class TestRefusals:
    def test_trials_of_another_file(self, run, tmp_path):
        path = write(tmp_path)
        assert run("tune", path, tmp_path / "tune", "--trials", 1)[0] == 0
        words = run.fails(
            "tune", path, tmp_path / "tune", "--trials", 1, "--set", "train.epochs=3", status=1
        )
        assert "take another folder" in words

    def test_nothing_to_validate_on(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("validation = 0.25", "validation = 0"))
        words = run.fails("tune", path, tmp_path / "tune", status=2)
        assert "[data] validation: must be above 0 to tune" in words

    def test_a_file_that_diverges(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("lr = 0.05", "lr = 1e38"), ('"AdamW"', '"SGD"'))
        words = run.fails("tune", path, tmp_path / "tune", status=1)
        assert "find a learning rate with lr-find" in words

    def test_without_optuna(self, run, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "optuna", None)
        words = run.fails("tune", write(tmp_path), tmp_path / "tune", status=1)
        assert words == "tune needs the package optuna: pip install 'swiftopt[tune]'\n"


def options(experiment):
    (group,) = experiment.optimizer.param_groups
    return {name: repr(group[name]) for name in group if name != "params"}


class TestStages:
    @pytest.mark.parametrize(
        ("old", "new", "optimizers"),
        [
            ("lr = 0.05", "lr = 0.05", {"AdamW", "SGD", "Lion"}),
            ("lr = 0.05", "betas = [0.9, 0.99]", {"AdamW", "Lion"}),
            ("lr = 0.05", 'lr = "rex(0.1, total=steps)"\namsgrad = true', {"AdamW"}),
            ('"AdamW"', '"RMSprop"', {"AdamW", "SGD", "Lion", "RMSprop"}),
        ],
    )
    def test_every_choice_can_be_trained(self, tmp_path, old, new, optimizers):
        document = Document(write(tmp_path, CONFIG, (old, new)))
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        seen = set()
        for _ in range(25):
            changes = {}
            for stage in STAGES:
                trial = study.ask()
                changes = {**changes, **stage.choose(trial, document, changes)}
                build(document.changed(changes))
            seen.add(changes["optimizer.name"])
            # As `train --set` has it.
            texts = [
                f"{key}={str(value).lower() if isinstance(value, bool) else value}"
                for key, value in changes.items()
            ]
            again = build(Document(document.path, texts))
            expected = build(document.changed(changes))
            assert options(again) == options(expected)
        assert seen == optimizers

    @pytest.mark.parametrize(
        ("lr", "expected"),
        [
            ("", "0.02"),  # twice the default of RMSprop
            ("lr = 0.3", "0.6"),
            ("lr = 'rex(0.1, total=steps)'", "2.0 * rex(0.1, total=12)"),
            ("lr = {schedule = 'rex', initial = 0.1, total = 9}", "2.0 * rex(0.1, total=9)"),
        ],
    )
    def test_the_factor_is_of_the_rate_that_there_is(self, tmp_path, lr, expected):
        document = Document(write(tmp_path, CONFIG, ("lr = 0.05", lr), ("AdamW", "RMSprop")))
        trial = optuna.trial.FixedTrial({"batch_size": 64, "dtype": "float32", "lr factor": 2.0})
        changes = STAGES[-1].choose(trial, document, {})
        text = f"optimizer.lr={changes['optimizer.lr']}"
        for found in (document.changed(changes), Document(document.path, [text])):
            lr = options(build(found.changed({"train.batch_size": 64})))["lr"]
            assert lr.replace("constant(2.0)", "2.0") == expected
