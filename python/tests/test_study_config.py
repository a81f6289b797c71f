"""Config: JSON, refusals, and keys that stay what they are."""

import dataclasses

import pytest

from swiftopt.study import Config
from swiftopt.study._config import digest

from .study_support import workload


def test_the_default_is_sgd_as_first_written():
    config = Config()
    assert (config.optimizer, config.lr, config.momentum, config.schedule) == (
        "SGD", 0.01, 0.0, "constant",
    )  # fmt: skip
    assert config.to_json() == {}


def test_json_holds_every_field():
    changed = Config(
        optimizer="Lion", lr=0.5, momentum=0.9, nesterov=True, weight_decay=0.0, schedule="step",
        warmup=0.1, horizon=0.5, batch_size=16, accumulate=2, dtype="bfloat16", batch_norm=True,
        residual=True, separable=True, augmentation=True, dropout=0.5, depth=8, clip_norm=1.0,
        label_smoothing=0.1, patience=3, feed="loader",
    )  # fmt: skip
    assert set(changed.to_json()) == {field.name for field in dataclasses.fields(Config)}
    assert Config.from_json(changed.to_json()) == changed


def test_no_decay_differs_from_the_default_decay():
    assert Config(weight_decay=0.0).to_json() == {"weight_decay": 0.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "Sgd"}, "optimizer is 'Sgd'; it must be one of SGD, Adam"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
        ({"lr": 0.0}, "must be above 0"),
        ({"warmup": 1.0}, r"warmup is 1.0; it must be a share in \[0, 1\)"),
        ({"learning_rate": 1.0}, "no fields learning_rate"),
    ],
)
def test_what_is_no_configuration_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Config.from_json(values)


def test_digests_are_those_of_the_committed_results():
    # Written down from the first version: if they change, finished studies begin anew.
    assert digest({"a": [1, 2.5, None, True, "é"]}) == "b29e2859162c1a8c"
    assert workload().key(Config(lr=0.1, optimizer="Adam"), 3) == "d23447249620c74d"


def test_a_key_follows_from_all_that_matters():
    config = Config(lr=0.1)
    keys = {
        workload().key(config, 1),
        workload().key(config, 2),
        workload().key(config.replace(lr=0.2), 1),
        workload("other").key(config, 1),
        workload(budget=21).key(config, 1),
        workload(every=6).key(config, 1),
        workload(batch_size=11).key(config, 1),
        workload(settings={"width": 2}).key(config, 1),
    }
    assert len(keys) == 8
    assert workload(title="other words", seconds=3.0).key(config, 1) in keys


def test_timing_ignores_what_takes_no_time():
    slow = Config(optimizer="Adam", lr=0.3, schedule="cosine", warmup=0.1, horizon=0.5, patience=3)
    fast = Config(optimizer="Adam", lr=0.1)
    assert slow.for_timing() == fast.for_timing()
    assert slow.for_timing() != Config(optimizer="Adam", dtype="bfloat16").for_timing()


def test_runs_have_the_same_samples_for_every_batch_size():
    base = workload(batch_size=32, budget=100, every=4)
    for size, steps, every in ((16, 200, 8), (32, 100, 4), (64, 50, 2), (512, 6, 1)):
        config = Config(batch_size=size)
        assert base.steps_of(config) == steps
        assert base.every_of(config) == every
    assert base.steps_of(Config(horizon=0.25)) == 25
