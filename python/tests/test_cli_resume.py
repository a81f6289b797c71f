"""train --resume: the same bits, and what must be as it was."""

import json
import shlex

import pytest

import swiftopt as so

from .command_line import CONFIG, Runner, trained, write

pytest.importorskip("safetensors")


@pytest.fixture
def run(capfd):
    return Runner(capfd)


class TestResume:
    ADDITION = ("epochs", 'checkpoint = "run.safetensors"\nweights = "w.safetensors"\nepochs')

    def test_the_bits_are_those_of_one_run(self, run, tmp_path):
        path = write(tmp_path, CONFIG, self.ADDITION)
        assert run("train", path, "--quiet")[0] == 0
        whole = trained(tmp_path / "w.safetensors")
        assert run("train", path, "--overwrite", "--set", "train.epochs=2", "--quiet")[0] == 0
        assert (trained(tmp_path / "w.safetensors")[0].weight != whole[0].weight).any()
        status, output, errors = run("train", path, "--resume", "--json")
        assert (status, errors) == (0, "")
        assert json.loads(output)["history"]["epoch"] == [1, 2, 3, 4]
        assert (trained(tmp_path / "w.safetensors")[0].weight == whole[0].weight).all()

    def test_a_checkpoint_is_not_replaced_unasked(self, run, tmp_path):
        path = write(tmp_path, CONFIG, self.ADDITION)
        assert run("train", path, "--quiet", "--resume")[0] == 0  # begins
        words = run.fails("train", path, status=1)
        assert "exists: --resume goes on from it, --overwrite begins anew" in words
        assert run("train", path, "--quiet", "--set", "train.resume=true")[0] == 0

    def test_options_are_those_of_the_checkpoint(self, run, tmp_path):
        path = write(tmp_path, CONFIG, self.ADDITION, ("lr = 0.05", "lr = 'rex(0.1, total=steps)'"))
        assert run("train", path, "--quiet") == (0, "", "")
        status, output, errors = run("train", path, "--set", "train.epochs=5", "--resume", "--json")
        assert (status, errors) == (
            0,
            "Note: lr is rex(0.1, total=24), as in the checkpoint; the file has "
            "rex(0.1, total=30)\n",
        )
        assert json.loads(output)["history"]["lr"][-1] == 0

    def test_options_of_the_optimizer_and_of_its_groups(self, run, tmp_path):
        overrides = 'overrides = {"*.bias" = {weight_decay = 0.5}}'
        path = write(
            tmp_path,
            CONFIG,
            self.ADDITION,
            ("lr = 0.05", f"lr = 0.05\nclip_norm = 1.0\n{overrides}"),
        )
        assert run("train", path, "--quiet") == (0, "", "")
        path.write_text(path.read_text().replace("= 0.5}", "= 0.25}").replace("= 1.0", "= 2.0"))
        arguments = "--set", "optimizer.report_norm=true", "--resume", "--quiet"
        status, _, errors = run("train", path, *arguments)
        assert status == 0
        assert errors.splitlines() == [
            "Note: clip_norm is 1.0, as in the checkpoint; the file has 2.0",
            "Note: report_norm is False, as in the checkpoint; the file has True",
            "Note: weight_decay of param_groups[1] is 0.5, as in the checkpoint; the file has 0.25",
        ]

    @pytest.mark.parametrize(("share", "count"), [(0, 0), (0.5, 100), (0.2475, 50), (0.253, 51)])
    def test_validation_stays_what_it_was(self, run, tmp_path, share, count):
        """Of 200 samples; another share would validate on what was trained on."""
        path = write(tmp_path, CONFIG, self.ADDITION, ("epochs", "log = 'log.csv'\nepochs"))
        assert run("train", path, "--quiet") == (0, "", "")
        before = {file: file.read_bytes() for file in tmp_path.iterdir()}
        arguments = "train", path, "--resume", "--set", f"data.validation={share}", "--quiet"
        if count == 50:
            assert run(*arguments) == (0, "", "")
            return
        words = run.fails(*arguments, status=1)
        assert f"validated on 50 samples; data.validation makes it {count} now" in words
        assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before

    def test_there_must_be_one(self, run, tmp_path):
        path = write(tmp_path)
        assert "has no checkpoint in [train]" in run.fails("train", path, "--resume", status=2)

    def test_not_both(self, run, tmp_path):
        path = write(tmp_path, CONFIG, self.ADDITION)
        assert "give one" in run.fails("train", path, "--resume", "--overwrite", status=2)

    def test_one_of_another_network(self, run, tmp_path):
        path = write(tmp_path, CONFIG, self.ADDITION)
        assert run("train", path, "--quiet")[0] == 0
        write(tmp_path, CONFIG, self.ADDITION, ("2, 8", "2, 9"), ("8, 2", "9, 2"))
        assert "run.safetensors" in run.fails("train", path, "--resume", status=1)

    def test_a_folder_that_is_not_there(self, run, tmp_path):
        path = write(tmp_path, CONFIG, ("epochs", 'checkpoint = "no/run.safetensors"\nepochs'))
        assert "there is no folder" in run.fails("train", path, status=1)

    LOSS = "CrossEntropyLoss(label_smoothing=0.1)"

    @pytest.mark.parametrize("has_checkpoint", [True, False])
    def test_an_interrupt(self, run, tmp_path, monkeypatch, has_checkpoint):
        """As if Ctrl-C came in the third epoch: the run goes on from the second."""
        path = write(tmp_path, CONFIG, *([self.ADDITION] if has_checkpoint else []))
        arguments = [str(path), "--set", "train.seed=1", "--set", f"model.loss={self.LOSS}"]
        arguments.append("--quiet")
        fit = so.train.fit

        def interrupted(*arguments, **options):
            def stop(info):
                if info["event"] == "step" and info["epoch"] == 3:
                    raise KeyboardInterrupt

            return fit(*arguments, **{**options, "callbacks": [*options["callbacks"], stop]})

        with monkeypatch.context() as patched:
            patched.setattr(so.train, "fit", interrupted)
            status, _, errors = run("train", *arguments)
        assert status == 130
        if has_checkpoint:
            line = (
                f"swiftopt train {path} --set train.seed=1 --set 'model.loss={self.LOSS}' --resume"
            )
            assert errors == f"Stopped. To go on: {line}\n"
            assert shlex.split(line)[2:-1] == arguments[:5]
            assert run(*shlex.split(line)[1:], "--quiet") == (0, "", "")
        else:
            assert "no checkpoint" in errors
