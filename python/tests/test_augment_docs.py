"""The page on augmentations: all of them are on it, and its picture shows what they do."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import swiftopt as so

from .test_augment import CLASSES

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "augmentation.md").read_text()


def load_plots() -> Any:
    path = DOCS / "plots" / "augmentations.py"
    spec = importlib.util.spec_from_file_location("plots_of_augmentations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLOTS = load_plots()


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_the_page_has_every_augmentation_as_it_is_called(cls: type[so.data.Augmentation]) -> None:
    call = re.search(rf"^\| `{cls.__name__}\((.*?)\)` \|", PAGE, re.MULTILINE)
    assert call is not None
    signature = inspect.signature(cls)
    expected = {}
    for name, parameter in signature.parameters.items():
        expected[name] = parameter.default
    shown = eval(f"lambda {call[1]}: None")
    defaults = {
        name: parameter.default for name, parameter in inspect.signature(shown).parameters.items()
    }
    assert defaults == expected


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_the_picture_has_every_augmentation(cls: type[so.data.Augmentation]) -> None:
    assert any(isinstance(op, cls) for _, ops in PLOTS.ROWS for op in ops)


def test_the_picture_shows_the_results_of_today() -> None:
    # Drawn anew by `make plots`.
    picture = PLOTS.PICTURE.read_bytes()
    assert re.findall(rb"values ([0-9a-f]{64})", picture) == [PLOTS.digest().encode()]
    assert "](plots/augmentations.png)" in PAGE
