"""The folder of tune: a kill, a damaged journal, and more trials later."""

import json
import os

import pytest

from .command_line import CONFIG, Runner, write

pytest.importorskip("optuna")
from swiftopt._cli import _tuning
from swiftopt._cli._trials import storage_in


@pytest.fixture
def run(capfd):
    return Runner(capfd)


class TestLocks:
    def test_a_folder_in_use(self, run, tmp_path):
        with storage_in(tmp_path / "tune"):
            words = run.fails("tune", write(tmp_path), tmp_path / "tune", status=1)
        assert "another run is tuning in" in words

    @pytest.mark.parametrize("target", ["tune/trials.journal", "{folder}/tune/trials.journal"])
    def test_a_lock_that_a_kill_left(self, run, tmp_path, monkeypatch, target):
        """Optuna would wait for it forever, or half a minute."""
        monkeypatch.chdir(tmp_path)
        path = write(tmp_path)
        assert run("tune", path.name, "tune", "--trials", 1)[0] == 0
        lock = tmp_path / "tune/trials.journal.lock"
        lock.symlink_to(target.format(folder=tmp_path))
        status, _, errors = run("tune", path.name, "tune", "--trials", 2)
        assert (status, errors) == (0, "")
        assert not os.path.lexists(lock)


class TestJournal:
    def test_an_incomplete_line(self, run, tmp_path):
        """As a kill or a full disk leaves it."""
        arguments = "tune", write(tmp_path), tmp_path / "tune", "--json", "--trials"
        assert run(*arguments, 2)[0] == 0
        with (tmp_path / "tune/trials.journal").open("ab") as file:
            file.write(b'{"op_code":5,"worker_id":"a')
        status, output, errors = run(*arguments, 3)
        assert (status, errors) == (0, "")
        assert [stage["trials"] for stage in json.loads(output)] == [1, 3, 3, 3]
        assert run(*arguments, 3) == (0, output, "")

    @pytest.mark.parametrize("line", [b"\0\0\0\n", b"{}\n", b"3\n", b'{"op_code": 5}\n'])
    def test_damage(self, run, tmp_path, line):
        arguments = "tune", write(tmp_path), tmp_path / "tune", "--trials", 1
        assert run(*arguments)[0] == 0
        journal = tmp_path / "tune/trials.journal"
        journal.write_bytes(line + journal.read_bytes())
        words = run.fails(*arguments, status=1)
        assert words.startswith(f"{journal} is damaged (")
        assert words.endswith("take another folder\n")


class TestMoreTrials:
    def test_later_stages_start_from_the_new_best(self, run, tmp_path, monkeypatch):
        """Trials from the first best, though lucky, don't count once there is another."""
        bases = []

        def measure(document, changes, trial):
            if "optimizer.weight_decay" in changes:
                return {"val_loss": 0.1 if changes["optimizer.lr"] == bases[0] else 0.7}
            if changes:
                bases.append(changes["optimizer.lr"])
                return {"val_loss": 0.9 - 0.02 * (len(bases) > 1)}
            return {"val_loss": 1.0}

        monkeypatch.setattr(_tuning, "measure", measure)
        arguments = "tune", write(tmp_path), tmp_path / "tune", "--json", "--trials"
        first = json.loads(run(*arguments, 1)[1])
        assert [stage["values"]["val_loss"] for stage in first] == [1, 0.9, 0.1, 0.1]
        assert json.loads(run(*arguments, 1)[1]) == first
        more = json.loads(run(*arguments, 3)[1])
        assert [stage["values"]["val_loss"] for stage in more] == [1, 0.88, 0.7, 0.7]
        assert [stage["trials"] for stage in more] == [1, 3, 3, 3]
        assert more[1]["changes"].items() <= more[2]["changes"].items()

    def test_choices_that_do_not_fit_are_ended(self, run, tmp_path, monkeypatch):
        """Batches of more than the 150 samples, of which nothing would be left."""
        path = write(tmp_path, CONFIG, ("batch_size = 25", "batch_size = 25\ndrop_last = true"))
        sizes = []
        measure = _tuning.measure

        def recorded(document, changes, trial):
            sizes.append(changes.get("train.batch_size", 25))
            return measure(document, changes, trial)

        monkeypatch.setattr(_tuning, "measure", recorded)
        status, output, errors = run("tune", path, tmp_path / "tune", "--json", "--trials", 6)
        assert (status, errors) == (0, "")
        assert max(sizes) > 150
        assert json.loads(output)[-1]["pruned"] >= sum(size > 150 for size in sizes)

    @pytest.mark.parametrize("seed", [-5, 2**31 + 1, 10**30])
    def test_seeds(self, run, tmp_path, seed):
        words = run.fails("tune", write(tmp_path), tmp_path / "tune", "--seed", seed, status=2)
        assert "is not in the range" in words

    def test_the_greatest_seed(self, run, tmp_path):
        arguments = "tune", write(tmp_path), tmp_path / "tune", "--trials", 1
        assert run(*arguments, "--seed", 2**31)[0] == 0
