"""The page on data feeding shows what was measured, and its picture the same numbers."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "plots" / "data-wait.png"


def load_script(path):
    spec = importlib.util.spec_from_file_location(f"docs_{path.stem}", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MEASURED = load_script(Path("scripts/measured_data.py"))
PLOT = load_script(Path("docs/plots/data_wait.py"))
NUMBERS = json.loads(MEASURED.NUMBERS.read_text())


@pytest.mark.parametrize("page", MEASURED.PAGES, ids=lambda path: path.name)
def test_pages_say_what_was_measured(page):
    # `python scripts/measured_data.py` writes them after the benchmarks.
    text = page.read_text()
    assert text == MEASURED.filled(text, MEASURED.sections(NUMBERS))


def test_every_part_is_on_a_page():
    marks = [
        name
        for page in MEASURED.PAGES
        for name in re.findall("<!-- measured: (.*) -->", page.read_text())
    ]
    assert sorted(marks) == sorted(MEASURED.sections(NUMBERS))


@pytest.mark.skipif(not NUMBERS["waits"], reason="not measured yet")
def test_the_picture_shows_the_numbers():
    values = re.findall(rb"values ([0-9a-f]{64})", PICTURE.read_bytes())
    assert values == [PLOT.digest(NUMBERS["waits"]).encode()]
    assert PICTURE.stat().st_size < 200_000


def case(name, contenders):
    return {"case": name, "rounds": 31, "disturbances": [], "contenders": contenders}


def contender(seconds, **measures):
    return {
        "seconds": {"median": seconds},
        "measures": {name.replace("_", " "): {"median": value} for name, value in measures.items()},
        "check": {"passed": True},
    }


def fed(seconds, waiting):
    found = contender(seconds)
    found["measures"] = {
        "seconds of an epoch spent waiting for data": {"median": waiting},
        "share of the time spent waiting for data": {"median": waiting / seconds},
    }
    return found


@pytest.fixture
def bench():
    waits = {
        "swiftopt": fed(2.0, 0.02),
        "batches that are there": fed(1.9, 0.0),
        "torch DataLoader, 0 workers": fed(4.0, 2.0),
    }
    facts = ("cpu", "processors", "torch", "swiftopt's level")
    return {
        "machine": dict.fromkeys(facts, "x") | {"load average at the start": "0.1"},
        "cases": [
            case(
                "data-augment-28",
                {
                    "swiftopt": contender(0.03),
                    "NumPy slices": contender(0.12),
                    "torch DataLoader, 2 workers": contender(3.0),
                },
            ),
            case(
                "data-shards-2gb",
                {"swiftopt": contender(0.5), "cat > /dev/null": contender(0.4)},
            ),
            case("data-wait-cnn", waits),
            case("data-wait-mlp", waits),
        ],
    }


def test_figures_are_those_of_the_benchmark(bench):
    """By hand: 60 000 / 0.03 s, 3 / 0.03, 2 GB / 0.5 s, 0.4 / 0.5, 1 - 0.02 / 2, 1 - 2 / 4."""
    texts = MEASURED.sections(MEASURED.numbers([bench]))
    assert "| swiftopt | 2 000 000 | 1 |" in texts["speed"]
    assert "| torch DataLoader, 2 workers | 20 000 | 100 |" in texts["speed"]
    assert "| swiftopt | 4.00 | 0.80 |" in texts["shards"]
    assert "| torch DataLoader, 0 workers | 4 s | 2 s | 50.00 % | 2.11 |" in texts["waits"]
    assert (
        "99.0 % less waiting and 50.0 % less time than with torch DataLoader, 0 workers"
    ) in texts["waits"]
    assert "makes 2 000 000 images" in texts["summary"]
    assert "1.00 % of the time with the separable CNN" in texts["summary"]
    assert texts["memory"] == MEASURED.sections(NUMBERS | {"memory": {}})["memory"]  # not there


def test_a_bar_of_the_picture_is_the_whole_epoch(bench):
    rows = MEASURED.numbers([bench])["waits"]["cnn"]
    parts = PLOT.parts(rows)
    assert parts["batches that are there"] == (1.9, 0.0, 0.0)
    assert parts["swiftopt"] == pytest.approx((1.9, 0.08, 0.02))
    assert {name: sum(bar) for name, bar in parts.items()} == pytest.approx(
        {row["name"]: row["epoch_seconds"] for row in rows}
    )


def test_pictures_differ_with_their_numbers(bench, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    waits = MEASURED.numbers([bench])["waits"]
    monkeypatch.setattr(PLOT, "PICTURE", tmp_path / "picture.png")
    PLOT.draw(waits)
    content = PLOT.PICTURE.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert PLOT.digest(waits).encode() in content
    waits["cnn"][0]["wait_seconds"] = 0.03
    assert PLOT.digest(waits).encode() not in content
