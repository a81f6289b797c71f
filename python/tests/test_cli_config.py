"""Mistakes in a file: every message says where, what it was and what it must be."""

import re
from pathlib import Path

import numpy as np
import pytest

from swiftopt._cli._config_data import Fixed, Mixed
from swiftopt._cli._errors import CommandError, ConfigError
from swiftopt._cli._experiment import read

from .command_line import CONFIG, Runner, write

LINES = CONFIG.splitlines()


def line_of(text):
    return 1 + next(number for number, line in enumerate(LINES) if line.startswith(text))


def refusal(tmp_path, *replacements, changes=(), error=ConfigError):
    """Return the message after the path of the file."""
    path = write(tmp_path, CONFIG, *replacements)
    with pytest.raises(error) as found:
        read(path, changes)
    assert found.value.exit_code == (2 if error is ConfigError else 1)
    message = str(found.value)
    assert message.startswith((f"{path}", "--set ")) or error is not ConfigError
    return message.removeprefix(str(path))


class TestPlaces:
    @pytest.mark.parametrize(
        ("old", "new", "section", "words"),
        [
            ("file =", "flie =", "data", "flie: there is no such key; did you mean 'file' or"),
            ("layers =", "layer =", "model", "layer: there is no such key; did you mean 'layers'?"),
            ("lr =", "lrr =", "optimizer", "lrr: there is no such key; did you mean 'lr'?"),
            ("epochs =", "epoch =", "train", "epoch: there is no such key; did you mean 'epochs'?"),
            ("epochs = 4", "epochs = 0", "train",
             "epochs: is 0; it must be a whole number of at least 1"),
            ("epochs = 4", "epochs = true", "train",
             "epochs: is True; it must be a whole number of at least 1"),
            ("lr = 0.05", "lr = -1", "optimizer", "lr: is -1; it must be finite and >= 0"),
            ("lr = 0.05", "lr = 'rex(1)'", "optimizer",
             "lr: rex() missing 1 required keyword-only argument: 'total'"),
            ("lr = 0.05", "lr = {schedule = 'rax', initial = 1}", "optimizer",
             "lr: there is no schedule 'rax'"),
            ('name = "AdamW"', 'name = "adamw"', "optimizer",
             "name: there is no optimizer 'adamw'; did you mean 'AdamW'?"),
            ("layers = [", "layers = ['Lniear(2, 2)',", "model",
             "layers: layer 0: there is no 'Lniear'; did you mean 'Linear'?"),
            ("layers = [", "layers = ['3',", "model",
             "layers: layer 0 is '3', which is no layer"),
            ("layers = [", "layers = [3,", "model", "layers: is [3, 'Linear(2, 8)', 'Tanh'"),
            ('inputs = "x"', 'inputs = "z"', "data",
             "inputs: blobs.npz has no array 'z'; it has x"),
            ('labels = "y"', 'labels = "short"', "data",
             "labels: has 199 samples; there are 200 inputs"),
            ("validation = 0.25", "validation = 0.999", "data",
             "validation: leaves nothing of 200 samples to train on"),
            ("validation = 0.25", "validation = 1.5", "data",
             "validation: is 1.5; it must be a number from 0 to below 1"),
        ],
    )  # fmt: skip
    def test_line_and_section(self, tmp_path, old, new, section, words):
        line = line_of(old[:4])
        found = refusal(tmp_path, (old, new))
        assert found.startswith(f", line {line}, [{section}] {words}"), found

    @pytest.mark.parametrize(
        ("addition", "words"),
        [
            ("augment = ['RandomCrop(3)']", "[train] augment: "),
            ("augment = ['RandomCorp(3)']", "did you mean 'RandomCrop' or 'RandomChoice'?"),
            ("augment = ['3']", "'3' is no augmentation"),
            ("early_stopping = {patience = -1}", "[train] early_stopping: patience is -1"),
            ("early_stopping = {patince = 1}", "[train] early_stopping: EarlyStopping() got an un"),
            ("plateau = {patince = 1}", "[train] plateau: ReduceOnPlateau() got an unexpected"),
            ("plateau = {factor = 3}", "[train] plateau: factor is 3"),
            ("resume = true", "[train] resume: needs checkpoint"),
            ("checkpoint_every = 3", "[train] checkpoint_every: needs checkpoint"),
            ("dtype = 'float16'", 'it must be "float32", "float64" or "bfloat16"'),
            ("metrics = ['f1']", "[train] metrics: is ['f1']; there is \"accuracy\""),
            ("threads = 100000", "[train] threads: "),
            ("drop_last = true\nseed = -1", "[train] seed: is -1"),
            ("[optimiser]\nlr = 3", "[optimiser]: there is no such section; did you mean 'optim"),
        ],
    )
    def test_train(self, tmp_path, addition, words):
        last = "batch_size = 25"
        found = refusal(tmp_path, (last, f"{last}\n{addition}"))
        assert words in found
        assert found.startswith(f", line {len(LINES) + 1 + addition.count('seed')}, ["), found

    def test_a_batch_that_is_too_large(self, tmp_path):
        found = refusal(tmp_path, ("batch_size = 25", "batch_size = 151\ndrop_last = true"))
        assert found == (
            f", line {len(LINES)}, [train] batch_size: is 151, "
            "more than the 150 samples to train on"
        )

    def test_changes_have_no_line(self, tmp_path):
        found = refusal(tmp_path, changes=["train.epochs=-1"])
        assert found == "--set train.epochs: is -1; it must be a whole number of at least 1"

    @pytest.mark.parametrize("change", ["train.epochs", "epochs=3", "=", "a.b.c=3"])
    def test_changes_of_no_form(self, tmp_path, change):
        assert "it must be SECTION.KEY=VALUE" in refusal(tmp_path, changes=[change])


class TestPage:
    """The file in docs/command-line.md, and the message for a mistake in it."""

    PAGE = (Path(__file__).parents[2] / "docs/command-line.md").read_text()

    @pytest.fixture
    def path(self, tmp_path):
        rows = [f"{i},{i % 7},{-i},{i % 5},{i % 3}" for i in range(90)]
        (tmp_path / "iris.csv").write_text("\n".join(["a,b,c,d,species", *rows]))
        path = tmp_path / "iris.toml"
        path.write_text(self.PAGE.partition("```toml\n")[2].partition("```")[0])
        return path

    def test_the_file(self, path):
        found = read(path)
        assert (len(found.data), len(found.validation)) == (3, 1)  # 72 and 18 in batches of 32
        assert found.early_stopping is not None

    def test_the_message(self, path, capfd):
        path.write_text(re.sub("lr = .*", "weight_dekay = 0.1", path.read_text()))
        message = Runner(capfd).fails("train", path, status=2)
        assert f"Error: {message.replace(str(path), path.name)}" in self.PAGE


class TestFiles:
    def test_syntax(self, tmp_path):
        assert "(at line 3, column" in refusal(tmp_path, ('file = "', "file = ="))

    def test_bytes_that_are_no_text(self, tmp_path):
        path = tmp_path / "run.toml"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(ConfigError, match="is no text in UTF-8"):
            read(path)

    def test_missing_sections(self, tmp_path):
        path = tmp_path / "run.toml"
        path.write_text("[data]\n")
        with pytest.raises(ConfigError, match=r"the section \[model\] is missing"):
            read(path)

    def test_a_value_where_a_section_is(self, tmp_path):
        path = tmp_path / "run.toml"
        path.write_text("model = 3\n[data]\n")
        with pytest.raises(ConfigError, match=r"line 1, \[model\]: is 3; it must be a section"):
            read(path)

    def test_a_missing_file(self, capfd, tmp_path):
        run = Runner(capfd)
        assert "does not exist" in run.fails("train", tmp_path / "run.toml", status=2)
        path = write(tmp_path, CONFIG, ("blobs.npz", "none.npz"))
        found = run.fails("train", path, status=1)
        assert found == f"{tmp_path / 'none.npz'}: No such file or directory\n"

    def test_a_damaged_file(self, capfd, tmp_path):
        path = write(tmp_path)
        whole = (tmp_path / "blobs.npz").read_bytes()
        (tmp_path / "blobs.npz").write_bytes(whole[:300])
        assert "blobs.npz" in Runner(capfd).fails("train", path, status=1)

    @pytest.mark.parametrize("name", ["x", "text"])
    def test_labels_that_are_none(self, tmp_path, name):
        found = refusal(tmp_path, ('labels = "y"', f'labels = "{name}"'), error=CommandError)
        assert "CrossEntropyLoss needs the numbers of classes" in found


class TestData:
    def test_two_files(self, tmp_path):
        path = write(
            tmp_path, CONFIG, ('file = "blobs.npz"\n', ""), ('"x"', '"x.npy"'), ('"y"', '"y.npy"')
        )
        blobs = np.load(tmp_path / "blobs.npz")
        np.save(tmp_path / "x.npy", blobs["x"])
        np.save(tmp_path / "y.npy", blobs["y"].astype(np.int16))
        found = read(path)
        x, y = next(iter(found.data))
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        assert found.test is None

    def test_a_table(self, tmp_path):
        rows = ["a,b,kind", *(f"{i},{-i},{i % 3}" for i in range(40))]
        (tmp_path / "table.csv").write_text("\n".join(rows))
        path = write(
            tmp_path, CONFIG, ("blobs.npz", "table.csv"), ('inputs = "x"\n', ""), ('"y"', '"kind"'),
            ("Linear(8, 2)", "Linear(8, 3)"),
        )  # fmt: skip
        found = read(path)
        for x, y in found.data:
            assert (x[:, 0] == -x[:, 1]).all()
            assert (x[:, 0] % 3 == y).all()

    def test_numbers_as_labels(self, tmp_path):
        path = write(
            tmp_path, CONFIG, ('"y"', '"x"'), ("[optimizer]", "loss = 'MSELoss()'\n[optimizer]")
        )
        found = read(path, ["train.dtype=float64"])
        x, y = next(iter(found.data))
        assert (x == y).all()
        assert (x.dtype, y.dtype, found.metrics) == (np.float64, np.float64, [])

    def test_the_test_has_a_file_of_its_own(self, tmp_path):
        path = write(tmp_path, CONFIG, ("validation", 'test_file = "blobs.npz"\nvalidation'))
        found = read(path)
        assert sum(len(y) for _, y in found.test) == 200

    def test_shares(self, tmp_path):
        """Validation and training have each sample once; the seed decides which."""
        found, again, other = (read(write(tmp_path), [f"train.seed={seed}"]) for seed in (0, 0, 1))
        held_out = found.validation.indices()
        assert sorted([*held_out, *found.data.indices()]) == list(range(200))
        assert len(held_out) == 50
        assert (again.validation.indices() == held_out).all()
        assert (other.validation.indices() != held_out).any()

    def test_orders(self):
        chosen = np.array([2, 5, 7, 11, 13, 17, 19, 23])
        assert (Fixed(chosen).indices(3) == chosen).all()
        orders = [Mixed(chosen, 0).indices(epoch).tolist() for epoch in (0, 0, 1)]
        assert orders[0] == orders[1] != orders[2]
        assert sorted(orders[0]) == sorted(orders[2]) == chosen.tolist()

    @pytest.mark.parametrize(
        ("replacements", "words"),
        [
            ([('file = "blobs.npz"\n', "")], "No such file or directory: .*/x'"),
            ([("file =", 'name = "mnist"\nfile =')], 'it must be "fashion_mnist"'),
            ([("file =", 'name = "fashion_mnist"\nfile =')], "is for data that `name`"),
            ([("file =", 'folder = "."\nfile =')], "is for a data set with a `name`"),
            ([('labels = "y"\n', "")], "needs `name`, or `file` and `labels`, or"),
            ([("validation", 'test_inputs = "x.npy"\nvalidation')], "needs test_inputs and"),
        ],
    )
    def test_what_does_not_go_together(self, tmp_path, replacements, words):
        with pytest.raises((ConfigError, OSError), match=words):
            read(write(tmp_path, CONFIG, *replacements))


class TestModel:
    OWN = """
from swiftopt import nn

class Twice(nn.Sequential):
    pass

def make(width, seed):
    return Twice(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2)).reset_parameters(seed)

def wrong(width=3):
    return width

def broken(width=3):
    return 1 / 0
"""

    def config(self, tmp_path, named, arguments="{width = 4}"):
        (tmp_path / "nets.py").write_text(self.OWN)
        head, _, rest = CONFIG.partition("layers = [")
        rest = rest.partition("]\n")[2]
        own = f'module = "{named}"\narguments = {arguments}\n'
        return write(tmp_path, f"{head}{own}{rest}")

    def test_a_function(self, tmp_path):
        path = self.config(tmp_path, "nets.py:make")
        first, same, other = (read(path, [f"train.seed={seed}"]).net for seed in (1, 1, 2))
        assert type(first).__name__ == "Twice"
        assert first[0].weight.shape == (4, 2)
        assert (first[0].weight == same[0].weight).all()
        assert (first[0].weight != other[0].weight).any()

    @pytest.mark.parametrize(
        ("named", "arguments", "words", "status"),
        [
            ("nets.py", "{}", 'it must be "file.py:function"', 2),
            ("nets.py:mkae", "{}", "has no function 'mkae'", 2),
            ("none.py:make", "{}", "none.py: there is no such Python file", 1),
            ("nets.py:make", "{}", "make(): missing a required argument: 'width'", 2),
            ("nets.py:make", "{size = 3}", "make(): missing a required argument: 'width'", 2),
            ("nets.py:wrong", "{}", "wrong() returned a int; it must be a Module", 2),
            ("nets.py:broken", "{}", "nets.py, line 14: ZeroDivisionError: division by zero", 1),
        ],
    )
    def test_what_functions_do_wrong(self, capfd, tmp_path, named, arguments, words, status):
        path = self.config(tmp_path, named, arguments)
        assert words in Runner(capfd).fails("train", path, status=status)

    @pytest.mark.parametrize("text", ["def make(:", "import none_such", "x = 1 / 0"])
    def test_a_file_that_does_not_run(self, capfd, tmp_path, text):
        path = self.config(tmp_path, "nets.py:make")
        (tmp_path / "nets.py").write_text(f"\n\n{text}\n")
        assert "nets.py, line 3: " in Runner(capfd).fails("train", path, status=1)

    def test_layers_and_module(self, tmp_path):
        found = refusal(tmp_path, ("layers =", 'module = "nets.py:make"\nlayers ='))
        assert found.endswith("[model]: needs one of the keys layers and module")

    def test_dtypes(self, tmp_path):
        net = read(write(tmp_path), ["train.dtype=bfloat16"]).net
        assert net.dtype == "bfloat16"


class TestOptimizer:
    def test_schedules(self, tmp_path):
        """150 samples in batches of 25, 4 epochs: 24 batches, 12 updates of two."""
        schedule = '{schedule = "cosine", initial = 0.1, total = 12}'
        path = write(
            tmp_path, CONFIG,
            ("lr = 0.05", "lr = 'warmup_cosine(0.1, warmup=steps_per_epoch, total=steps)'\n"
             f"accumulate = 2\nweight_decay = {schedule}\n"
             "betas = ['linear(0.8, 0.9, total=steps)', 0.99]"),
        )  # fmt: skip
        (group,) = read(path).optimizer.param_groups
        assert repr(group["lr"]) == "warmup_cosine(0.1, warmup=3.0, total=12)"
        assert repr(group["weight_decay"]) == "cosine(0.1, total=12)"
        assert repr(group["betas"][0]) == "linear(0.8, final=0.9, total=12)"

    def test_a_plateau_is_a_factor(self, tmp_path):
        path = write(tmp_path, CONFIG, ("epochs", "plateau = {factor = 0.5}\nepochs"))
        found = read(path)
        assert repr(found.optimizer.param_groups[0]["lr"]) == repr(0.05 * found.plateau)
        for loss in [1.0] * 12:  # the first, ten that are no better, and one more
            found.plateau.observe(loss)
        x, y = next(iter(found.data))
        found.loss(found.net(x), y)
        found.net.backward(found.loss.backward())
        assert found.optimizer.step(found.net.gradients()).lr == 0.025

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ("accumulate=0", "accumulate: is 0; it must be a whole number of at least 1"),
            ("publish=[1]", "publish: there is no such key"),
            ("decay=coupld", "decay: "),
            ("state_dtype=float7", "state_dtype: "),
        ],
    )
    def test_refusals(self, tmp_path, change, words):
        found = refusal(tmp_path, changes=[f"optimizer.{change}"])
        assert found.startswith(f"--set optimizer.{words}"), found
