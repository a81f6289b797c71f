"""The page on schedules: all of them are on it, and its pictures show their values."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "schedules.md").read_text()


def load_plots():
    path = DOCS / "plots" / "schedules.py"
    spec = importlib.util.spec_from_file_location("plots_of_schedules", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLOTS = load_plots()
NAMES = [name for name in so.schedules.__all__ if name[0].islower()]


@pytest.mark.parametrize("name", PLOTS.PICTURES)
def test_pictures_show_the_values_of_today(name):
    # Drawn anew by `make plots`.
    picture = (DOCS / "schedules" / f"{name}.svg").read_text()
    assert re.findall(r"values ([0-9a-f]{64})", picture) == [PLOTS.digest(PLOTS.PICTURES[name])]
    assert f"](schedules/{name}.svg)" in PAGE


def test_a_digest_is_of_every_bit():
    curves = {"title": [("label", so.linear(1, total=900))]}
    other = {"title": [("label", so.linear(np.nextafter(1, 0), total=900))]}
    assert PLOTS.digest(curves) != PLOTS.digest(other)
    assert PLOTS.digest(curves) == PLOTS.digest(dict(curves))


@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_is_on_the_page_and_in_a_picture(name):
    assert f"| `{name}` |" in PAGE
    titles = [title for panels in PLOTS.PICTURES.values() for title in panels]
    assert name in titles


def test_there_are_no_other_pictures():
    pictures = {path.stem for path in (DOCS / "schedules").glob("*.svg")}
    assert pictures == set(PLOTS.PICTURES)
    assert sum(path.stat().st_size for path in (DOCS / "schedules").iterdir()) < 400_000


@pytest.mark.parametrize("curves", [c for p in PLOTS.PICTURES.values() for c in p.values()])
def test_pictures_hold_what_they_draw(curves):
    for _, schedule in curves:
        values = schedule(PLOTS.STEPS)
        assert values.min() >= 0
        assert values.max() <= 1.05
