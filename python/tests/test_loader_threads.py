"""The threads of a loader end when they should, and never keep anyone waiting."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import swiftopt as so

from .loading import numbered, thread_ids, threads_end, within


def make(**keywords):
    x, y = numbered(5000, (28, 28))
    return so.data.Loader((x, y), batch_size=64, threads=4, **keywords)


def test_threads_exist_only_during_a_loop():
    before = thread_ids()
    loader = make()
    assert not thread_ids() - before  # one of an earlier test may end meanwhile
    for index, _ in enumerate(loader):
        if index == 0:
            assert len(thread_ids() - before) == 4
    assert threads_end(before)


def test_leaving_a_loop_ends_them():
    before = thread_ids()
    loader = make()
    for _ in loader:
        break
    assert threads_end(before)


def test_an_exception_in_the_loop_ends_them_while_it_is_still_being_handled():
    before = thread_ids()
    loader = make()
    try:
        for _ in loader:
            raise RuntimeError("in the loop")
    except RuntimeError:
        assert threads_end(before)


def test_so_does_one_that_leaves_the_function():
    before = thread_ids()

    def train():
        for _ in make():
            raise RuntimeError("in the loop")

    with pytest.raises(RuntimeError, match="in the loop") as caught:
        train()
    assert threads_end(before)
    assert caught.value is not None  # its traceback still refers to the frame


def test_closing_ends_them():
    before = thread_ids()
    with make() as loader:
        iterator = iter(loader)
        next(iterator)
    assert threads_end(before)
    assert next(iterator, None) is None
    loader.close()
    assert len(list(loader)) == 79  # a new loop may begin
    iterator = iter(loader)
    next(iterator)
    iterator.close()
    iterator.close()
    assert threads_end(before)


def test_stopping_doesnt_wait_for_what_is_being_filled():
    """64 batches of 20 MB would take far longer than the 100 ms that are allowed."""
    x = np.zeros((4096, 80_000), np.uint8)
    loader = so.data.Loader(x, batch_size=64, dtype=np.float32, prefetch=16, threads=2)
    before = thread_ids()
    iterator = iter(loader)
    next(iterator)
    start = time.monotonic()
    iterator.close()
    assert time.monotonic() - start < 0.1
    assert threads_end(before, 0.02)


SCRIPT = """
import os, signal, sys, threading, time
import numpy as np
import swiftopt as so

def threads():
    return set(os.listdir("/proc/self/task"))

class Slow:
    shape, dtype = (1000, 8), np.dtype(np.float32)
    def read(self, indices, out):
        time.sleep(0.05)
        out[:] = 0

def interrupt():
    time.sleep(0.3)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

# Who starts the tests in the background of a shell has it ignored, and so would this process.
signal.signal(signal.SIGINT, signal.default_int_handler)
sent = []
before = threads()
data = {data}
loader = so.data.Loader(data, batch_size=10, threads=3)
sender = threading.Thread(target=interrupt)
sender.start()
try:
    while True:
        for _ in loader:
            {body}
except KeyboardInterrupt:
    late = time.monotonic() - sent[0]
    sender.join()
    limit = time.monotonic() + 0.1
    while threads() - before and time.monotonic() < limit:
        time.sleep(0.001)
    print("late" if late > {patience} else "in time", len(threads() - before))
"""


@pytest.mark.parametrize(
    ("data", "body", "patience"),
    [
        ("np.zeros((100_000, 8))", "pass", 0.2),
        ("np.zeros((100_000, 8))", "time.sleep(10)", 0.2),
        ("Slow()", "pass", 0.2),
    ],
)
def test_control_c_ends_them(data, body, patience):
    script = textwrap.dedent(SCRIPT).format(data=data, body=body, patience=patience)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "in time 0\n", result.stderr


def test_control_c_is_noticed_while_a_batch_is_waited_for(tmp_path):
    """A pipe that nobody writes to stands for a disk that doesn't answer: reading it fails (it
    can't be read by position), so waiting is tried with a source in Python that takes 30 s."""
    script = textwrap.dedent(SCRIPT).format(data="Slow()", body="pass", patience=0.3)
    script = script.replace("time.sleep(0.05)", "time.sleep(30)")
    with within(20):
        result = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
        )
    # The source's own thread can't be ended; it ends with the process.
    assert result.stdout == "in time 1\n", result.stderr


def test_signals_are_not_for_them():
    """A handler that ran on a native thread would have no Python thread state."""
    loader = make()
    iterator = iter(loader)
    next(iterator)
    names = thread_ids()
    blocked = []
    for name in names:
        with open(f"/proc/self/task/{name}/status") as file:  # noqa: PTH123
            mask = next(line for line in file if line.startswith("SigBlk"))
        blocked.append(int(mask.split()[1], 16) >> (signal.SIGINT - 1) & 1)
    assert sum(blocked) >= 4
    iterator.close()


# --------------------------------------------------------------------------- fork


def in_child(body) -> int:
    """Run it in a forked child and return the exit status; -1 if it hangs."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(20)
            body()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("kind", ["native", "python"])
def test_a_live_loop_cant_go_on_in_a_fork_but_a_new_one_can(kind):
    class Read:
        shape, dtype = (5000, 4), np.dtype(np.int64)

        def read(self, indices, out):
            out[:] = indices[:, None]

    loader = make(shuffle=True) if kind == "native" else so.data.Loader(Read(), batch_size=64)
    iterator = iter(loader)
    next(iterator)

    def child():
        with pytest.raises(RuntimeError, match="fork"):
            list(iterator)
        assert len(list(loader)) == 79

    for _ in range(10):
        assert in_child(child) == 0
    assert sum(1 for _ in iterator) == 78  # the parent is not disturbed


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_may_just_forget_a_live_loop():
    iterator = iter(make())
    next(iterator)

    def child():
        nonlocal iterator
        del iterator

    for _ in range(10):
        assert in_child(child) == 0


# ------------------------------------------------------------------ other threads


def test_other_python_threads_run_while_a_batch_is_waited_for():
    class Slow:
        shape, dtype = (4, 2), np.dtype(np.float32)

        def read(self, indices, out):
            time.sleep(0.2)
            out[:] = 0

    ticks = []
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    list(so.data.Loader(Slow(), batch_size=4))
    stop.set()
    ticker.join()
    assert len(ticks) > 20


def test_an_iterator_may_be_used_from_another_thread():
    iterator = iter(make())
    results = []
    worker = threading.Thread(target=lambda: results.extend(y.copy() for _, y in iterator))
    worker.start()
    worker.join(20)
    assert np.array_equal(np.concatenate(results), np.arange(5000))


def test_a_loop_in_another_thread_is_not_disturbed():
    """One that waits for a batch can't be closed; its memory isn't given to another loop."""
    loader = make(prefetch=1)
    expected = loader.indices(0)
    wrong = []

    def run():
        for _ in range(8):
            try:
                labels = [y.copy() for _, y in loader]
            except RuntimeError:  # another thread is using it
                continue
            found = np.concatenate([np.empty(0, int), *labels])
            if not np.array_equal(found, expected[: len(found)]):
                wrong.append(found)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_new_loop_may_begin_in_a_fork_while_another_thread_waited_for_a_batch():
    x = np.zeros((4, 4_000_000), np.uint8)
    loader = so.data.Loader(x, batch_size=4, threads=1, prefetch=1, dtype=np.float64)
    small = so.data.Loader(np.arange(10), batch_size=2)
    thread = threading.Thread(target=list, args=(loader,))
    thread.start()
    time.sleep(0.02)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        loader.close()
        os._exit(0 if len(list(small)) == 5 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    thread.join()


def test_stopping_doesnt_wait_for_long_sequences():
    values = np.zeros(4096 * 20_000, np.uint8)
    words = so.data.Ragged(values, np.arange(4097) * 20_000)
    loader = so.data.Loader(words, batch_size=4096, prefetch=1, threads=1)
    longest = []
    for _ in range(3):
        iterator = iter(loader)
        time.sleep(0.01)
        start = time.monotonic()
        iterator.close()
        longest.append(time.monotonic() - start)
    assert min(longest) < 0.03
