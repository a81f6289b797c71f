"""The folder of tune: a kill, a damaged journal, and more trials later."""

import os

import pytest

from .command_line import Runner, write

pytest.importorskip("optuna")
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
