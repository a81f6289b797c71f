"""train and lr-find: what they do with a whole file."""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn
from swiftopt._cli import _train
from swiftopt._cli._experiment import read

from .command_line import CONFIG, Runner, trained, write

pytest.importorskip("safetensors")
EXAMPLE = Path(__file__).parents[2] / "examples/fashion_mnist.toml"


@pytest.fixture
def run(capfd):
    return Runner(capfd)


class TestTrain:
    def test_lines(self, run, tmp_path):
        status, output, errors = run("train", write(tmp_path))
        assert (status, errors) == (0, "")
        lines = output.splitlines()
        assert [line[:12] for line in lines] == [f"epoch {n}/4: l" for n in (1, 2, 3, 4)]
        assert float(lines[-1].partition("val_accuracy ")[2].partition(",")[0]) >= 0.9

    def test_json(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("validation", 'test_file = "blobs.npz"\nvalidation'))
        status, output, errors = run("train", path, "--json", "--set", "train.epochs=2")
        assert (status, errors) == (0, "")
        found = json.loads(output)
        assert found["history"]["epoch"] == [1, 2]
        assert found["history"]["val_loss"][1] < found["history"]["val_loss"][0]
        assert found["test"].keys() == {"loss", "accuracy"}
        assert (found["checkpoint"], found["best_epoch"]) == (None, None)

    def test_quiet(self, run, tmp_path):
        assert run("train", write(tmp_path), "--quiet") == (0, "", "")

    def test_it_is_the_same_as_fit(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("epochs", 'weights = "net.safetensors"\nepochs'))
        assert run("train", path, "--quiet")[0] == 0
        found = read(path)
        so.train.fit(
            found.net, found.data, loss=found.loss, optimizer=found.optimizer, epochs=4,
            validation=found.validation,
        )  # fmt: skip
        net = trained(tmp_path / "net.safetensors")
        assert (net[0].weight == found.net[0].weight).all()
        assert (net[2].bias == found.net[2].bias).all()

    def test_the_test_is_that_of_the_weights(self, run, tmp_path):
        """With averaged weights; against float64 arithmetic."""
        path = write(
            tmp_path, CONFIG, ("epochs", 'weights = "net.safetensors"\nepochs'),
            ("lr = 0.05", "lr = 0.05\nema_decay = 0.9"),
            ("validation", 'test_file = "blobs.npz"\nvalidation'),
        )  # fmt: skip
        found = json.loads(run("train", path, "--json")[1])["test"]
        net = trained(tmp_path / "net.safetensors")
        blobs = np.load(tmp_path / "blobs.npz")
        hidden = np.tanh(blobs["x"].astype(float) @ net[0].weight.T + net[0].bias)
        logits = hidden @ net[2].weight.T.astype(float) + net[2].bias
        own = logits[np.arange(200), blobs["y"]]
        loss = np.mean(np.log(np.exp(logits).sum(axis=1)) - own)
        assert found["loss"] == pytest.approx(loss, rel=1e-5)  # sums of 8 products in float32
        assert found["accuracy"] == (logits.argmax(1) == blobs["y"]).mean()

    def test_early_stopping_puts_the_best_weights_back(self, run, tmp_path):
        """With a rate that rises without bound, the first epochs are the best."""
        path = write(
            tmp_path, CONFIG,
            ("epochs = 4", "epochs = 30\nearly_stopping = {patience = 2}"),
            ("batch_size", 'weights = "w.safetensors"\nbatch_size'),
            ("lr = 0.05", "lr = 'exponential(0.01, gamma=1.2)'"),
        )  # fmt: skip
        found = json.loads(run("train", path, "--json")[1])
        losses = found["history"]["val_loss"]
        assert len(losses) == found["best_epoch"] + 2
        assert found["best_epoch"] == 1 + int(np.argmin(losses))
        net = trained(tmp_path / "w.safetensors").eval()
        loss, data = nn.CrossEntropyLoss(), read(path).validation
        ours = [(loss(net(x), y), len(y)) for x, y in data]
        assert sum(value * n for value, n in ours) / 50 == pytest.approx(min(losses), rel=1e-12)

    def test_logs(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("epochs", "log = ['run.csv', 'run.jsonl']\nepochs"))
        assert run("train", path, "--quiet")[0] == 0
        assert len((tmp_path / "run.csv").read_text().splitlines()) == 5
        rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
        assert [row["epoch"] for row in rows] == [1, 2, 3, 4]

    def test_everything_at_once(self, run, tmp_path):
        """Images, mixing, bfloat16, a plateau, threads: what goes through other paths."""
        rng = np.random.default_rng(0)
        y = np.arange(64) % 2
        images = rng.integers(0, 60, (64, 6, 6, 1), np.uint8)
        images[y == 1, :, ::2] += 150
        np.savez(tmp_path / "images.npz", x=images, y=y)
        path = tmp_path / "images.toml"
        path.write_text("""
[data]
file = "images.npz"
inputs = "x"
labels = "y"

[model]
layers = ["Conv2d(1, 4, 3, padding=1)", "BatchNorm(4)", "ReLU", "GlobalAvgPool2d", "Linear(4, 2)"]
loss = "CrossEntropyLoss(label_smoothing=0.1)"

[optimizer]
name = "Lion"
lr = "cosine(0.01, total=steps)"

[train]
epochs = 3
batch_size = 16
dtype = "bfloat16"
threads = 1
plateau = {patience = 1}
augment = ["RandomHorizontalFlip", "Normalize(0.5, 0.25)", "Mixup(0.2)"]
""")
        status, output, errors = run("train", path, "--json")
        assert (status, errors) == (0, "")
        history = json.loads(output)["history"]
        assert history["val_loss"][-1] < history["val_loss"][0]
        assert "accuracy" not in history

    def test_a_loss_that_is_not_finite(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("lr = 0.05", "lr = 1e38"), ('"AdamW"', '"SGD"'))
        words = run.fails("train", path, "--quiet", status=1)
        assert "nothing was updated" in words

    def test_shapes_that_do_not_fit(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("Linear(2, 8)", "Linear(3, 8)"))
        assert run.fails("train", path, status=1).startswith("Linear: input has 2 features")

    def test_a_traceback_if_it_is_asked_for(self, tmp_path, run, monkeypatch):
        monkeypatch.setenv("SWIFTOPT_TRACEBACK", "1")
        with pytest.raises(ValueError, match="input has 2 features"):
            run("train", write(tmp_path, CONFIG, ("Linear(2, 8)", "Linear(3, 8)")))

    def test_mistakes_in_this_package_keep_their_traceback(self, tmp_path, run, monkeypatch):
        monkeypatch.setattr(_train, "_fit", lambda *a, **b: {}["epoch"])
        with pytest.raises(KeyError):
            run("train", write(tmp_path))


class TestRangeTest:
    def test_json(self, run, tmp_path):
        status, output, errors = run("lr-find", write(tmp_path), "--json", "--steps", 40)
        assert (status, errors) == (0, "")
        found = json.loads(output)
        experiment = read(tmp_path / "run.toml")
        expected = so.train.lr_find(
            experiment.net, experiment.data, loss=experiment.loss,
            optimizer=experiment.optimizer, steps=40,
        )  # fmt: skip
        assert found["suggestion"] == expected.suggestion
        assert found["losses"] == expected.losses.tolist()

    def test_text_and_picture(self, run, tmp_path):
        pytest.importorskip("matplotlib")
        picture = tmp_path / "range.svg"
        status, output, errors = run("lr-find", write(tmp_path), "--plot", picture)
        assert (status, errors) == (0, "")
        assert output.splitlines()[-1].startswith("suggestion: ")
        assert "•" in output
        assert "<svg" in picture.read_text()

    def test_no_suggestion(self, run, tmp_path):
        """Rates at which nothing changes: the loss goes up and down with the batches alone."""
        path = write(tmp_path, CONFIG, ("batch_size = 25", "batch_size = 150"))
        status, _, errors = run(
            "lr-find", path, "--lowest", 1e-300, "--highest", 1e-299, "--steps", 10
        )
        assert status == 1
        assert "there is no suggestion" in errors

    def test_usage(self, run, tmp_path):
        path = write(tmp_path)
        words = run.fails("lr-find", path, "--lowest", 1, "--highest", 0.1, status=2)
        assert "0 < lowest < highest" in words


class TestExample:
    def test_it_is_whole(self):
        """Layers, schedule and augmentations; data are replaced by a few images of noise."""
        content = tomllib.loads(EXAMPLE.read_text())
        assert content["data"]["name"] == "fashion_mnist"

    def test_it_runs(self, run, tmp_path, monkeypatch):
        rng = np.random.default_rng(0)
        pair = rng.integers(0, 255, (600, 28, 28, 1), np.uint8), rng.integers(10, size=600)
        pair = pair[0], pair[1].astype(np.uint8)
        monkeypatch.setattr(
            so.data, "fashion_mnist", lambda folder: so.data.FashionMNIST(pair, pair)
        )
        status, output, errors = run("train", EXAMPLE, "--json")
        assert (status, errors) == (0, "")
        losses = json.loads(output)["history"]["loss"]
        assert len(losses) == 12
        assert losses[-1] < losses[0]

    @pytest.mark.skipif(
        not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="needs Fashion-MNIST"
    )
    def test_what_it_promises(self, run):
        """About 89 %: the standard deviation of a share of 10 000 is 0.3 points."""
        status, output, errors = run("train", EXAMPLE, "--json")
        assert (status, errors) == (0, "")
        assert json.loads(output)["test"]["accuracy"] > 0.885


def test_the_script_is_declared():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"swiftopt": "swiftopt.__main__:main"}
    assert "click" in sys.modules
