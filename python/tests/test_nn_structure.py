"""That no layer is forgotten: every class is documented, every function can be reached."""

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import swiftopt as so
from swiftopt import _core, nn
from swiftopt.nn import functional

SOURCES = Path(nn.__file__).parent
CLASSES = [name for name in nn.__all__ if name != "functional"]
INFRASTRUCTURE = {"Module", "Planner", "Value"}


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_documented(name):
    documentation = inspect.getdoc(getattr(nn, name))
    assert documentation
    if name not in INFRASTRUCTURE:
        assert doctest.DocTestParser().get_examples(documentation), "it has no example"
    parameters = list(inspect.signature(getattr(nn, name)).parameters)
    if name not in INFRASTRUCTURE and parameters:
        assert "Parameters\n----------" in documentation
        for parameter in parameters:
            assert parameter in documentation


@pytest.mark.parametrize("name", sorted({*CLASSES} - {"Value"}))
def test_every_method_is_documented(name):
    for method, function in inspect.getmembers(getattr(nn, name), inspect.isfunction):
        if not method.startswith("_"):
            assert inspect.getdoc(function), f"{name}.{method}"


@pytest.mark.parametrize("name", [entry["name"] for entry in _core.layer_descriptions()])
def test_every_layer_function_can_be_reached(name):
    in_classes = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    stem = name.removesuffix("_backward").removesuffix("_backward_input")
    stem = stem.removesuffix("_backward_weight")
    assert hasattr(functional, name) or f'"{name}"' in in_classes or f'"{stem}"' in in_classes


@pytest.mark.parametrize("name", sorted({*CLASSES} - INFRASTRUCTURE))
def test_one_class_per_file(name):
    path = Path(inspect.getfile(getattr(nn, name)))
    classes = [line for line in path.read_text().splitlines() if line.startswith("class ")]
    assert [line.split("(")[0].removeprefix("class ") for line in classes] == [name]


def test_nn_is_imported_when_it_is_first_used():
    script = (
        "import sys, swiftopt as so\n"
        "print('swiftopt.nn' in sys.modules, so.nn.Linear(2, 3).weight.shape)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False (3, 2)\n"


def test_other_names_are_still_wrong():
    with pytest.raises(AttributeError, match="module 'swiftopt' has no attribute 'nm'"):
        _ = so.nm
