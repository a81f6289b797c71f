"""Logs and progress: what is written where."""

import csv
import io
import json
import struct
import sys

import numpy as np
import pytest

import swiftopt as so

from .train_runs import Batches, without_times

LOSSES = [2.0, 1.5, 1.25, 1.0, 0.75, 0.5]


def run(log=None, epochs=3, **options):
    """Three batches of ten samples, two numbers a batch."""
    losses = iter(LOSSES * 3)

    def model(x):
        return next(losses), np.zeros(1), {"half": x[0] / 2}

    return so.train.fit(
        model,
        [np.full(10, 1.0), np.full(10, 2.0)],
        optimizer=so.SGD(np.zeros(1), lr=0.25),
        epochs=epochs,
        validation=[np.zeros(1)],
        evaluate=lambda x: {"loss": 3.0},
        log=log,
        **options,
    )


def test_csv(tmp_path):
    history = run(tmp_path / "logs" / "run.csv")
    with (tmp_path / "logs" / "run.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == list(history)
    assert [float(line["loss"]) for line in lines] == [1.75, 1.125, 0.625]
    assert [float(line["half"]) for line in lines] == [0.75] * 3
    for name, entries in history.items():
        assert [line[name] for line in lines] == [str(value) for value in entries]


def test_json_lines(tmp_path):
    history = run(str(tmp_path / "run.jsonl"))
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert lines == [
        dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)
    ]


def test_a_new_run_replaces_a_file(tmp_path):
    for _ in range(2):
        history = run([tmp_path / "run.csv", tmp_path / "run.jsonl"], epochs=2)
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 1 + 2
    assert len((tmp_path / "run.jsonl").read_text().splitlines()) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", "run.jsonl"]
    assert len(history["loss"]) == 2


@pytest.mark.parametrize(
    ("name", "content", "beginning"),
    [
        ("iris.csv", "sepal,petal\n1,2\n", "epoch,"),
        ("iris.csv", "epoch\n", "epoch,"),
        ("texts.jsonl", '{"text": "a"}\n', '{"epoch":'),
        ("binary.csv", b"\xff\xfe\0", "epoch,"),
    ],
)
def test_what_is_not_a_log_is_not_replaced(name, content, beginning, tmp_path):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    with pytest.raises(ValueError, match="a file that isn't a log") as caught:
        run(path)
    assert f"(one begins with {beginning}); remove it, or give another name" in str(caught.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_file_may_become_a_log(tmp_path):
    (tmp_path / "run.csv").touch()
    run(tmp_path / "run.csv", epochs=0)
    run(tmp_path / "run.csv")
    assert (tmp_path / "run.csv").read_text().startswith("epoch,step,")


def test_names_that_come_and_go(tmp_path):
    numbers = iter([{}, {"late": 1.0}, {}])
    history = so.train.fit(
        lambda x: (1.0, np.zeros(1), next(numbers)),
        [np.zeros(1)],
        optimizer=so.SGD(np.zeros(1)),
        epochs=3,
        log=tmp_path / "run.csv",
    )
    assert history["late"] == [None, 1.0, None]
    with (tmp_path / "run.csv").open(newline="") as file:
        assert [line["late"] for line in csv.DictReader(file)] == ["", "1.0", ""]


def test_numbers_that_json_lacks(tmp_path):
    so.train.fit(
        lambda x: (1.0, np.zeros(1), {"a": np.inf}),
        [np.zeros(1)],
        optimizer=so.SGD(np.zeros(1)),
        log=[tmp_path / "run.csv", tmp_path / "run.jsonl"],
    )
    assert json.loads((tmp_path / "run.jsonl").read_text())["a"] is None
    assert ",inf," in (tmp_path / "run.csv").read_text()


def test_a_resumed_run_does_not_repeat_lines(tmp_path):
    files = [tmp_path / "run.csv", tmp_path / "run.jsonl"]
    params = np.zeros(1)

    def fit(epochs, resume):
        return so.train.fit(
            lambda x, y: (float(x[0, 0]), np.zeros(1)),
            Batches(np.arange(8.0).reshape(8, 1), np.zeros(8), 4),
            optimizer=so.SGD(params),
            epochs=epochs,
            checkpoint=tmp_path / "run.safetensors",
            params=params,
            resume=resume,
            log=files,
        )

    fit(2, False)
    # What a process has logged that was killed before it saved.
    for file in files:
        text = file.read_text()
        file.write_text(text + text.splitlines()[-1] + "\n")
    history = fit(4, True)
    lines = [json.loads(line) for line in files[1].read_text().splitlines()]
    assert [line["epoch"] for line in lines] == history["epoch"] == [1, 2, 3, 4]
    assert len(files[0].read_text().splitlines()) == 5


def scalars(path):
    """{tag: [(step, value), ...]} of an event file: records of length, CRC, data, CRC."""
    from tensorboardX.proto.event_pb2 import Event

    content, at, found = path.read_bytes(), 0, {}
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        event = Event.FromString(content[at + 12 : at + 12 + length])
        at += length + 16
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    history = run(tmp_path / "board")
    (file,) = (tmp_path / "board").iterdir()
    found = scalars(file)
    assert found["loss"] == [(2, 1.75), (4, 1.125), (6, 0.625)]
    assert found["val_loss"] == [(2, 3.0), (4, 3.0), (6, 3.0)]
    assert found.keys() == history.keys() - {"step"}


def test_a_new_folder_with_a_dot_ends_with_a_slash(tmp_path):
    with pytest.raises(ValueError, match=r"log is '.*v1\.0'; .* has a dot ends with '/'\)"):
        run(tmp_path / "v1.0")
    pytest.importorskip("tensorboardX")
    run(f"{tmp_path}/v1.0/")
    (file,) = (tmp_path / "v1.0").iterdir()
    assert scalars(file)["loss"] == [(2, 1.75), (4, 1.125), (6, 0.625)]
    run(tmp_path / "v1.0")  # now that it is there


def test_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"the package tensorboardX; install swiftopt\[train\]"):
        run(tmp_path / "board")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes stderr a terminal; within the test, since pytest sets it anew before that."""

    def make():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return make


def test_nothing_is_shown_where_there_is_no_terminal(capfd):
    run()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("has_tqdm", [False, True])
def test_what_is_shown(has_tqdm, terminal, monkeypatch):
    if has_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setenv("COLUMNS", "200")
    stream = terminal()
    history = run()
    text = stream.getvalue()
    lines = [part.strip() for part in text.replace("\r", "\n").splitlines() if part.strip()]
    for number in range(3):
        line = next(part for part in lines if part.startswith(f"epoch {number + 1}/3: "))
        assert f"loss {history['loss'][number]:.4g}, half 0.75, val_loss 3, lr 0.25, " in line
        assert f"{history['samples_per_second'][number]:,.0f}/s" in line
    if not has_tqdm:  # which draws when it wants to; the test below has time for it
        assert lines[0].startswith("epoch 1/3, step 1/6, 0:00 left, ")
        assert "/s, loss 2, half 0.5, lr 0.25, norm 0" in lines[0]


@pytest.mark.parametrize("has_tqdm", [False, True])
def test_data_of_unknown_length_and_waiting(has_tqdm, terminal, monkeypatch):
    import time

    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)

    def slow():
        for _ in range(4):
            time.sleep(0.06)
            yield np.zeros(5)

    monkeypatch.setenv("COLUMNS", "200")
    stream = terminal()
    so.train.fit(lambda x: (1.0, x[:1]), slow, optimizer=so.SGD(np.zeros(1)), epochs=2)
    text = stream.getvalue()
    assert "data wait 9" in text or "data wait 100%" in text
    assert "epoch 2/2" in text
    assert "/s, loss 1, lr 0.001, norm 0, data wait " in text
    if not has_tqdm:
        second = text.rpartition("epoch 1/2: ")[2]
        assert "/8, 0:00 left" in second


def test_progress_can_be_asked_for(capsys):
    run(progress=True)
    assert "epoch 3/3: loss 0.625" in capsys.readouterr().err
    run(progress=False)
    assert capsys.readouterr().err == ""


def test_the_fallback_leaves_a_clean_line(terminal, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = terminal()
    run(epochs=1, callbacks=lambda info: info["event"] == "step")
    last = stream.getvalue().split("\r")
    assert last[-1] == ""
    assert last[-2].strip() == ""


def test_the_fallback_stays_within_a_narrow_terminal(terminal, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setenv("COLUMNS", "40")
    stream = terminal()
    run(epochs=1, callbacks=lambda info: info["event"] == "step")
    parts = stream.getvalue().split("\r")
    assert parts[1].startswith("epoch 1/1, step 1/2, 0:00 left, ")
    assert [len(part) for part in parts] == [0, 39, 39, 0]


def test_times_are_the_only_difference_between_runs():
    first, second = run(), run()
    assert without_times(first) == without_times(second)
