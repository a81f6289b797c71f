"""Reading: files of samples in the page cache, into batches, against `cat`."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import MissingError, load

_FILES = 8
#: A small image.
_SAMPLE = (64, 64, 3)
BATCH = 256
_problems: WeakValueDictionary[int, ShardProblem] = WeakValueDictionary()


class ShardProblem:
    """Files of uint8 samples in a directory that goes away with the problem."""

    def __init__(self, size: int, threads: int) -> None:
        self.threads = threads
        count = size // _FILES // int(np.prod(_SAMPLE))
        build = Path("build")
        build.mkdir(exist_ok=True)
        self._directory = tempfile.TemporaryDirectory(dir=build, ignore_cleanup_errors=True)
        self.folder = Path(self._directory.name)
        self.files = [self.folder / f"part-{number}.npy" for number in range(_FILES)]
        self.count = count * _FILES
        self.checksum = 0
        generator = np.random.default_rng(24)
        for file in self.files:
            samples = generator.integers(0, 256, (count, *_SAMPLE), np.uint8)
            self.checksum += checksum(samples)
            np.save(file, samples)
        self.size = count * _FILES * int(np.prod(_SAMPLE))


def checksum(samples: Any) -> int:
    """Return the sum of all bytes, eight at a time: of any order of whole samples the same."""
    return int(np.add.reduce(samples.reshape(-1).view(np.uint64), dtype=np.uint64))


def shards(size: int, threads: int) -> ShardProblem:
    """Return files of `size` bytes: the same while anybody has them."""
    found = _problems.get(size)
    if found is None:
        _problems[size] = found = ShardProblem(size, threads)
    return found


class SwiftOptShards(Contender):
    """`so.data.Loader` of `so.data.Shards`: every sample once, in the files' order."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True
    shuffle = False

    problem: ShardProblem

    def __init__(self, problem: ShardProblem) -> None:
        super().__init__(problem)
        data = load("swiftopt.data")
        self.loader = data.Loader(
            data.Shards(problem.folder),
            batch_size=BATCH,
            shuffle=self.shuffle,
            threads=problem.threads,
        )

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            for _ in self.loader:
                pass

    def check(self) -> Check:
        total, count = 0, 0
        for samples in self.loader:
            total += checksum(samples)
            count += len(samples)
        is_right = (total - self.problem.checksum) % 2**64 == 0 and count == self.problem.count
        return Check(is_right, 0.0 if is_right else np.inf, 0.0)


class SwiftOptShuffledShards(SwiftOptShards):
    """The same in a random order, one read for each sample."""

    name = "swiftopt, shuffled"
    is_swiftopt = False
    shuffle = True


class Cat(Contender):
    """`cat FILES > /dev/null`: what reading costs at least, on one thread."""

    name = "cat > /dev/null"
    is_peer = False

    problem: ShardProblem

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            try:
                subprocess.run(["cat", *self.problem.files], stdout=subprocess.DEVNULL, check=True)
            except FileNotFoundError as error:
                raise MissingError(f"cat: {error}") from error

    def check(self) -> Check:
        """Count what it writes."""
        sizes = sum(file.stat().st_size for file in self.problem.files)
        count = 0
        with subprocess.Popen(["cat", *self.problem.files], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while data := process.stdout.read(1 << 20):
                count += len(data)
        return Check(count == sizes, abs(count - sizes), 0.0)


LINEUP: tuple[type[Contender], ...] = (SwiftOptShards, Cat, SwiftOptShuffledShards)
