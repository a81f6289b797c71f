"""Expressions: what is a value, and what is refused with which words."""

import hypothesis
import hypothesis.strategies as st
import pytest

import swiftopt as so
from swiftopt import nn
from swiftopt._cli._config_model import LAYERS, LOSSES
from swiftopt._cli._config_optimizer import SCHEDULES
from swiftopt._cli._errors import suggestion
from swiftopt._cli._experiment import AUGMENTATIONS
from swiftopt._cli._expression import ExpressionError, evaluate
from swiftopt._cli._schedules import EXAMPLES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        (" -2.5e-3\n", -2.5e-3),
        ("[1, (2, 'three'), None, True]", [1, (2, "three"), None, True]),
        ("2 * steps + 1", 201),
        ("steps / 8 - 0.5", 12.0),
        ("steps // 3", 33),
        ("cosine(0.1, total=steps)", so.cosine(0.1, total=100)),
        ("0.5 * rex(0.1, total=9) + 1", 0.5 * so.rex(0.1, total=9) + 1),
        (
            "cosine(0.1, 0.01, total=9).warmup(3, start=-0.0).then(linear(1, total=4), at=20)",
            so.cosine(0.1, 0.01, total=9).warmup(3, start=-0.0).then(so.linear(1, total=4), at=20),
        ),
        (
            "multi_step(1, milestones=[3, 5], gamma=[0.5, 0.1])",
            so.multi_step(1, milestones=[3, 5], gamma=[0.5, 0.1]),
        ),
    ],
)
def test_values(text, expected):
    found = evaluate(text, SCHEDULES, {"steps": 100})
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("example", EXAMPLES.values())
def test_the_repr_of_a_schedule_is_an_expression(example):
    schedule = evaluate(example, SCHEDULES, {}).repeat(50, times=3).clamp(low=0.01).warmup(9)
    assert evaluate(repr(schedule), SCHEDULES, {}) == schedule


def test_layers_inside_layers():
    text = (
        "Residual(Sequential(Conv2d(4, 4, (3, 3), padding=1, bias=False), ReLU()), shortcut=None)"
    )
    layer = evaluate(text, LAYERS, {})
    assert isinstance(layer, nn.Residual)
    assert list(layer.named_parameters()) == ["branch.0.weight"]


def test_what_can_be_named():
    """All layers, losses and augmentations that there are, and nothing else."""
    classes = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    assert LAYERS.keys() | LOSSES.keys() == classes - {"Module", "Planner", "Value"}
    assert {"RandomCrop", "Normalize", "Mixup", "RandAugment"} <= AUGMENTATIONS.keys()
    assert not {"Augmentation", "Loader", "Shards", "fashion_mnist"} & AUGMENTATIONS.keys()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid syntax"),
        ("cosine(1, total=", "'(' was never closed"),
        ("cosine", "cosine needs its arguments: cosine(...)"),
        ("cosine(1, total=stepps)", "there is no 'stepps'; did you mean 'steps'?"),
        ("Cosine(1, total=2)", "there is no 'Cosine'; did you mean 'cosine'?"),
        ("print(1)", "there is no 'print'"),
        ("__import__('os')", "there is no '__import__'"),
        ("cosine.__globals__", "can't be used here"),
        ("cosine(1, total=2).__class__()", "schedules have no method '__class__'"),
        ("cosine(1, total=2).to_json()", "schedules have no method 'to_json'"),
        ("cosine(1, total=2).warm(3)", "no method 'warm'; did you mean 'warmup'?"),
        ("(3).bit_length()", "'3' is not a schedule"),
        ("[x for x in (1,)]", "can't be used here"),
        ("lambda: 1", "can't be used here"),
        ("2 ** 1000000000", "can't be used here"),
        ("'a' * 1000000000", "\"'a'\" is not a number"),
        ("[1] * 3", "'[1]' is not a number"),
        ("True + 1", "'True' is not a number"),
        ("b'a'", "can't be used here"),
        ("1 / 0", "arithmetic: division by zero"),
        ("cosine(**{})", "can't be used here"),
        ("cosine(*[1])", "can't be used here"),
        ("cosine(1, total=2, n=3)", "cosine() got an unexpected keyword argument 'n'"),
        ("cosine(1, total=0)", "cosine: total is 0"),
        ("cosine(1)(3)", "can't be called"),
        ("\0", "null"),
        ("(" * 5000 + ")" * 5000, "nested"),
        ("+".join(["1"] * 9000), "too large"),
        ("1" * 20_001, "longer than 20000 characters"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(ExpressionError) as refusal:
        evaluate(text, SCHEDULES, {"steps": 10})
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Linear(3)", "Linear() missing 1 required positional argument: 'out_features'"),
        ("Linear(3, -1)", "Linear: out_features is -1"),
        ("Linear(10 * 1000000000, 1000000000)", "Linear: "),  # more memory than there is
        ("Residual(3)", "Residual: branch is a int"),
    ],
)
def test_what_layers_refuse(text, words):
    with pytest.raises(ExpressionError) as refusal:
        evaluate(text, LAYERS, {})
    assert str(refusal.value).startswith(words)


@hypothesis.given(st.text(alphabet="cosine(1,total=2).warmup[]+-*/'\" \\{}:@", max_size=60))
def test_any_text_is_a_value_or_refused(text):
    try:
        evaluate(text, SCHEDULES, {"steps": 10})
    except ExpressionError:
        return
    compile(text.strip(), "text", "eval")  # Python's grammar too


def test_suggestions():
    assert suggestion("wieght_decay", ["lr", "weight_decay"]) == "; did you mean 'weight_decay'?"
    assert suggestion("relu", ["ReLU", "Linear"]) == "; did you mean 'ReLU'?"
    assert suggestion("zzz", ["lr"]) == ""
