"""Checkpoints that can't be written or resumed: told before training, and nothing is changed."""

import os

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import Batches, network, problem

BATCHES = [tuple(part[:10] for part in problem())]


class Counter:
    """A callback with a state that only fits its own limit, and that it changes in place."""

    def __init__(self, limit=0):
        self.state = {"limit": limit, "calls": 0}

    def __call__(self, info):
        self.state["calls"] += 1

    def load_state(self, state):
        self.state["calls"] = state["calls"]
        if state["limit"] != self.state["limit"]:
            raise ValueError("another limit")


def fit(net=None, optimizer=None, **options):
    net = net or network()
    optimizer = optimizer or so.AdamW(net.named_parameters(), lr=0.01)
    options = {"loss": nn.CrossEntropyLoss(), "validation": BATCHES, **options}
    return so.train.fit(net, BATCHES, optimizer=optimizer, **options)


def trained_nothing(info):
    raise AssertionError("a step was made")


# ------------------------------------------------------------------------ to be written


def test_a_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="checkpoint can't be written: Is a directory: '"):
        fit(checkpoint=tmp_path, callbacks=trained_nothing)
    with pytest.raises(IsADirectoryError, match="checkpoint can't be written"):
        fit(checkpoint=f"{tmp_path}/new{os.sep}", callbacks=trained_nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="checkpoint can't be written: File exists: '"):
        fit(checkpoint=tmp_path / "file" / "run.safetensors", callbacks=trained_nothing)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_takes_no_files(tmp_path):
    tmp_path.chmod(0o500)
    path = tmp_path / "run.safetensors" if os.geteuid() else "/proc/run.safetensors"
    try:
        with pytest.raises(OSError, match="checkpoint can't be written: "):
            fit(checkpoint=path, callbacks=trained_nothing)
    finally:
        tmp_path.chmod(0o700)


def test_states_that_can_not_be_saved(tmp_path):
    counter = Counter()
    counter.state["calls"] = {1, 2}
    with pytest.raises(TypeError, match=r"callbacks.*\['calls'\] is a set; it must be a dict"):
        fit(checkpoint=tmp_path / "new" / "run.safetensors", callbacks=[counter, trained_nothing])
    assert list(tmp_path.iterdir()) == []


def test_trying_out_leaves_nothing_and_no_older_file_is_touched(tmp_path):
    path = tmp_path / "deep" / "er" / "run.safetensors"
    fit(checkpoint=path, epochs=0)
    assert list(path.parent.iterdir()) == []
    path.write_bytes(b"an older one")
    with pytest.raises(AssertionError, match="a step was made"):
        fit(checkpoint=path, callbacks=trained_nothing)
    assert path.read_bytes() == b"an older one"
    assert list(path.parent.iterdir()) == [path]


# --------------------------------------------------------------------------- to be resumed


class Fussy(Batches):
    """Batches that go on only with the same seed."""

    @property
    def state(self):
        return {**super().state, "seed": self.seed}

    def load_state(self, state):
        super().load_state(state)
        if state["seed"] != self.seed:
            raise ValueError("another seed")


def parts(**others):
    """All that may refuse its state; without `others` as it was saved."""
    return {
        "rng": [np.random.default_rng(3), np.random.default_rng(4)],
        "validation": Fussy(*problem(30), 10, seed=1),
        "callbacks": [Counter(), Counter()],
        "plateau": so.ReduceOnPlateau(patience=0),
        "early_stopping": so.EarlyStopping(),
    } | others


def states(given):
    return repr(
        [
            [rng.bit_generator.state for rng in given["rng"]],
            given["validation"].state,
            [counter.state for counter in given["callbacks"]],
            given["plateau"].state,
            given["early_stopping"].state,
        ]
    )


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"rng": [np.random.default_rng(7), np.random.Generator(np.random.MT19937(0))]},
         "generator 1 of rng refuses its state: state must be for a MT19937"),
        ({"validation": Fussy(*problem(30), 10, seed=2)},
         "validation refuses its state: another seed"),
        ({"callbacks": [Counter(), Counter(limit=1)]},
         "the callback Counter refuses its state: another limit"),
        ({"rng": [np.random.default_rng(0)]}, "with 2 generators in rng, this run has 1"),
        ({"early_stopping": so.EarlyStopping(params=[np.zeros(2)])},
         "early_stopping refuses its state"),
    ],
    ids=["rng", "validation", "callback", "number of rngs", "early stopping"],
)  # fmt: skip
def test_what_refuses_its_state_leaves_everything_as_it_was(others, message, tmp_path, frozen):
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path, epochs=2, **parts())
    net = network().reset_parameters(5)
    optimizer = so.AdamW(net.named_parameters(), lr=0.5)
    given, content = parts(**others), path.read_bytes()
    before = states(given)
    with (
        frozen(net.state_dict(), optimizer=optimizer),
        pytest.raises(so.CheckpointError, match=message),
    ):
        fit(net, optimizer, checkpoint=path, epochs=3, resume=True, **given)
    assert states(given) == before
    assert optimizer.lr == 0.5
    assert path.read_bytes() == content
    if not others.keys() & {"rng"}:
        again = parts()
        fit(net, optimizer, checkpoint=path, epochs=3, resume=True, **again)
        assert again["callbacks"][0].state["calls"] == 7  # 3 steps, 3 epochs, and the "end"


def test_a_network_that_does_not_fit_leaves_the_rest_as_it_was(tmp_path):
    fit(checkpoint=tmp_path / "run.safetensors", epochs=2, **parts())
    given = parts()
    before = states(given)
    net = nn.Sequential(nn.Linear(6, 3)).reset_parameters(0)
    with pytest.raises(so.CheckpointError, match="doesn't fit what it is loaded into"):
        fit(net, checkpoint=tmp_path / "run.safetensors", resume=True, **given)
    assert states(given) == before


@pytest.mark.parametrize("damage", ["truncated", "a flipped bit"])
def test_a_damaged_file_names_the_one_before(damage, tmp_path):
    path = tmp_path / "run.safetensors"
    fit(checkpoint=path, epochs=3, keep=2)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content[:2000] if damage == "truncated" else content)
    with pytest.raises(so.CheckpointError, match=r"; the checkpoint before it is '.*run\.1\.safe"):
        fit(checkpoint=path, epochs=3, resume=True)
    (tmp_path / "run.1.safetensors").replace(path)
    assert fit(checkpoint=path, epochs=3, resume=True)["epoch"] == [1, 2, 3]
    path.write_bytes(b"")
    with pytest.raises(so.CheckpointError) as caught:
        fit(checkpoint=path, epochs=3, resume=True)
    assert "before it" not in str(caught.value)
