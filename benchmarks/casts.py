"""Casts between float32 and the 16-bit formats: the problem and who does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .check import Check
from .contenders import Contender
from .limit import Limit
from .loading import MissingError, load
from .peers.torch_optim import as_tensor
from .problem import numpy_dtype
from .rules import Array
from .streams import FILL, READ, Pass


@dataclass
class CastProblem:
    """An array to read and one of another dtype to fill, shared by all."""

    source: Array
    target: Array
    threads: int

    def passes(self) -> list[Pass]:
        """List the one pass: for the limit, as in a step's problem."""
        return [[[(self.source, READ), (self.target, FILL)]]]


def create(source_dtype: str, target_dtype: str, count: int, threads: int) -> CastProblem:
    """Draw normal values, as weights are, in the source's dtype."""
    values = np.random.default_rng(5).standard_normal(count, np.float32)
    return CastProblem(
        values.astype(numpy_dtype(source_dtype)),
        np.zeros(count, numpy_dtype(target_dtype)),
        threads,
    )


class Cast(Contender):
    """A contender that casts. All of them must give NumPy's bits: nearest, ties to even."""

    problem: CastProblem

    def result(self) -> Array:
        """Return what the last cast gave."""
        return self.problem.target

    def check(self) -> Check:
        problem = self.problem
        # More than normal values: subnormal numbers, overflow, both zeros.
        scales = np.array([1e-40, 1e-7, 1e-5, 1, 1e3, 1e5, 1e38, 0, -0.0], np.float32)
        some = problem.source[: len(problem.source) // len(scales) * len(scales)]
        with np.errstate(over="ignore", under="ignore"):
            some[...] = (some.reshape(-1, len(scales)).astype(np.float32) * scales).ravel()
            expected = problem.source.astype(problem.target.dtype)
        self.begin()
        self.run(1)
        self.end()
        word = f"uint{8 * expected.itemsize}"
        is_right = np.array_equal(self.result().view(word), expected.view(word))
        return Check(is_right, 0.0 if is_right else np.inf, 0.0 if is_right else np.inf)


class SwiftOptCast(Cast):
    """`swiftopt.cast` into an array that exists."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: CastProblem) -> None:
        super().__init__(problem)
        self.swiftopt = load("swiftopt")
        if not hasattr(self.swiftopt, "cast"):
            raise MissingError("swiftopt has no cast")

    def begin(self) -> None:
        self.swiftopt.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        cast, source, target = self.swiftopt.cast, self.problem.source, self.problem.target
        for _ in range(repeats):
            cast(source, out=target)


class AsType(Cast):
    """`array.astype(dtype)`: NumPy's own for float16, ml_dtypes' for bfloat16."""

    name = "ndarray.astype"

    def run(self, repeats: int) -> None:
        astype, dtype = self.problem.source.astype, self.problem.target.dtype
        for _ in range(repeats):
            astype(dtype)

    def result(self) -> Array:
        return self.problem.source.astype(self.problem.target.dtype)


class CopyTo(Cast):
    """`numpy.copyto` into an array that exists: the same loop without the allocation."""

    name = "numpy.copyto"

    def run(self, repeats: int) -> None:
        source, target = self.problem.source, self.problem.target
        for _ in range(repeats):
            np.copyto(target, source, casting="same_kind")


class TorchCast(Cast):
    """`tensor.copy_` into one that exists."""

    name = "torch copy_"

    def __init__(self, problem: CastProblem) -> None:
        super().__init__(problem)
        self.torch = load("torch")
        self.source = as_tensor(self.torch, problem.source)
        self.target = as_tensor(self.torch, problem.target)

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        source, copy = self.source, self.target.copy_
        for _ in range(repeats):
            copy(source)


LINEUP: tuple[type[Contender], ...] = (SwiftOptCast, Limit, AsType, CopyTo, TorchCast)
