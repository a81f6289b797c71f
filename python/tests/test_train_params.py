"""What is saved for a model that is a function: all that its optimizer trains."""

import numpy as np
import pytest

import swiftopt as so

X = np.random.default_rng(0).standard_normal((20, 4))
BATCHES = [(X[i : i + 5], X[i : i + 5] @ [1.0, -2.0, 0.5, 3.0]) for i in range(0, 20, 5)]


def run(folder, epochs, given):
    """Train w, whose optimizer has two groups; `given` makes params of both arrays."""
    w, b = np.zeros(4), np.zeros(1)

    def model(inputs, targets):
        error = inputs @ w + b - targets
        gradients = {"w": 2 * error @ inputs / 5}, {"b": np.array([2 * error.mean()])}
        return float(np.mean(error**2)), list(gradients)

    groups = [{"params": {"w": w}}, {"params": {"b": b}, "lr": 0.02}]
    optimizer = so.SGD(groups, lr=0.05, momentum=0.9)
    options = {"checkpoint": folder / "run.safetensors", "resume": True, "params": given(w, b)}
    so.train.fit(model, BATCHES, optimizer=optimizer, epochs=epochs, **options)
    return w.tolist(), b.tolist()


@pytest.mark.parametrize(
    "given",
    [
        lambda w, b: None,
        lambda w, b: {"w": w, "b": b},
        lambda w, b: {"all": [b, w], "seen": np.zeros(2, np.int64)},
        lambda w, b: {"w": w.reshape(2, 2), "b": b[:]},
    ],
    ids=["nothing", "the same names", "other names and more", "views"],
)
def test_a_resumed_run_has_its_parameters(given, tmp_path):
    expected = run(tmp_path / "whole", 4, given)
    run(tmp_path / "parts", 3, given)
    assert run(tmp_path / "parts", 4, given) == expected
    assert run(tmp_path / "other", 3, given) != expected


def test_a_part_of_a_larger_array_is_saved_with_it(tmp_path):
    flat = np.zeros(6)
    optimizer = so.SGD({"w": flat[1:3]}, lr=1.0)
    so.train.fit(
        lambda x: (0.0, {"w": np.ones(2)}),
        [np.ones(1)],
        optimizer=optimizer,
        checkpoint=tmp_path / "run.safetensors",
        params=flat,
    )
    assert so.load(tmp_path / "run.safetensors").params["param"].tolist() == [0, -1, -1, 0, 0, 0]


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        (lambda w, b: {}, "'w', 'b'"),
        (lambda w, b: {"w": w}, "'b'"),
        (lambda w, b: {"w": w.copy(), "b": b}, "'w'"),
        (lambda w, b: {"v": np.zeros(3)}, "'w', 'b'"),
    ],
)
def test_parameters_that_would_be_lost_are_told(given, lacking, tmp_path):
    with pytest.raises(ValueError, match=f"^params lacks {lacking} of the optimizer, so a resum"):
        run(tmp_path / "no", 1, given)
    assert not (tmp_path / "no").exists()
