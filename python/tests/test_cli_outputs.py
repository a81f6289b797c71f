"""What train writes: nothing over what it reads, nowhere it can't, and the best weights."""

import json
import os

import numpy as np
import pytest

import swiftopt as so
from swiftopt._cli._experiment import read

from .command_line import CONFIG, Runner, trained, write

pytest.importorskip("safetensors")


@pytest.fixture
def run(capfd):
    return Runner(capfd)


def with_train(tmp_path, lines, *replacements):
    return write(tmp_path, CONFIG, ("epochs = 4", f"epochs = 4\n{lines}"), *replacements)


class TestCollisions:
    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            ('weights = "blobs.npz"', "[train] weights: is {}/blobs.npz, which [data] file reads"),
            ('checkpoint = "./no/../blobs.npz"', "which [data] file reads"),
            ('log = ["a.csv", "table.csv"]', "[train] log: is {}/table.csv, which [data] test_fil"),
            ('weights = "link"', "which [data] file reads"),
            ('weights = "run.toml"', "[train] weights: is this file itself"),
            ('weights = "a"\ncheckpoint = "a"', "weights: is {}/a, which [train] checkpoint write"),
            ('log = ["a.csv", "a.csv"]', "[train] log: is {}/a.csv, which [train] log writes too"),
            ('early_stopping = {path = "blobs.npz"}', "early_stopping: is {}/blobs.npz, which"),
            ('weights = "a"\nearly_stopping = {path = "a"}', "which [train] weights writes too"),
        ],
    )
    def test_nothing_is_destroyed(self, run, tmp_path, lines, words):
        path = with_train(
            tmp_path, lines, ("validation", 'test_file = "table.csv"\nvalidation')
        )  # fmt: skip
        (tmp_path / "table.csv").write_text("x,y\n1,0\n")
        (tmp_path / "no").mkdir()
        os.link(tmp_path / "blobs.npz", tmp_path / "link")
        before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
        assert words.format(tmp_path) in run.fails("train", path, "--overwrite", status=2)
        assert {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before

    def test_arrays_and_the_network(self, run, tmp_path):
        path = write(
            tmp_path, CONFIG, ('file = "blobs.npz"\n', ""), ('"x"', '"x.npy"'), ('"y"', '"y.npy"')
        )
        words = run.fails("train", path, "--set", "train.weights=y.npy", status=2)
        assert "which [data] labels reads" in words
        (tmp_path / "x.npy").mkdir()  # shards
        words = run.fails("train", path, "--set", "train.weights=x.npy/shard-0.npy", status=2)
        assert f"is in {tmp_path}/x.npy, which [data] inputs reads" in words
        (tmp_path / "nets.py").write_text("")
        head, _, rest = CONFIG.partition("layers = [")
        own = f'{head}module = "nets.py:make"\n{rest.partition("]")[2]}'
        words = run.fails("train", write(tmp_path, own), "--set", "train.weights=nets.py", status=2)
        assert "which [model] module reads" in words


class TestPlaces:
    @pytest.mark.parametrize(
        "lines",
        ['weights = "{}"', 'checkpoint = "{}"', 'early_stopping = {{path = "{}"}}'],
    )
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("none/w.safetensors", "w.safetensors: there is no folder"),
            ("folder", "folder is a folder; [train]"),
            ("/proc/w.safetensors", "/proc/w.safetensors: nothing can be written in /proc ("),
        ],
    )
    def test_before_the_training(self, run, tmp_path, lines, name, words):
        (tmp_path / "folder").mkdir()
        path = with_train(tmp_path, lines.format(name))
        found = run.fails("train", path, "--overwrite", "--set", "train.log=log.csv", status=1)
        assert words in found
        assert not (tmp_path / "log.csv").exists()

    @pytest.mark.parametrize("option", [(), ("--json",)])
    def test_results_come_before_weights(self, run, tmp_path, monkeypatch, option):
        """A full disk, say, takes no numbers with it."""
        path = with_train(
            tmp_path, 'weights = "w"', ("validation", 'test_file = "blobs.npz"\nvalidation')
        )

        def full(path, **options):
            raise OSError(28, "No space left on device", str(path))

        monkeypatch.setattr(so, "save", full)
        status, output, errors = run("train", path, *option)
        assert (status, errors) == (1, f"Error: {tmp_path / 'w'}: No space left on device\n")
        if option:
            assert json.loads(output)["test"]["accuracy"] > 0.9
        else:
            assert output.splitlines()[-1].startswith("test: loss ")

    def test_the_best_weights_are_beside_the_file(self, run, tmp_path, monkeypatch):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        path = with_train(tmp_path, 'early_stopping = {path = "best.safetensors"}')
        assert run("train", path, "--quiet") == (0, "", "")
        assert (tmp_path / "best.safetensors").is_file()
        assert list((tmp_path / "elsewhere").iterdir()) == []

    def test_tuning_leaves_them_alone(self, run, tmp_path):
        pytest.importorskip("optuna")
        path = with_train(tmp_path, 'early_stopping = {path = "best.safetensors"}')
        assert run("tune", path, tmp_path / "tune", "--trials", 1)[0] == 0
        assert not (tmp_path / "best.safetensors").exists()

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            ("early_stopping = {params = 3}", "early_stopping: params: it is always the whole ne"),
            ("early_stopping = {path = 3}", "early_stopping: path is 3; it must be a path"),
            ('early_stopping = {path = "a\\u0000b"}', "it must be a path"),
            ('weights = "a\\u0000b"', "weights: is 'a\\x00b'; it must be a path"),
            ('log = ["a\\u0000b.csv"]', "it must be a path, or a list of them"),
        ],
    )
    def test_what_no_path_is(self, run, tmp_path, lines, words):
        assert words in run.fails("train", with_train(tmp_path, lines), status=2)


class TestModes:
    def test_the_greatest_accuracy_is_the_best(self, run, tmp_path):
        """The rate rises until the network forgets: the last epochs are the worst."""
        path = with_train(
            tmp_path,
            'early_stopping = {patience = 3}\nmonitor = "val_accuracy"\nweights = "w"',
            ("epochs = 4", "epochs = 40"),
            ("lr = 0.05", "lr = 'exponential(0.003, gamma=1.1)'"),
        )  # fmt: skip
        found = json.loads(run("train", path, "--json")[1])
        accuracies = found["history"]["val_accuracy"]
        assert found["best_epoch"] == 1 + int(np.argmax(accuracies))
        assert min(accuracies) < max(accuracies)
        net = trained(tmp_path / "w").eval()
        right = sum((net(x).argmax(1) == y).sum() for x, y in read(path).validation)
        assert right / 50 == pytest.approx(max(accuracies), rel=1e-12)

    @pytest.mark.parametrize(
        ("monitor", "mode"),
        [(None, "min"), ("loss", "min"), ("val_loss", "min"), ("accuracy", "max"),
         ("val_accuracy", "max")],
    )  # fmt: skip
    def test_of_both(self, tmp_path, monitor, mode):
        path = write(tmp_path)
        changes = ["train.plateau={patience = 0}", "train.early_stopping={patience = 2}"]
        changes += [] if monitor is None else [f"train.monitor={monitor}"]
        found = read(path, changes)
        for value in (1.0, 2.0):
            found.plateau.observe(value)
            found.early_stopping.observe(value)
        assert found.plateau.best == found.early_stopping.best == (2 if mode == "max" else 1)
        assert found.plateau.value == (1 if mode == "max" else 0.1)

    @pytest.mark.parametrize("key", ["plateau", "early_stopping"])
    @pytest.mark.parametrize(
        ("monitor", "mode", "other"), [("val_accuracy", "min", "max"), ("val_loss", "max", "min")]
    )
    def test_one_that_keeps_the_worst(self, run, tmp_path, key, monitor, mode, other):
        path = with_train(tmp_path, f'{key} = {{mode = "{mode}"}}\nmonitor = "{monitor}"')
        words = run.fails("train", path, status=2)
        assert f'[train] {key}: mode is "{mode}", which would take the worst of {monitor}' in words
        write(tmp_path, path.read_text().replace(f'mode = "{mode}"', f'mode = "{other}"'))
        assert run("train", path, "--quiet") == (0, "", "")
