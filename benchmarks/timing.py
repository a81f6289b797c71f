"""Interleaved timing, and ratios with bootstrap intervals.

Every round gives each contender one turn. A turn waits until no thread of the process
uses a processor any more, runs some calls that aren't timed (the waiting let the pool
fall asleep and the caches cool), then times calls that fill SAMPLE_SECONDS, or what the
case says.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .contenders import Contender
from .machine import OthersWatch
from .rules import Array

SAMPLE_SECONDS = 0.005
#: Bars are judged from this many pairs on.
PAIRS = 31
RESAMPLES = 10_000
CONFIDENCE = 0.95
#: More than this for other processes, and a case is not judged.
OTHERS_SHARE = 0.05

_SLICE = 0.002
_SLICES = 100
_BUSY_SHARE = 0.2


@dataclass(frozen=True)
class Interval:
    """A median with its bootstrap interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Timings:
    """Seconds per step of each contender, one for each round."""

    seconds: dict[str, Array]
    rounds: int
    #: Steps in each timed sample.
    repeats: dict[str, int]
    #: Turns that began although some thread of the process never came to rest.
    unsettled_turns: int
    #: Share of the usable processors' time that went to others than this process and its children.
    others_share: float
    #: What contenders measured besides: by contender and name, one for each round.
    measures: dict[str, dict[str, Array]] = field(default_factory=dict)

    @property
    def disturbances(self) -> list[str]:
        """Why these timings prove nothing, if so.

        Contenders whose threads wait for each other by spinning (the limit among them)
        lose far more to a busy machine than one that doesn't: a bar could be reached only
        because of the noise.
        """
        reasons = []
        if self.others_share > OTHERS_SHARE:
            reasons.append(
                f"others took {self.others_share:.0%} of the processors' time"
                f" (at most {OTHERS_SHARE:.0%} is allowed)"
            )
        if self.unsettled_turns:
            reasons.append(
                f"{self.unsettled_turns} turns began while another thread of this process was busy"
            )
        return reasons

    def time(self, name: str) -> Interval:
        """Median seconds per step."""
        return _bootstrap(self.seconds[name])

    def measure(self, name: str, measure: str) -> Interval:
        """Median of what a contender measured."""
        return _bootstrap(self.measures[name][measure])

    def ratio(self, name: str, against: str) -> Interval:
        """Median of the rounds' ratios of two contenders' times."""
        return _bootstrap(self.seconds[name] / self.seconds[against])


def _bootstrap(samples: Array) -> Interval:
    generator = np.random.default_rng(3)
    picks = generator.integers(len(samples), size=(RESAMPLES, len(samples)))
    medians = np.median(samples[picks], axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(medians, (tail, 1 - tail))
    return Interval(float(np.median(samples)), float(low), float(high))


def _settle() -> bool:
    """Wait until the process uses no processor; False if that never happens."""
    for _ in range(_SLICES):
        used = time.process_time()
        time.sleep(_SLICE)
        if time.process_time() - used < _BUSY_SHARE * _SLICE:
            return True
    return False


def _timed(contender: Contender, repeats: int) -> float:
    start = time.perf_counter_ns()
    contender.run(repeats)
    return (time.perf_counter_ns() - start) * 1e-9


def _calibrate(contender: Contender, sample_seconds: float) -> int:
    """Find how many steps fill a sample; also compiles and warms up what needs it."""
    contender.begin()
    contender.run(1)
    repeats = 1
    # The best of three: one interruption here would leave every sample too short.
    while (seconds := min(_timed(contender, repeats) for _ in range(3))) < sample_seconds / 4:
        repeats *= 2
    contender.end()
    return max(1, math.ceil(repeats * sample_seconds / seconds))


def _turn(contender: Contender, repeats: int) -> float:
    contender.begin()
    # A step that fills a sample alone is bound by memory: nothing to warm.
    if repeats > 1:
        contender.run(math.ceil(repeats / 4))
    seconds = _timed(contender, repeats) / repeats
    contender.end()
    return seconds


def _order(contenders: Sequence[Contender], generator: np.random.Generator) -> list[Contender]:
    """Shuffle, with those whose ratios are judged next to each other."""
    peers = [c for c in contenders if c.is_peer]
    neighbours = [c for c in contenders if not c.is_peer]
    generator.shuffle(peers)
    generator.shuffle(neighbours)
    place = int(generator.integers(len(peers) + 1))
    return [*peers[:place], *neighbours, *peers[place:]]


def measure(
    contenders: Sequence[Contender], rounds: int, sample_seconds: float = SAMPLE_SECONDS
) -> Timings:
    """Time all contenders, interleaved; the garbage collector is off meanwhile."""
    generator = np.random.default_rng(4)
    seconds: dict[str, list[float]] = {c.name: [] for c in contenders}
    measured: dict[str, dict[str, list[float]]] = {c.name: {} for c in contenders}
    unsettled = 0
    watch = OthersWatch()
    gc.collect()
    gc.disable()
    try:
        repeats = {}
        for contender in contenders:
            _settle()
            repeats[contender.name] = _calibrate(contender, sample_seconds)
        for _ in range(rounds):
            for contender in _order(contenders, generator):
                unsettled += not _settle()
                seconds[contender.name].append(_turn(contender, repeats[contender.name]))
                for measure, value in contender.measures().items():
                    measured[contender.name].setdefault(measure, []).append(value)
    finally:
        gc.enable()
    samples = {name: np.array(values) for name, values in seconds.items()}
    measures = {
        name: {measure: np.array(values) for measure, values in found.items()}
        for name, found in measured.items()
        if found
    }
    return Timings(samples, rounds, repeats, unsettled, watch.share(), measures)
