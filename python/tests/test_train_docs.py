"""The page on the trainer: its picture shows what the range test measures today."""

import importlib.util
import re
from pathlib import Path

import numpy as np

import swiftopt as so

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "trainer.md").read_text()


def test_the_picture_shows_the_losses_of_today():
    # Drawn anew by `make plots`.
    path = DOCS / "plots" / "trainer.py"
    spec = importlib.util.spec_from_file_location("plots_of_the_trainer", path)
    plots = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plots)
    picture = plots.FILE.read_text()
    (values,) = re.findall(r"smoothed ([0-9.e+ -]+) -->", picture)
    drawn = np.array([float(value) for value in values.split()])
    found = plots.range_test()
    # Products differ in float64 roundings between processors, and training at growing rates
    # makes more of them; up to the minimum by far less than a line's width.
    end = int(found.smoothed.argmin())
    np.testing.assert_allclose(drawn[:end], found.smoothed[:end], rtol=1e-4)
    assert f"suggestion: {found.suggestion:.2g}" in picture
    assert "](trainer/range_test.svg)" in PAGE


def test_every_argument_is_documented():
    import inspect

    for function in (so.train.fit, so.train.lr_find):
        for name in inspect.signature(function).parameters:
            assert re.search(rf"^    (\w+, )*{name}(, \w+)*( :|\n)", function.__doc__, re.M), name


def test_the_loop_is_as_short_as_promised():
    loop = PAGE.partition(">>> def train_plainly")[2].partition("\n\n>>>")[0]
    assert len(loop.splitlines()) <= 60
