"""Output that nobody reads, streams that are closed, and Ctrl-C at any time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .command_line import CONFIG, write

PROGRAM = [sys.executable, "-m", "swiftopt"]
ADDITION = ("epochs", "weights = 'w.safetensors'\nlog = 'log.csv'\nepochs")


def unread(*arguments):
    """Run with a stdout that nobody reads: status and stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*PROGRAM, *map(str, arguments)], stdout=writer, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    return done.returncode, done.stderr


class TestNoReader:
    @pytest.mark.parametrize("options", [(), ("--json",)])
    def test_a_training_goes_on(self, tmp_path, options):
        pytest.importorskip("safetensors")
        path = write(tmp_path, CONFIG, ADDITION)
        assert unread("train", path, *options) == (0, "")
        assert len((tmp_path / "log.csv").read_text().splitlines()) == 5
        assert (tmp_path / "w.safetensors").is_file()

    @pytest.mark.parametrize("arguments", [("--help",), ("train", "--help"), ("info",), ()])
    def test_others_end(self, arguments):
        assert unread(*arguments) == (0, "")

    def test_an_exit_of_a_module_is_its_own(self, tmp_path):
        (tmp_path / "nets.py").write_text("raise SystemExit(3)")
        head, _, rest = CONFIG.partition("layers = [")
        path = write(tmp_path, f'{head}module = "nets.py:make"\n{rest.partition("]")[2]}')
        assert unread("train", path) == (3, "")


class TestClosedStreams:
    @pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
    def test_train(self, tmp_path, closed):
        pytest.importorskip("safetensors")
        path = write(tmp_path, CONFIG, ADDITION)
        done = subprocess.run(
            ["sh", "-c", f'"$0" "$@" {closed}', *PROGRAM, "train", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == (0 if closed.startswith(">") else 5)
        assert (tmp_path / "w.safetensors").is_file()

    def test_tune(self, tmp_path):
        pytest.importorskip("optuna")
        command = [*PROGRAM, "tune", write(tmp_path), tmp_path / "tune", "--trials", 10]
        done = subprocess.run(
            ["sh", "-c", '"$0" "$@" 2>&-', *map(str, command)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert "To train with it:" in done.stdout


def test_an_interrupt_during_the_imports(tmp_path):
    """As if it came while click is read."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [*PROGRAM, "info"], env={**os.environ, "PYTHONPATH": paths}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")
