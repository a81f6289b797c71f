"""fit with the real data loader: its position goes through checkpoints and the range test."""

import os
import signal

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn

from .train_runs import as_bits, problem, without_times

data = pytest.importorskip("swiftopt.data")


def fit(folder, *, epochs=3, callbacks=(), resume=False, test_rates=False):
    x, labels = problem()
    net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm(16), nn.ReLU(), nn.Dropout(0.2))
    net = nn.Sequential(net, nn.Linear(16, 3)).reset_parameters(0)
    optimizer = so.AdamW(net.named_parameters(), lr=0.02)
    options = {"optimizer": optimizer, "loss": nn.CrossEntropyLoss()}
    with data.Loader((x, labels), batch_size=16, shuffle=True, seed=4) as loader:
        if test_rates:
            state = loader.state
            so.train.lr_find(net, loader, steps=20, **options)
            assert loader.state == state
        history = so.train.fit(
            net,
            loader,
            epochs=epochs,
            validation=data.Loader(problem(50, 1), batch_size=20),
            metrics=["accuracy"],
            checkpoint=folder / "run.safetensors",
            checkpoint_every=7,
            resume=resume,
            callbacks=callbacks,
            **options,
        )
        position = loader.epoch
    return as_bits(net.state_dict()), without_times(history), position


@pytest.mark.parametrize("step", [1, 6, 7, 8, 13, 14, 20])
def test_stopped_within_an_epoch(step, tmp_path):
    expected = fit(tmp_path)
    assert expected[2] == 3
    fit(tmp_path, callbacks=lambda info: info["event"] == "step" and info["step"] == step)
    assert fit(tmp_path, resume=True) == expected


@pytest.mark.parametrize("step", [3, 7, 14])
def test_interrupted(step, tmp_path):
    expected = fit(tmp_path)
    old = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press(info):
        if info["event"] == "step" and info["step"] == step:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path, callbacks=press)
    finally:
        signal.signal(signal.SIGINT, old)
    assert fit(tmp_path, resume=True) == expected


def test_saved_after_the_last_batch_of_an_epoch(tmp_path):
    """Where a kill leaves the checkpoint of step 7, which is that of an epoch's last batch."""
    expected, copies = fit(tmp_path), []

    def copy(info):
        if info["event"] == "epoch" and info["epoch"] == 1:  # not saved yet
            copies.append((tmp_path / "run.safetensors").read_bytes())

    fit(tmp_path, callbacks=copy)
    (tmp_path / "run.safetensors").write_bytes(copies[0])
    saved = so.load(tmp_path / "run.safetensors")
    assert (saved.loader["epoch"], saved.loader["batch"]) == (0, 7)
    assert fit(tmp_path, resume=True) == expected


def test_the_range_test_gives_the_loader_back(tmp_path):
    assert fit(tmp_path, test_rates=True) == fit(tmp_path)


def test_batches_of_dicts_go_to_functions():
    x, labels = problem()

    def train(batches):
        w = np.zeros(6)

        def model(batch):
            error = batch["x"] @ w - batch["y"]
            return np.mean(error**2), 2 * error @ batch["x"].astype(np.float64) / len(error)

        history = so.train.fit(model, batches, optimizer=so.SGD(w, lr=0.05), epochs=3)
        return w.tolist(), without_times(history)

    slices = [{"x": x[i : i + 30], "y": labels[i : i + 30]} for i in range(0, 100, 30)]
    assert train(data.Loader({"x": x, "y": labels}, batch_size=30)) == train(slices)
