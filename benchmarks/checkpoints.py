"""Checkpoints: the arrays, and who writes and reads them.

Each write lasts: the file is synced, and so is its directory. What is read was just
written, so it comes from the page cache: this compares programs, not disks.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import load
from .rules import Array

_TENSORS = 64


class CheckpointProblem:
    """Named arrays, and a directory for files that goes away with the problem."""

    def __init__(self, size: int) -> None:
        generator = np.random.default_rng(6)
        count = size // (4 * _TENSORS)
        self.arrays = {
            f"layer{number}": generator.integers(0, 2**31, count, np.int32).view(np.float32)
            for number in range(_TENSORS)
        }
        # Beside what is built, because /tmp is often memory, where syncing costs nothing.
        build = Path("build")
        build.mkdir(exist_ok=True)
        self._directory = tempfile.TemporaryDirectory(dir=build, ignore_cleanup_errors=True)

    def path(self, name: str) -> Path:
        """Return a file for one contender."""
        return Path(self._directory.name, f"{name}.safetensors")

    @property
    def size(self) -> int:
        """The bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays.values())


class _Writer(Contender):
    problem: CheckpointProblem
    prefix = ""

    def __init__(self, problem: CheckpointProblem) -> None:
        super().__init__(problem)
        self.package = load("safetensors.numpy")
        self.path = problem.path("swiftopt" if self.is_swiftopt else "package")

    def check(self) -> Check:
        self.run(1)
        return _compared(self.problem, self.package.load_file(self.path), self.prefix)


def _compared(problem: CheckpointProblem, found: dict[str, Array], prefix: str = "") -> Check:
    is_right = all(
        np.array_equal(found[prefix + name].view(np.uint32), array.view(np.uint32))
        for name, array in problem.arrays.items()
    )
    return Check(is_right, 0.0 if is_right else np.inf, 0.0)


class SwiftOptSave(_Writer):
    """`so.save`, with checksums."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True
    prefix = "params/"

    def __init__(self, problem: CheckpointProblem) -> None:
        super().__init__(problem)
        self.save = load("swiftopt").save

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.save(self.path, params=self.problem.arrays)


class PackageSave(_Writer):
    """`safetensors.numpy.save_file`, then what makes it last."""

    name = "safetensors save_file, fsync"
    is_peer = False

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.package.save_file(self.problem.arrays, self.path)
            _sync(self.path, os.O_RDONLY)
            _sync(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Reader(Contender):
    problem: CheckpointProblem

    def __init__(self, problem: CheckpointProblem) -> None:
        super().__init__(problem)
        self.package = load("safetensors.numpy")
        self.swiftopt = load("swiftopt")
        self.path = problem.path("swiftopt" if self.is_swiftopt else "package")
        if self.is_swiftopt:
            self.swiftopt.save(self.path, params=problem.arrays)
        else:
            self.package.save_file(problem.arrays, self.path)
        self.found: dict[str, Any] = {}

    def end(self) -> None:
        self.found = {}

    def check(self) -> Check:
        self.run(1)
        return _compared(self.problem, self.found)


class SwiftOptLoad(_Reader):
    """`so.load` into arrays that exist: verified, then copied."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: CheckpointProblem) -> None:
        super().__init__(problem)
        self.arrays = {name: np.ones_like(array) for name, array in problem.arrays.items()}

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.found = self.swiftopt.load(self.path, params=self.arrays).params


class SwiftOptLoadNew(_Reader):
    """`so.load` without arguments: into new arrays, as the package does."""

    name = "swiftopt, new arrays"
    is_peer = False
    is_swiftopt = True

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.found = self.swiftopt.load(self.path).params


class PackageLoad(_Reader):
    """`safetensors.numpy.load_file`."""

    name = "safetensors load_file"
    is_peer = False

    def run(self, repeats: int) -> None:
        for _ in range(repeats):
            self.found = self.package.load_file(self.path)


SAVE: tuple[type[Contender], ...] = (SwiftOptSave, PackageSave)
LOAD: tuple[type[Contender], ...] = (SwiftOptLoad, SwiftOptLoadNew, PackageLoad)
