"""What happens to files: replaced as a whole or not at all, whatever comes in between."""

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

import swiftopt as so

PARAMS = {"w": np.arange(5000.0)}


def epoch(path):
    return so.load(path).extra["epoch"]


def save(path, number, **options):
    so.save(path, params=PARAMS, extra={"epoch": number}, **options)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


# ------------------------------------------------------------------ rotation


def test_keep_gives_older_ones_numbers(tmp_path):
    path = tmp_path / "run.safetensors"
    for number in range(6):
        save(path, number, keep=3)
    assert names(tmp_path) == ["run.1.safetensors", "run.2.safetensors", "run.safetensors"]
    assert [epoch(tmp_path / name) for name in names(tmp_path)] == [4, 3, 5]


def test_one_is_kept_by_default_and_others_are_left_alone(tmp_path):
    (tmp_path / "run.1.safetensors").write_text("mine")
    for number in range(3):
        save(tmp_path / "run.safetensors", number)
    assert names(tmp_path) == ["run.1.safetensors", "run.safetensors"]
    assert (tmp_path / "run.1.safetensors").read_text() == "mine"


def test_a_gap_is_filled_first(tmp_path):
    path = tmp_path / "run.safetensors"
    for number in range(4):
        save(path, number, keep=4)
    (tmp_path / "run.2.safetensors").unlink()
    save(path, 4, keep=4)
    assert [epoch(tmp_path / f"run{n}.safetensors") for n in ("", ".1", ".2", ".3")] == [4, 3, 2, 0]


def test_a_second_name_that_a_killed_process_left_is_not_rotated(tmp_path):
    path = tmp_path / "run.safetensors"
    for number in range(3):
        save(path, number, keep=3)
    (tmp_path / "run.1.safetensors").unlink()
    os.link(path, tmp_path / "run.1.safetensors")  # killed right before the last rename
    save(path, 3, keep=3)
    assert [epoch(tmp_path / f"run{n}.safetensors") for n in ("", ".1", ".2")] == [3, 2, 0]


def test_where_there_are_no_hard_links_old_ones_are_copied(tmp_path, monkeypatch):
    def link(*args, **kwargs):
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", link)
    for number in range(4):
        save(tmp_path / "run", number, keep=2)
    assert names(tmp_path) == ["run", "run.1"]
    assert (epoch(tmp_path / "run"), epoch(tmp_path / "run.1")) == (3, 2)


@pytest.mark.parametrize(
    ("keep", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError)]
)
def test_keep_must_be_a_whole_number_from_one(tmp_path, keep, error):
    with pytest.raises(error, match=f"keep is {keep}; it must be"):
        save(tmp_path / "run", 0, keep=keep)
    assert names(tmp_path) == []


def test_keep_may_be_any_integer(tmp_path):
    for number in range(3):
        save(tmp_path / "run", number, keep=np.int64(2))
    assert names(tmp_path) == ["run", "run.1"]


# -------------------------------------------------------- paths, permissions


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o007])
def test_permissions_are_those_of_any_new_file(tmp_path, mask):
    old = os.umask(mask)
    try:
        save(tmp_path / "run", 0)
        save(tmp_path / "run", 1)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o666 & ~mask


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "latest"
    link.symlink_to("real/run")
    save(link, 0)
    save(link, 1, keep=2)
    assert link.is_symlink()
    assert names(tmp_path / "real") == ["run", "run.1"]
    assert (epoch(link), epoch(tmp_path / "real/run.1")) == (1, 0)


@pytest.mark.parametrize("form", [str, Path, os.fsencode])
def test_any_kind_of_path(tmp_path, form):
    path = tmp_path / "über ein \udcff Bein"
    save(form(path), 7)
    assert epoch(form(path)) == 7


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save("run", 3)
    assert epoch("run") == 3


def test_a_name_of_the_greatest_length(tmp_path):
    save(tmp_path / ("n" * 255), 1)
    assert epoch(tmp_path / ("n" * 255)) == 1


def test_what_is_no_file_is_never_replaced(tmp_path):
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError):
        save(tmp_path / "directory", 0)
    with pytest.raises(IsADirectoryError):
        so.load(tmp_path / "directory")
    with pytest.raises(OSError, match="not a regular file"):
        save(tmp_path / "pipe", 0)
    with pytest.raises(so.CheckpointError, match="not a regular file"):
        so.load(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        so.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):  # as open() does
        save(f"{tmp_path}/new/", 0)
    assert names(tmp_path) == ["directory", "pipe"]


def test_messages_name_the_file_and_nothing_else(tmp_path):
    path = tmp_path / "missing" / "run"
    with pytest.raises(FileNotFoundError) as caught:
        save(path, 0)
    assert str(caught.value) == f"[Errno 2] No such file or directory: {str(path)!r}"


# ------------------------------------------------------------- full disks etc.


@pytest.fixture
def old(tmp_path):
    """A checkpoint, and a check that it and its directory are as they were."""
    path = tmp_path / "run.safetensors"
    save(path, 1, keep=2)
    save(path, 2, keep=2)
    content = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    yield path
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == content


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("limit", [0, 100, 9000, 30_000])
def test_a_file_that_can_not_grow(old, keep, limit):
    """As on a full disk: a write stops half-way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 (the number says which)
            save(old, 3, keep=keep)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert str(caught.value).endswith(f"File too large: {str(old)!r}")


MOUNTED = """
import os, sys
import numpy as np
import swiftopt as so
directory, options, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
path = directory + "/run"
so.save(path, params={"w": np.arange(1000.0)}, extra=1)
before = os.listdir(directory)
if options:
    assert os.system(f"mount -o {options} none {directory}") == 0
for keep in (1, 3):
    try:
        so.save(path, params={"w": np.arange(size)}, extra=2, keep=keep)
    except OSError as error:
        print(error.errno)
assert os.listdir(directory) == before
assert so.load(path).extra == 1
"""


@pytest.mark.parametrize(
    ("options", "size", "number"), [("remount,ro", 10, errno.EROFS), ("", 200_000, errno.ENOSPC)]
)
def test_a_full_disk_and_a_read_only_one(tmp_path, options, size, number):
    """Real ones: a small file system of our own, in a mount namespace of our own."""
    mount = f"mount -t tmpfs -o size=256k none {tmp_path}"
    arguments = [str(tmp_path), options, str(size)]
    command = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", sys.executable,
               "-c", MOUNTED, *arguments]  # fmt: skip
    probe = ["unshare", "--mount", "sh", "-c", mount]
    try:
        allowed = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("mounting a file system is not permitted here")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == [str(number)] * 2


def test_directories_that_are_not_there(tmp_path, old):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        save(tmp_path / "file" / "run", 0)
    (tmp_path / "file").unlink()
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "missing" / "run", 0)


NOT_ROOT = """
import os, sys
import swiftopt as so
path, directory = sys.argv[1] + "/run", sys.argv[1]
so.save(path, extra=1)
os.chmod(directory, 0o555)
before = os.listdir(directory)
if os.geteuid() == 0:  # to whom permissions don't apply
    os.seteuid(65534)
for keep in (1, 2):
    try:
        so.save(path, extra=2, keep=keep)
    except PermissionError as error:
        print(error.filename)
assert so.load(path).extra == 1
assert os.listdir(directory) == before
"""


def test_a_directory_without_write_permission():
    with tempfile.TemporaryDirectory() as directory:  # any user may enter its parent
        command = [sys.executable, "-c", NOT_ROOT, directory]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == [f"{directory}/run"] * 2


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod", "link", "mkdir"])
@pytest.mark.parametrize("error", [OSError(errno.EIO, "broken"), KeyboardInterrupt()], ids=repr)
def test_an_error_in_any_call_removes_the_new_file(old, monkeypatch, call, error):
    def broken(*args, **kwargs):
        raise error

    monkeypatch.setattr(os, call, broken)
    with pytest.raises(type(error)):
        save(old, 3, keep=2)
    monkeypatch.undo()


# ------------------------------------------------------------ other processes


# Forks processes that save in a loop, and kills each so many of its saves after its first.
KILLER = """
import os, signal, struct, sys, time
import numpy as np
import swiftopt as so

path, keep, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
so.set_num_threads(1)
params = {"w": np.zeros(size, np.float32), "b": np.zeros(3)}
optimizer = so.Adam(params)

def save_in_a_loop(number, pipe):
    while True:
        number += 1
        params["w"][:] = params["b"][:] = number
        begin = time.perf_counter()
        so.save(path, params=params, optimizer=optimizer, extra={"epoch": number}, keep=keep)
        if pipe:
            os.write(pipe, struct.pack("d", time.perf_counter() - begin))
            pipe = None

for line in sys.stdin:
    saves, number = line.split()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        save_in_a_loop(int(number), writer)
    os.close(writer)  # so that the read ends if the child does
    (seconds,) = struct.unpack("d", os.read(reader, 8))
    os.close(reader)
    time.sleep(float(saves) * seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("killed", flush=True)
"""


def complete(path):
    checkpoint = so.load(path)
    number = checkpoint.extra["epoch"]
    assert (checkpoint.params["w"] == number).all()
    assert (checkpoint.params["b"] == number).all()
    return number


@pytest.mark.parametrize(("keep", "size"), [(1, 100_000), (3, 1000)])
def test_killed_at_random_moments(tmp_path, keep, size):
    """200 kills in two tests. What is there loads, and what was left behind goes away."""
    path = tmp_path / "run.safetensors"
    older = [path.with_name(f"run.{number}.safetensors") for number in range(1, keep)]
    random = np.random.default_rng(keep)
    so.save(path, params={"w": np.zeros(size, np.float32), "b": np.zeros(3)}, extra={"epoch": 0})
    last, most_hidden = 0, 0
    command = [sys.executable, "-c", KILLER, str(path), str(keep), str(size)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as killer:
        for _ in range(100):
            print(3 * random.random(), last, file=killer.stdin, flush=True)
            assert killer.stdout.readline() == "killed\n"
            number = complete(path)
            assert number > last  # the first one was complete, and it never goes back
            last = number
            ages = [number, *(complete(other) for other in older if other.exists())]
            assert ages == sorted(ages, reverse=True)
            hidden = [name for name in names(tmp_path) if name.startswith(".")]
            most_hidden = max(most_hidden, len(hidden))
        killer.stdin.close()
    assert most_hidden == 1  # some kills did hit a save, and nothing piled up
    save(path, last, keep=keep)
    assert names(tmp_path) == sorted([path.name, *(other.name for other in older)])


def test_processes_and_threads_that_save_to_one_path(tmp_path):
    """Each file is one of theirs, as a whole; none takes another's for a leftover."""
    path = tmp_path / "run.safetensors"
    code = (
        "import sys, numpy as np, swiftopt as so\n"
        "for number in range(40):\n"
        "    n = 1000 * int(sys.argv[2]) + number\n"
        "    so.save(sys.argv[1], params={'w': np.full(3000, n), 'b': np.full(3, n)},\n"
        "            extra={'epoch': n}, keep=3)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(index)]) for index in range(3)
    ]

    def save_often(index):
        for number in range(40):
            full = np.full(3000, number)
            so.save(path, params={"w": full, "b": full[:3]}, extra={"epoch": number}, keep=3)

    threads = [threading.Thread(target=save_often, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert names(tmp_path) == ["run.1.safetensors", "run.2.safetensors", "run.safetensors"]
    for name in names(tmp_path):
        complete(tmp_path / name)
