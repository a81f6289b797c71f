"""Memory: how much a loader's process grows over data ten times larger than its cache.

Each turn is a process of its own, so that it can't use memory that others gave back:
``python -m benchmarks.feed_memory FOLDER BUDGET WHERE``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import MissingError, load
from .shards import BATCH, ShardProblem, checksum

#: Data have so many times the bytes of the budget.
TIMES = 10
_EPOCHS = 2
#: Slots of the ring: what is filled ahead, and the batch that the caller has.
_PREFETCH = 2
#: Stacks of two threads, the table of what is kept (4 bytes a sample), Python's objects.
_BESIDES = 256 << 10
OVER = "growth over cache, ring and 256 kB"


def _anonymous_bytes() -> int:
    """Memory of this process that isn't a file's."""
    total = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            total += int(line.split()[1]) * 1024
    return total


def measured(folder: Path, budget: int, where: str) -> dict[str, Any]:
    """Read all epochs, shuffled, and tell how the memory of this process grew."""
    data = load("swiftopt.data")
    directory = folder if where == "disk" else None
    cache = budget if where != "nowhere" else None
    source = data.Shards(folder, cache=cache, cache_directory=directory)
    before = _anonymous_bytes()
    largest, total, count = before, 0, 0
    loader = data.Loader(source, batch_size=BATCH, shuffle=True, threads=2, prefetch=_PREFETCH)
    for _ in range(_EPOCHS):
        for samples in loader:
            total += checksum(samples)
            count += len(samples)
            largest = max(largest, _anonymous_bytes())
    batch = BATCH * source.sample_bytes
    return {
        "growth": largest - before,
        "ring": (_PREFETCH + 1) * batch,
        "checksum": total % 2**64,
        "count": count,
        "hits": loader.stats.cache_hits,
        "misses": loader.stats.cache_misses,
    }


class SwiftOptMemory(Contender):
    """A loader with a cache in memory."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True
    where_it_caches = "memory"

    problem: ShardProblem

    def __init__(self, problem: ShardProblem) -> None:
        super().__init__(problem)
        load("swiftopt.data")
        self.budget = problem.size // TIMES
        self.found: dict[str, Any] = {}

    @property
    def allowed(self) -> int:
        """The bytes that it may grow by."""
        in_memory = self.budget if self.where_it_caches == "memory" else 0
        return in_memory + int(self.found["ring"]) + _BESIDES

    def run(self, repeats: int) -> None:
        folder, budget = str(self.problem.folder), str(self.budget)
        for _ in range(repeats):
            outcome = subprocess.run(
                [sys.executable, "-m", __name__, folder, budget, self.where_it_caches],
                capture_output=True,
                text=True,
                check=False,
            )
            if outcome.returncode:
                raise MissingError(f"the loader's process failed: {outcome.stderr[-500:]}")
            self.found = json.loads(outcome.stdout)

    def measures(self) -> dict[str, float]:
        reads = self.found["hits"] + self.found["misses"]
        return {
            "growth (MB)": self.found["growth"] / 1e6,
            "cache, ring and 256 kB (MB)": self.allowed / 1e6,
            OVER: self.found["growth"] / self.allowed,
            "share of samples from the cache": self.found["hits"] / reads if reads else 0.0,
        }

    def check(self) -> Check:
        """Every sample was read in each epoch, by the sum of all bytes."""
        self.run(1)
        problem = self.problem
        is_right = (
            self.found["count"] == _EPOCHS * problem.count
            and (self.found["checksum"] - _EPOCHS * problem.checksum) % 2**64 == 0
        )
        return Check(is_right, 0.0 if is_right else np.inf, 0.0)


class SwiftOptDiskMemory(SwiftOptMemory):
    """With the cache in a file, whose pages are the system's."""

    name = "swiftopt, cache on disk"
    is_swiftopt = False
    where_it_caches = "disk"


class SwiftOptNoCacheMemory(SwiftOptMemory):
    """Without a cache: the ring alone."""

    name = "swiftopt, no cache"
    is_swiftopt = False
    where_it_caches = "nowhere"


LINEUP: tuple[type[Contender], ...] = (SwiftOptMemory, SwiftOptDiskMemory, SwiftOptNoCacheMemory)

if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
