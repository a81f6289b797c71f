"""The disk begins to work while a checkpoint is written; whether it does changes no byte."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so
from swiftopt._checkpoint import _flushing

ARRAY = np.arange(10_000, dtype=np.float32)


def test_growing_files_are_flushed(tmp_path, monkeypatch):
    flushed = set()

    def begin_flush(file):
        flushed.add(str(Path(f"/proc/self/fd/{file}").readlink()))

    monkeypatch.setattr(_flushing, "_begin_flush", lambda: begin_flush)
    threads = threading.active_count()
    path = tmp_path / "growing"
    with _flushing.flushing(tmp_path):
        path.write_bytes(b"some")
        deadline = time.monotonic() + 60
        while not flushed and time.monotonic() < deadline:
            time.sleep(0.001)
    assert flushed == {str(path)}
    assert threading.active_count() == threads


def test_a_system_that_can_begin_no_flush_writes_the_same_file(tmp_path, monkeypatch):
    so.save(tmp_path / "one", params=[ARRAY])
    monkeypatch.setattr(_flushing, "_begin_flush", lambda: None)
    so.save(tmp_path / "other", params=[ARRAY])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_flushing_ends_with_an_error_of_the_writer(tmp_path):
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError), _flushing.flushing(tmp_path):
        1 / 0  # noqa: B018
    assert threading.active_count() == threads
