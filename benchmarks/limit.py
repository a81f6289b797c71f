"""The limit: limit.c, compiled for this machine and called through ctypes."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .check import STEPS, Check
from .contenders import Contender, adopt_states
from .loading import MissingError
from .problem import Problem
from .rules import Array
from .streams import BLOCK, FILL, READ, UPDATE, Pass, Stream

FLAGS = ("-O3", "-march=native", "-std=gnu11", "-shared", "-fPIC", "-pthread")
#: Below this many elements, waking the other half costs more than it saves.
SERIAL_ELEMENTS = 8192
_MAX_STREAMS = 12
_MAX_THREADS = 2
_MAX_INTERLEAVED = 6


class _Stream(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_int64),
        ("block_bytes", ctypes.c_int64),
        ("access", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
    )


class _Run(ctypes.Structure):
    _fields_ = (
        ("streams", _Stream * _MAX_STREAMS),
        ("stream_count", ctypes.c_int32),
        ("word_bytes", ctypes.c_int32),
        ("sum", ctypes.c_uint64),
    )


class _Pass(ctypes.Structure):
    _fields_ = (
        ("runs", ctypes.POINTER(_Run) * _MAX_THREADS),
        ("run_counts", ctypes.c_int64 * _MAX_THREADS),
    )


class _Step(ctypes.Structure):
    _fields_ = (
        ("passes", ctypes.POINTER(_Pass)),
        ("pass_count", ctypes.c_int64),
        ("threads", ctypes.c_int32),
        ("addend", ctypes.c_uint32),
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
    loaded.limit_steps.argtypes = (ctypes.POINTER(_Step), ctypes.c_int64)
    return loaded


def _word_bytes(streams: list[Stream]) -> int:
    """Return the width that all elements have, if the interleaved loop can do these."""
    accesses = [access for _, access in streams]
    widths = {array.itemsize for array, _ in streams}
    is_plain = accesses == [READ] + [UPDATE] * (len(streams) - 1)
    same_size = len({array.size for array, _ in streams}) == 1
    if is_plain and same_size and len(streams) <= _MAX_INTERLEAVED and widths in ({4}, {8}):
        return widths.pop()
    return 0


def _run(streams: list[Stream], count: int, begin: int, end: int) -> _Run:
    """Describe elements begin to end of the arrays of a tensor with `count` elements."""
    run = _Run(stream_count=len(streams), word_bytes=_word_bytes(streams))
    blocks = -(-count // BLOCK)
    for target, (array, access) in zip(run.streams, streams, strict=False):
        # Scales: as many elements as blocks. Rows and columns: the nearest to a share.
        per_block = array.itemsize * (BLOCK if array.size == count else -(-array.size // blocks))
        first = min(begin // BLOCK * per_block, array.nbytes)
        last = array.nbytes if end == count else min(end // BLOCK * per_block, array.nbytes)
        target.data = array.ctypes.data + first
        target.bytes = last - first
        target.block_bytes = per_block
        target.access = access
    return run


def _shares(counts: list[int], threads: int) -> list[list[tuple[int, int, int]]]:
    """Split the elements of all tensors evenly: (tensor, begin, end) for each thread."""
    total = sum(counts)
    shares: list[list[tuple[int, int, int]]] = [[] for _ in range(threads)]
    before = 0
    for tensor, count in enumerate(counts):
        for thread, share in enumerate(shares):
            # Inside a tensor a share begins with a block.
            edges = [total * t // threads - before for t in (thread, thread + 1)]
            begin, end = (
                0 if edge <= 0 else count if edge >= count else edge // BLOCK * BLOCK
                for edge in edges
            )
            if begin < end:
                share.append((tensor, begin, end))
        before += count
    return shares


class Limit(Contender):
    """The loop with the byte mix of the problem."""

    name = "limit (C loop)"
    is_peer = False
    one_thread = False

    def __init__(self, problem: Any) -> None:
        super().__init__(problem.with_state(self.state_dtype) if self.state_dtype else problem)
        if isinstance(problem, Problem):
            with contextlib.suppress(MissingError):
                adopt_states(self.problem)
        self.library = compile_library()
        self.passes: list[Pass] = self.problem.passes()
        counts = [max(array.size for array, _ in streams) for streams in self.passes[-1]]
        threads = 1 if self.one_thread else min(self.problem.threads, _MAX_THREADS)
        self.threads = 1 if sum(counts) < SERIAL_ELEMENTS else threads
        shares = _shares(counts, self.threads)
        # Kept, because the structures hold only their addresses.
        self.runs = [
            [
                (_Run * len(share))(*(_run(one[t], counts[t], b, e) for t, b, e in share))
                for share in shares
            ]
            for one in self.passes
        ]
        self.c_passes = (_Pass * len(self.passes))()
        for c_pass, runs in zip(self.c_passes, self.runs, strict=True):
            for thread, mine in enumerate(runs):
                c_pass.runs[thread] = mine
                c_pass.run_counts[thread] = len(mine)
        self.step = _Step(
            passes=self.c_passes, pass_count=len(self.passes), threads=self.threads, addend=0
        )

    def begin(self) -> None:
        super().begin()
        if self.threads > 1 and (error := self.library.limit_wake()):
            raise OSError(error, "the limit's second thread: " + os.strerror(error))

    def run(self, repeats: int) -> None:
        self.library.limit_steps(ctypes.byref(self.step), repeats)

    def end(self) -> None:
        self.library.limit_park()

    def check(self) -> Check:
        """Compare what was updated and filled, and the sums of what was only read."""
        streams = [stream for one in self.passes for tensor in one for stream in tensor]
        updated = [(array, array.copy()) for array, access in streams if access == UPDATE]
        self._run_adding(1, STEPS)
        is_right = all(_grew(array, before) for array, before in updated)
        is_right &= all((_bytes(array) == 1).all() for array, access in streams if access == FILL)
        self._run_adding(0, 1)
        expected = [_folded(_bytes(array)) for array, access in streams if access == READ]
        found = [run.sum for one in self.runs for share in one for run in share]
        is_right &= _folded(expected) == _folded(np.array(found, np.uint64).view(np.uint8))
        return Check(is_right, 0.0 if is_right else np.inf, 0.0 if is_right else np.inf)

    def _run_adding(self, addend: int, steps: int) -> None:
        self.step.addend = addend
        self.begin()
        self.run(steps)
        self.end()


def _bytes(array: Array) -> Array:
    return array.reshape(-1).view(np.uint8)


def _grew(array: Array, before: Array) -> bool:
    """Whether STEPS was added to every byte, or to every word, wrapping as in C."""
    for dtype in (np.dtype(np.uint8), np.dtype(f"uint{8 * array.itemsize}")):
        if np.array_equal(
            array.reshape(-1).view(dtype), before.reshape(-1).view(dtype) + dtype.type(STEPS)
        ):
            return True
    return False


def _folded(values: Array | list[int]) -> int:
    return int(np.bitwise_xor.reduce(np.asarray(values, np.uint8)))


class LimitOneThread(Limit):
    """The limit on one thread, for the scaling cases."""

    name = "limit, 1 thread"
    one_thread = True


class LimitBFloat16State(Limit):
    """The limit for swiftopt's step with states in bfloat16."""

    name = "limit, bf16 state"
    state_dtype = "bfloat16"


class LimitBlock8State(Limit):
    """The limit for swiftopt's step with states in 8 bits."""

    name = "limit, 8-bit state"
    state_dtype = "block8"
