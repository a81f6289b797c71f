"""Samples decoded by several threads, for several readers, and in forked processes."""

import os
import pickle
import threading
import time
from collections import Counter
from concurrent.futures import CancelledError

import numpy as np
import pytest

import swiftopt as so

from .decoders import expected, read, source


def test_several_threads_decode_at_once():
    barrier = threading.Barrier(3, timeout=60)

    def decode(item):
        barrier.wait()  # passes only if three are here together
        return np.full(2, item)

    decoded = so.data.Decoded(range(3), decode, sample_shape=(2,), dtype=int, workers=3)
    assert decoded[:].tolist() == [[0, 0], [1, 1], [2, 2]]


def test_reads_of_several_threads_decode_each_sample_once():
    decoded, decoder = source(200)
    results = [None] * 4

    def run(number):
        order = np.random.default_rng(number).permutation(200)
        results[number] = [(part, read(decoded, part)[0]) for part in np.split(order, 10)]

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for parts in results:
        for part, out in parts:
            np.testing.assert_array_equal(out, expected(part))
    assert set(decoder.calls.values()) == {1}
    assert decoded.stats[:2] == (600, 200)


def test_stop_is_quick_and_nothing_is_written_after_it():
    release, started = threading.Event(), threading.Event()

    def decode(item):
        started.set()
        release.wait(60)
        return np.full(2, item)

    decoded = so.data.Decoded(range(9), decode, sample_shape=(2,), dtype=int, workers=2)
    stop, out, ended = threading.Event(), np.full((9, 2), -7), []

    def run():
        try:
            decoded.read(np.arange(9), out, stop=stop)
        except CancelledError:
            ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(60)
    begin = time.monotonic()
    stop.set()
    thread.join(60)
    # It looks every 20 ms; what is beyond that is this machine's.
    assert ended
    assert ended[0] - begin < 2
    release.set()
    np.testing.assert_array_equal(decoded[:], np.repeat(np.arange(9), 2).reshape(9, 2))
    assert (out == -7).all()


def test_a_reader_that_waits_for_another_can_be_stopped():
    release, started = threading.Event(), threading.Event()

    def decode(item):
        started.set()
        release.wait(60)
        return item

    decoded = so.data.Decoded(range(2), decode, sample_shape=(), dtype=int, workers=1)
    thread = threading.Thread(target=lambda: decoded[[0]])
    thread.start()
    started.wait(60)
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        decoded.read([1], np.zeros(1, int), stop=stop)
    release.set()
    thread.join(60)


def test_a_closed_one_says_so():
    decoded, _ = source()
    decoded.close()
    decoded.close()
    with pytest.raises(ValueError, match="Decoded: it is closed"):
        decoded[0]


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_forked_child_decodes_by_itself(tmp_path, on_disk):
    """The child's threads are new, and what it keeps on disk is its own."""
    decoded, _ = source(6, directory=tmp_path if on_disk else None)
    np.testing.assert_array_equal(decoded[[0, 1]], expected([0, 1]))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            right = np.array_equal(decoded[[5, 0, 4]], expected([5, 0, 4]))
            status = 0 if right and np.array_equal(decoded[[5, 4]], expected([5, 4])) else 2
        finally:
            os._exit(status)
    np.testing.assert_array_equal(decoded[[2, 3]], expected([2, 3]))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(decoded[:], expected(range(6)))


def sample_of(item):
    return np.full(2, item)


def test_copies_start_anew():
    decoded = so.data.Decoded(range(3), sample_of, budget="1kB", workers=2)
    decoded[:]
    copy = pickle.loads(pickle.dumps(decoded))
    assert (copy.shape, copy.dtype) == (decoded.shape, decoded.dtype)
    assert copy.stats == (0, 0, 0, 0, 0)
    np.testing.assert_array_equal(copy[:], decoded[:])
    assert repr(copy) == "<Decoded: (3, 2) of int64>"


def test_a_full_disk_ends_the_cache(tmp_path, monkeypatch):
    decoded, decoder = source(6, directory=tmp_path, workers=1)
    write, room = os.pwritev, [2]

    def limited(*arguments):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(28, "No space left on device")
        return write(*arguments)

    monkeypatch.setattr(os, "pwritev", limited)
    for _ in range(3):
        np.testing.assert_array_equal(decoded[:], expected(range(6)))
    assert decoded.stats.cached_samples == 2
    assert decoder.calls == Counter({0: 1, 1: 1, 2: 3, 3: 3, 4: 3, 5: 3})
