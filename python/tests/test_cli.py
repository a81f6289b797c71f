"""The commands but for train and lr-find: what they print, help, errors, exit statuses."""

import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import swiftopt
from swiftopt import schedules
from swiftopt._cli import _app, _bench, _schedules
from swiftopt._cli._text_plot import plot, sparkline

from .command_line import Runner

COMMANDS = _app.swiftopt.commands


@pytest.fixture
def run(capfd):
    return Runner(capfd)


def without_click(*arguments):
    """Run the module in a process that finds no click: status, stdout, stderr."""
    code = f"""
import importlib.util, runpy, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "click" else found(name, *rest)
sys.modules["click"] = None  # to import it is an ImportError
sys.argv[1:] = {list(arguments)!r}
runpy.run_module("swiftopt", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


class TestHelp:
    @pytest.mark.parametrize("name", sorted(COMMANDS))
    def test_each_command_has_one_with_an_example(self, run, name):
        status, output, errors = run(name, "--help")
        assert (status, errors) == (0, "")
        assert output.startswith(f"Usage: swiftopt {name}")
        assert f"Example:\n      swiftopt {name}" in output

    def test_of_all(self, run):
        status, output, errors = run("--help")
        assert (status, errors) == (0, "")
        assert "Example:\n      swiftopt train" in output
        for name in COMMANDS:
            assert f"\n  {name} " in output

    def test_version(self, run):
        assert run("--version") == (0, f"swiftopt {swiftopt.__version__}\n", "")

    def test_the_page_is_what_the_script_writes(self):
        root = Path(__file__).parents[2]
        module = types.ModuleType("describe_commands")
        script = root / "scripts/describe_commands.py"
        module.__file__ = str(script)
        exec(compile(script.read_text(), script, "exec"), module.__dict__)
        page = (root / "docs/command-line.md").read_text()
        assert module.updated(page) == page, "run python scripts/describe_commands.py"


class TestUsage:
    def test_an_unknown_command(self, run):
        assert "No such command 'trian'" in run.fails("trian", status=2)

    def test_an_unknown_option(self, run):
        assert "No such option" in run.fails("info", "--jsn", status=2)


class TestFacts:
    @pytest.mark.parametrize("arguments", [("--json",), ("info", "--json"), ("--json", "info")])
    def test_json(self, run, arguments):
        status, output, errors = run(*arguments)
        assert (status, errors) == (0, "")
        facts = json.loads(output)
        assert facts["swiftopt"] == swiftopt.__version__
        assert set(facts["optimizers"]) == set(swiftopt.optimizers.__all__)

    def test_text(self, run):
        status, output, errors = run("info")
        assert (status, errors) == (0, "")
        assert run() == (0, output, "")
        assert output.splitlines()[0].split() == ["swiftopt", swiftopt.__version__]

    @pytest.mark.parametrize("arguments", [("optimizers", "--json"), ("--json", "optimizers")])
    def test_optimizers(self, run, arguments):
        status, output, errors = run(*arguments)
        assert (status, errors) == (0, "")
        assert {row["optimizer"] for row in json.loads(output)} == set(swiftopt.optimizers.__all__)


class TestWithoutClick:
    @pytest.mark.parametrize("arguments", [["--json"], ["info", "--json"], ["--json", "info"]])
    def test_facts(self, arguments):
        status, output, errors = without_click(*arguments)
        assert (status, errors) == (0, "")
        assert json.loads(output)["swiftopt"] == swiftopt.__version__

    def test_optimizers(self, run):
        assert without_click("optimizers") == run("optimizers")

    @pytest.mark.parametrize("arguments", [["train", "x.toml", "--resume"], ["schedules"]])
    def test_other_commands_say_what_to_install(self, arguments):
        status, output, errors = without_click(*arguments)
        assert (status, output) == (1, "")
        assert errors.endswith(
            f"swiftopt {arguments[0]} needs click: pip install 'swiftopt[cli]'\n"
        )

    def test_an_error(self, monkeypatch):
        monkeypatch.setenv("SWIFTOPT_LEVEL", "sse9")
        status, output, errors = without_click()
        assert (status, output) == (1, "")
        assert errors.startswith("Error: instruction level 'sse9' is unknown")

    def test_help_names_them(self):
        status, output, errors = without_click("--help")
        assert (status, errors) == (0, "")
        words = output.split()
        for name in COMMANDS.keys() - {"info", "optimizers"}:
            assert any(name in word for word in words)

    @pytest.mark.parametrize("arguments", [["trian"], ["info", "--jsn"]])
    def test_usage(self, arguments):
        status, _, errors = without_click(*arguments)
        assert status == 2
        assert "Traceback" not in errors


class TestSchedules:
    def test_every_schedule_has_an_example(self):
        assert set(_schedules.EXAMPLES) == set(schedules.__all__) - {"Schedule", "TrainingTime"}

    def test_the_list(self, run):
        status, output, errors = run("schedules")
        assert (status, errors) == (0, "")
        for name, example in _schedules.EXAMPLES.items():
            assert f"\n{name} " in f"\n{output}"
            assert example in output

    def test_json(self, run):
        text = "cosine(0.5, total=8).warmup(2)"
        status, output, errors = run("schedules", text, "--steps", 10, "--json")
        assert (status, errors) == (0, "")
        (row,) = json.loads(output)
        schedule = swiftopt.cosine(0.5, total=8).warmup(2)
        assert swiftopt.Schedule.from_json(json.dumps(row["schedule"])) == schedule
        assert row["text"] == text
        assert row["steps"] == list(range(11))
        assert row["values"] == schedule(np.arange(11)).tolist()

    def test_a_curve(self, run):
        status, output, errors = run("schedules", "linear(1.0, total=100)", "--steps", 100)
        assert (status, errors) == (0, "")
        lines = output.splitlines()
        assert lines[0] == "linear(1.0, total=100)"
        assert json.loads(lines[1])["schedule"] == "linear"
        # From top left to bottom right.
        assert lines[3].index("•") < lines[3].index("│") + 3
        assert len(lines[16]) == max(len(line) for line in lines[3:17])

    def test_steps_in_the_text(self, run):
        _, output, _ = run("schedules", "linear(1.0, total=steps // 2)", "--steps", 40)
        assert output.startswith("linear(1.0, total=20)\n")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("cosin(1, total=3)", "there is no 'cosin'; did you mean 'cosine'?"),
            ("cosine(1)", "cosine() missing 1 required keyword-only argument: 'total'"),
            ("cosine(1, total=-3)", "cosine: total is -3"),
            ("3.5", "'3.5' is no schedule"),
            ("cosine(1, total=3", "'(' was never closed"),
        ],
    )
    def test_what_is_none(self, run, text, words):
        assert words in run.fails("schedules", text, status=2)

    @pytest.mark.parametrize("arguments", [[], ["cosine", "rex(1, total=500)"]])
    def test_a_picture(self, run, tmp_path, arguments):
        pytest.importorskip("matplotlib")
        path = tmp_path / "schedules.svg"
        status, output, errors = run("schedules", *arguments, "--plot", path)
        assert (status, errors) == (0, "")
        assert output.endswith(f"Drawn into {path}\n")
        assert "<svg" in path.read_text()

    def test_a_picture_of_no_known_kind(self, run, tmp_path):
        pytest.importorskip("matplotlib")
        words = run.fails("schedules", "--plot", tmp_path / "schedules.txt", status=2)
        assert "must end in one of" in words

    def test_a_picture_in_no_folder(self, run, tmp_path):
        pytest.importorskip("matplotlib")
        words = run.fails("schedules", "--plot", tmp_path / "none/schedules.svg", status=1)
        assert "there is no folder" in words

    def test_a_picture_without_matplotlib(self, run, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
        words = run.fails("schedules", "--plot", tmp_path / "schedules.svg", status=1)
        assert words == "--plot needs the package matplotlib: pip install 'swiftopt[train]'\n"


class TestTextPlots:
    def test_sparkline(self):
        assert sparkline([0, 7, 3, float("nan")], width=4) == "▁█▄ "
        assert sparkline(range(80), width=8) == "▁▂▃▄▅▆▇█"
        assert sparkline([0, 1], is_unicode=False).isascii()

    def test_a_constant_is_in_the_middle(self):
        # Means of parts of unequal length differ in their last bits.
        assert len(set(sparkline([0.1] * 1001))) == 1

    def test_axes(self):
        lines = plot([0, 1, 2], [5.0, 6.0, 7.0], width=40, height=3).splitlines()
        assert lines == [
            "         7 │  •",
            "         6 │ •",
            "         5 │•",
            "           └───",
            "            0 2",
        ]

    def test_what_is_not_finite_is_left_out(self):
        text = plot([0, 1, 2], [1.0, float("inf"), 2.0], is_unicode=False)
        assert text.isascii()
        assert text.count("*") == 14  # a vertical line from the 1 to the 2


class TestBench:
    def test_runs_the_benchmarks(self, run, tmp_path, monkeypatch):
        calls = []

        def record(command, **options):
            calls.append((command[1:], options["cwd"]))
            return types.SimpleNamespace(returncode=3)

        monkeypatch.setattr(_bench, "repository", lambda: tmp_path)
        monkeypatch.setattr(_bench.subprocess, "run", record)
        path = tmp_path / "found.json"
        assert run("bench", "--quick", "--only", "adamw-*", "--json", path) == (3, "", "")
        assert calls == [
            (
                ["-m", "benchmarks", "--quick", "--only", "adamw-*", "--json", str(path)],
                tmp_path,
            )
        ]

    def test_finds_the_repository(self):
        assert _bench.repository() == Path(__file__).parents[2]

    def test_without_the_repository(self, run, monkeypatch):
        monkeypatch.setattr(_bench, "repository", lambda: None)
        assert "in swiftopt's repository" in run.fails("bench", status=1)


class TestStudy:
    @pytest.fixture
    def module(self, monkeypatch):
        """A study that notes how it was called."""
        module = types.ModuleType("swiftopt.study")
        module.__spec__ = types.SimpleNamespace()
        module.calls = []
        module.StudyError = type("StudyError", (Exception,), {})

        def run(folder, quick, **options):
            options.pop("progress")
            module.calls.append(("run", folder, quick, options))
            return types.SimpleNamespace(is_complete=False, trials_left=7)

        def report(folder, output, *, quick):
            module.calls.append(("report", folder, output, quick))
            (folder / "study.html").write_text("a page")
            return {"markdown": folder / "study.md", "html": folder / "study.html"}

        module.run, module.report = run, report
        monkeypatch.setitem(sys.modules, "swiftopt.study", module)
        return module

    def test_runs_and_reports(self, run, module, tmp_path):
        status, output, _ = run("study", tmp_path, "--quick", "--hours", 2, "--jobs", 2)
        assert status == 0
        assert output.splitlines() == [
            "7 trials are left: the same command goes on.",
            str(tmp_path / "study.md"),
            str(tmp_path / "study.html"),
        ]
        assert module.calls == [
            ("run", tmp_path, True, {"budget_hours": 2, "jobs": 2}),
            ("report", tmp_path, None, True),
        ]

    def test_a_folder_without_results(self, run, module, tmp_path):
        for folder in (tmp_path, tmp_path / "mistyped"):
            words = run.fails("study", folder, "--report-only", status=1)
            assert words == f"{folder} has no results.jsonl: there is nothing to report\n"
        assert module.calls == []
        assert list(tmp_path.iterdir()) == []

    def test_reports_alone(self, run, module, tmp_path):
        (tmp_path / "results.jsonl").touch()
        status, _, errors = run("study", tmp_path, "--report-only", "--output", tmp_path / "out")
        assert (status, errors) == (0, "")
        assert module.calls == [("report", tmp_path, tmp_path / "out", False)]

    def test_the_page_goes_where_one_wants_it(self, run, module, tmp_path):
        (tmp_path / "results.jsonl").touch()
        page = tmp_path / "new" / "page.html"
        status, output, _ = run("study", tmp_path, "--report-only", "--html", page)
        assert (status, output.splitlines()[-1]) == (0, str(page))
        assert page.read_text() == "a page"

    def test_its_errors(self, run, module, tmp_path):
        def fail(*arguments, **options):
            raise module.StudyError("there is nothing in the folder")

        module.report = fail
        (tmp_path / "results.jsonl").touch()
        words = run.fails("study", tmp_path, "--report-only", status=1)
        assert words == "there is nothing in the folder\n"

    def test_without_it(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr("swiftopt._cli._study.find_spec", lambda name: None)
        assert "no study" in run.fails("study", tmp_path, status=1)
