"""Mistakes that once were tracebacks, or said too little, or nothing at all."""

import numpy as np
import pytest

from swiftopt._cli._document import Document
from swiftopt._cli._experiment import read

from .command_line import CONFIG, Runner, write


@pytest.fixture
def run(capfd):
    return Runner(capfd)


class TestOptimizer:
    def test_nothing_would_be_updated(self, run, tmp_path):
        """6 batches of 4 epochs."""
        path = write(tmp_path, CONFIG, ("lr = 0.05", "lr = 'rex(1, total=steps)'\naccumulate = 24"))
        assert repr(read(path).optimizer.param_groups[0]["lr"]) == "rex(1, total=1)"
        write(tmp_path, CONFIG, ("lr = 0.05", "accumulate = 25"))
        words = run.fails("train", path, status=2)
        assert words == (
            f"{path}, line 17, [optimizer] accumulate: is 25, more than the 24 batches of the "
            "whole run: nothing would be updated\n"
        )

    @pytest.mark.parametrize(
        ("lr", "words"),
        [
            ("'0.01'", "is '0.01'; it must be a number or a schedule"),
            ("[0.1]", "is [0.1]; it must be a number or a schedule"),
            ("true", "is True; it must be a number or a schedule"),
            ("nan", "is nan: "),
            ("-1", "is -1; it must be finite and >= 0"),
        ],
    )
    def test_rates_beside_a_plateau(self, run, tmp_path, lr, words):
        path = write(
            tmp_path, CONFIG, ("lr = 0.05", f"lr = {lr}"), ("epochs", "plateau={}\nepochs")
        )
        assert f"{path}, line 17, [optimizer] lr: {words}" in run.fails("train", path, status=2)


class TestData:
    @pytest.mark.parametrize("name", ["inputs", "labels"])
    def test_arrays_without_samples(self, run, tmp_path, name):
        key = {"inputs": "x", "labels": "y"}[name]
        path = write(tmp_path, CONFIG, ("blobs.npz", "numbers.npz"))
        arrays = {"x": np.zeros((40, 2), np.float32), "y": np.arange(40) % 2}
        for broken in ({key}, {"x", "y"}):
            np.savez(tmp_path / "numbers.npz", **arrays | dict.fromkeys(broken, np.int64(3)))
            words = run.fails("train", path, status=2)
            assert f"[data] {'inputs' if len(broken) == 2 else name}: is a single number" in words

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("data.file", '"a\\u0000.npz"'),
            ("data.inputs", '"a\\u0000"'),
            ("data.test_file", '"\\u0000"'),
            ("data.folder", '"\\u0000"'),
            ("model.module", '"a\\u0000.py:make"'),
            ("train.checkpoint", '"a\\u0000"'),
        ],
    )
    def test_null_characters(self, run, tmp_path, key, value):
        path = write(tmp_path)
        words = run.fails("train", path, "--set", f"{key}={value}", status=2)
        assert words.startswith(f"--set {key}: is '")
        assert "it must be a " in words

    def test_a_home_that_is_not_there(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("blobs.npz", "~no-such-user/blobs.npz"))
        assert "~no-such-user/blobs.npz: " in run.fails("train", path, status=1)


class TestModel:
    def test_the_line_if_the_path_is_relative(self, run, tmp_path, monkeypatch):
        (tmp_path / "nets.py").write_text("\n\ndef make():\n    return 1 / 0\n")
        head, _, rest = CONFIG.partition("layers = [")
        path = write(tmp_path, f'{head}module = "nets.py:make"\n{rest.partition("]")[2]}')
        monkeypatch.chdir(tmp_path)
        words = run.fails("train", path.name, status=1)
        assert words == "nets.py, line 4: ZeroDivisionError: division by zero\n"


class TestText:
    @pytest.mark.parametrize(
        ("text", "value"),
        [(".5", 0.5), ("-.5e-1", -0.05), ("+5.", 5.0), ("1.E3", 1000.0), (".", "."), ("007", "007"),
         ("1.2.3", "1.2.3"), (".e5", ".e5")],
    )  # fmt: skip
    def test_numbers_as_python_writes_them(self, tmp_path, text, value):
        found = Document(write(tmp_path), [f"optimizer.lr={text}"]).section("optimizer")["lr"]
        assert (found, type(found)) == (value, type(value))

    def test_a_mark_of_the_byte_order(self, run, tmp_path):
        """As editors of Windows write it."""
        path = write(tmp_path)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().lstrip())
        assert run("train", path, "--quiet") == (0, "", "")
