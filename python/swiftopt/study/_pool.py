"""Trials, one after the other or several at once."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import swiftopt as so
from swiftopt.study._config import Config
from swiftopt.study._errors import StudyError
from swiftopt.study._kept import kept
from swiftopt.study._training import train
from swiftopt.study._trials import Trial
from swiftopt.study.workloads import WORKLOADS, Workload

Finished = tuple[Trial, dict[str, Any], str]


def finished(trials: Iterable[Trial], jobs: int, deadline: float | None) -> Iterator[Finished]:
    """Yield trials with their results and their data's fingerprint, as they are finished.

    None is begun after the deadline (of `time.monotonic`). Closing the generator, or an
    exception in its loop, ends the trials that are running.
    """
    waiting = (t for t in trials if deadline is None or time.monotonic() < deadline)
    if jobs == 1:
        for trial in waiting:
            yield trial, *_run(trial.workload, trial.config, trial.seed)
    else:
        yield from _in_processes(waiting, jobs)


def _run(workload: Workload, config: Config, seed: int) -> tuple[dict[str, Any], str]:
    data = workload.load()
    return train(workload, data, config, seed), _fingerprint(workload)


_FINGERPRINTS: dict[str, str] = {}


def _fingerprint(workload: Workload) -> str:
    if workload.name not in _FINGERPRINTS:
        _FINGERPRINTS[workload.name] = workload.load().fingerprint()
    return _FINGERPRINTS[workload.name]


# --------------------------------------------------------------------- processes


def _in_processes(trials: Iterator[Trial], jobs: int) -> Iterator[Finished]:
    """Keep so many processes busy; each has a pipe of its own, whose end is its end."""
    context = multiprocessing.get_context("spawn")  # this process may have threads
    threads = max((os.cpu_count() or 1) // jobs, 1)
    processes: list[SpawnProcess] = []
    busy: dict[Connection, Trial] = {}
    try:
        for trial in trials:
            if len(processes) < jobs:
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
            else:
                ours = next(_ready(busy))
                yield _received(ours, busy)
            ours.send(_order(trial))
            busy[ours] = trial
        while busy:
            yield _received(next(_ready(busy)), busy)
    finally:
        for process in processes:
            process.terminate()


def _ready(busy: dict[Connection, Trial]) -> Iterator[Connection]:
    for connection in wait(list(busy)):
        assert isinstance(connection, Connection)
        yield connection


def _received(connection: Connection, busy: dict[Connection, Trial]) -> Finished:
    trial = busy.pop(connection)
    try:
        answer = connection.recv()
    except EOFError:
        raise StudyError(f"the process that ran {trial.workload.name} has died") from None
    if isinstance(answer, Exception):
        raise answer
    return trial, *answer


def _order(trial: Trial) -> tuple[str, bool, int, int, dict[str, Any], int]:
    """Return what another process needs: workloads have functions, which can't be sent."""
    workload = trial.workload
    name = workload.variant_of or workload.name
    is_variant = workload.variant_of is not None
    return name, is_variant, workload.budget, workload.every, trial.config.to_json(), trial.seed


@kept
def _workload(name: str, is_variant: bool, budget: int, every: int) -> Workload:
    return dataclasses.replace(WORKLOADS[name](is_variant), budget=budget, every=every)


def _serve(connection: Connection, threads: int) -> None:
    """Run the trials that come in, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the first process's matter
    so.set_num_threads(threads)
    while True:
        try:
            *which, config, seed = connection.recv()
        except EOFError:
            return
        answer: Any
        try:
            answer = _run(_workload(*which), Config.from_json(config), seed)
        except Exception as error:
            answer = error
        try:
            connection.send(answer)
        except BrokenPipeError:  # the first process was killed
            return
