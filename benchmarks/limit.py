"""The limit: limit.c, compiled for this machine and called through ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .contenders import Contender, MissingError
from .problem import Problem
from .rules import Array

FLAGS = ("-O3", "-march=native", "-std=gnu11", "-shared", "-fPIC", "-pthread")
_MAX_WRITTEN = 3


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("written", ctypes.c_void_p * _MAX_WRITTEN),
        ("gradient", ctypes.c_void_p),
        ("count", ctypes.c_int64),
    )


class _Step(ctypes.Structure):
    _fields_ = (
        ("tensors", ctypes.POINTER(_Tensor)),
        ("tensor_count", ctypes.c_int64),
        ("factor", ctypes.c_double),
        ("written_count", ctypes.c_int32),
        ("is_double", ctypes.c_int32),
        ("has_norm_pass", ctypes.c_int32),
        ("threads", ctypes.c_int32),
    )


def find_compiler() -> str:
    """Return $CC, gcc, clang or cc, whichever is there first, or raise MissingError."""
    for name in (os.environ.get("CC"), "gcc", "clang", "cc"):
        if name and (path := shutil.which(name)):
            return path
    raise MissingError("no C compiler: set CC, or install gcc or clang")


@functools.cache
def compile_library() -> ctypes.CDLL:
    """Compile limit.c and load it; once a process."""
    source = Path(__file__).with_name("limit.c")
    # The loaded library stays mapped after its file is gone.
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "limit.so"
        command = [find_compiler(), *FLAGS, "-o", str(library), str(source)]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        if outcome.returncode:
            raise MissingError(f"{' '.join(command)} failed:\n{outcome.stderr}")
        loaded = ctypes.CDLL(str(library))
    loaded.limit_wake.argtypes = ()
    loaded.limit_park.argtypes = ()
    loaded.limit_run.argtypes = (ctypes.POINTER(_Step), ctypes.c_int64)
    return loaded


class Limit(Contender):
    """The read-modify-write loop with the byte mix of the problem's rule."""

    name = "limit (C loop)"
    is_peer = False
    one_thread = False

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.library = compile_library()
        self.written = [
            [p, *(arrays[i] for arrays in problem.slots.values())]
            for i, p in enumerate(problem.parameters)
        ]
        self.tensors = (_Tensor * len(problem.parameters))()
        for tensor, arrays, g in zip(self.tensors, self.written, problem.gradients, strict=True):
            for i, array in enumerate(arrays):
                tensor.written[i] = array.ctypes.data
            tensor.gradient = g.ctypes.data
            tensor.count = g.size
        self.step = _Step(
            tensors=self.tensors,
            tensor_count=len(self.tensors),
            factor=0.0,
            written_count=1 + len(problem.slots),
            is_double=problem.parameters[0].dtype == np.float64,
            has_norm_pass=problem.clip_norm is not None,
            threads=1 if self.one_thread else problem.threads,
        )

    def begin(self) -> None:
        if self.step.threads > 1 and (error := self.library.limit_wake()):
            raise OSError(error, "the limit's second thread: " + os.strerror(error))

    def run(self, repeats: int) -> None:
        self.library.limit_run(ctypes.byref(self.step), repeats)

    def end(self) -> None:
        self.library.limit_park()

    def load_gradients(self) -> None:
        # Called by the check alone: it wants sums that it can see.
        self.step.factor = 1.0

    def results(self) -> list[Array]:
        return [array for arrays in self.written for array in arrays]

    def reference(self, problem: Problem, t: int) -> list[Array]:
        results = []
        for i, (p, g) in enumerate(zip(problem.parameters, problem.gradients, strict=True)):
            written = [p, *(arrays[i] for arrays in problem.slots.values())]
            for array in written:
                np.add(array, g, out=array)
            results += written
        return results


class LimitOneThread(Limit):
    """The limit on one thread, for the scaling cases."""

    name = "limit, 1 thread"
    one_thread = True
