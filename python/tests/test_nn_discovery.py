"""That a layer is complete: its Swift type is registered, a class uses it, a function calls it.

That each layer function has a reference row is tested in test_layer_conformance.py.
"""

import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

from swiftopt import _core, nn
from swiftopt.nn import functional
from swiftopt.nn._loss import Loss
from swiftopt.nn._summary import record

SWIFT = Path(__file__).parents[2] / "Sources/SwiftOptLayers"
FUNCTIONS = {entry["name"] for entry in _core.layer_descriptions()}
# A network for each class that has the class in it, and the shape of its input.
SAMPLES = {
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (1, 4, 4, 2)),
    "BatchNorm": (lambda: nn.BatchNorm(2), (3, 2)),
    "Conv2d": (lambda: nn.Conv2d(2, 2, 3), (1, 4, 4, 2)),
    "DepthwiseConv2d": (lambda: nn.DepthwiseConv2d(2, 3), (1, 4, 4, 2)),
    "Dropout": (nn.Dropout, (3, 2)),
    "Embedding": (lambda: nn.Embedding(3, 2), (3, 2)),
    "Flatten": (nn.Flatten, (3, 2)),
    "GELU": (nn.GELU, (3, 2)),
    "GRU": (lambda: nn.GRU(2, 3), (3, 4, 2)),
    "GlobalAvgPool2d": (nn.GlobalAvgPool2d, (1, 4, 4, 2)),
    "LSTM": (lambda: nn.LSTM(2, 3), (3, 4, 2)),
    "LayerNorm": (lambda: nn.LayerNorm(2), (3, 2)),
    "Linear": (lambda: nn.Sequential(nn.Dropout(), nn.Linear(2, 2)), (3, 2)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (1, 4, 4, 2)),
    "MultiHeadAttention": (lambda: nn.MultiHeadAttention(4, 2), (1, 3, 4)),
    "PositionalEmbedding": (lambda: nn.PositionalEmbedding(3, 2), (1, 3, 2)),
    "RMSNorm": (lambda: nn.RMSNorm(2), (3, 2)),
    "ReLU": (nn.ReLU, (3, 2)),
    "Residual": (lambda: nn.Residual(nn.Tanh()), (3, 2)),
    "SeparableConv2d": (lambda: nn.SeparableConv2d(2, 2, 3), (1, 4, 4, 2)),
    "Sequential": (nn.Sequential, (3, 2)),
    "SiLU": (nn.SiLU, (3, 2)),
    "Sigmoid": (nn.Sigmoid, (3, 2)),
    "Tanh": (nn.Tanh, (3, 2)),
}
LOSSES = {
    "CrossEntropyLoss": (nn.CrossEntropyLoss, np.zeros(3, np.int64), "cross_entropy"),
    "MSELoss": (nn.MSELoss, np.zeros((3, 2), np.float32), "mean_squared_error"),
}
SOFT = (nn.CrossEntropyLoss, np.full((3, 2), 0.5, np.float32), "soft_cross_entropy")
# Attention has its own inside, cross entropy as well.
WITHOUT_CLASS = {"softmax", "softmax_backward"}
# Parts of `linear` and its gradients, and what `cross_entropy` is for probabilities.
WITHOUT_FUNCTION = {"matmul", "column_sums", "soft_cross_entropy"}


def implementations(base):
    """All classes below `base` in the package that no other class of it derives from.

    Classes of other tests may still be alive, so they count neither as classes nor as children.
    """
    for module in pkgutil.iter_modules(nn.__path__):
        importlib.import_module(f"swiftopt.nn.{module.name}")

    def children(cls):
        return [each for each in cls.__subclasses__() if each.__module__.startswith("swiftopt.nn.")]

    below = children(base)
    for each in below:
        below.extend(children(each))
    return {each.__name__ for each in below if not children(each)}


def test_classes_of_others_are_not_taken_for_the_package_s():
    class Other(nn.Sequential):
        """A class that a user, or another test, derives from a layer."""

    found = implementations(nn.Module)
    assert "Other" not in found
    assert {each.__name__ for each in Other.__mro__[1:]} & found == {"Sequential"}


def test_every_layer_class_is_public_and_has_a_sample():
    assert implementations(nn.Module) == set(SAMPLES)
    assert implementations(Loss) == set(LOSSES)
    public = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    assert public - {"Module", "Planner", "Value"} == {*SAMPLES, *LOSSES}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sample_has_its_class(name):
    net = SAMPLES[name][0]()
    assert getattr(nn, name) in map(type, net.named_modules().values())


def used_by(name):
    """The layer functions that a sample calls, forward and backward."""
    build, shape = SAMPLES[name]
    recording = record(build(), shape)
    return {call.function.name for call in (*recording.forward, *recording.backward)}


def test_every_layer_function_is_used_by_a_class():
    used = {function for name in SAMPLES for function in used_by(name)}
    used |= {function for *_, function in (*LOSSES.values(), SOFT)}
    assert FUNCTIONS - used == WITHOUT_CLASS


@pytest.mark.parametrize(
    ("build", "targets", "function"), [*LOSSES.values(), SOFT], ids=lambda value: str(value)[:20]
)
def test_losses_call_their_functions(build, targets, function, monkeypatch):
    called, original = [], _core.LayerCall

    def spy(name, *arguments):
        called.append(name)
        return original(name, *arguments)

    monkeypatch.setattr(_core, "LayerCall", spy)
    build()(np.zeros((3, 2), np.float32), targets)
    assert called == [function]


def test_every_layer_function_has_a_python_function():
    assert {name for name in FUNCTIONS if not hasattr(functional, name)} == WITHOUT_FUNCTION
    modules = {module.name for module in pkgutil.iter_modules(functional.__path__)}
    stems = {name.partition("_backward")[0] for name in FUNCTIONS - WITHOUT_FUNCTION}
    assert {f"_{stem}" for stem in stems} <= modules


def test_every_swift_layer_is_registered():
    sources = {path.stem: path.read_text() for path in SWIFT.glob("*.swift")}
    registry = sources.pop("Registry")
    registered = re.findall(r"visit\((\w+)(?:<\w+>)?\.self\)", registry)
    declared = re.findall(
        r"^(?:enum|struct) (\w+)(?:<[^>]*>)?: LayerFunction\b", "\n".join(sources.values()), re.M
    )
    assert set(registered) == set(declared)
    assert len(registry.split("visitor.visit(")) - 1 == len(FUNCTIONS)
    for level in ("AVX2", "AVX512"):
        links = {path.stem for path in SWIFT.with_name(f"SwiftOptLayers{level}").glob("*.swift")}
        assert {*sources, "Registry"} <= links
