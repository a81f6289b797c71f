"""The page of layers names all that there is."""

import re
from pathlib import Path

import pytest

from swiftopt import nn
from swiftopt.nn import functional

PAGE = (Path(__file__).parents[2] / "docs/layers.md").read_text()
TABLE = PAGE.partition("## What there is")[2].partition("## Shapes")[0]
NAMED = set(re.findall(r"`(\w+)`", TABLE))


@pytest.mark.parametrize("name", sorted({*nn.__all__} - {"functional"}))
def test_classes(name):
    assert name in NAMED


@pytest.mark.parametrize("name", sorted(functional.__all__))
def test_functions(name):
    if name.endswith("_backward"):  # one of those that end in an ellipsis
        name = name.removesuffix("_backward")
    assert name in NAMED or isinstance(getattr(functional, name), type)


def test_nothing_else_is_named():
    known = {*nn.__all__, *functional.__all__}
    assert known >= NAMED
