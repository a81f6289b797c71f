"""Facts about the machine and the versions in use: no figure means much without."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

from .limit import FLAGS, find_compiler
from .loading import MissingError

_PEERS = (
    "numpy",
    "swiftopt",
    "ml_dtypes",
    "numba",
    "torch",
    "deepspeed",
    "torchao",
    "bitsandbytes",
    "jax",
    "optax",
    "safetensors",
)
_VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "SWIFTOPT_LEVEL")


def available_bytes() -> int:
    """Memory that can be taken without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _busy_seconds() -> float:
    """Time that the usable processors have been busy or taken by the hypervisor."""
    usable = {f"cpu{i}" for i in os.sched_getaffinity(0)}
    ticks = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in usable:
            # user nice system idle iowait irq softirq steal; guest time is part of user.
            times = [int(field) for field in fields[:8]]
            ticks += sum(times) - times[3] - times[4]
    return ticks / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Time of this process and of its children, those that live and those that have ended."""
    used = os.times()
    seconds = time.process_time() + used.children_user + used.children_system
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # pid (name) state parent ...: the name may contain anything.
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[1]) == os.getpid():
            seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


class OthersWatch:
    """Measures how much processor time others take from its creation on."""

    def __init__(self) -> None:
        self._start = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        others = _busy_seconds() - _own_seconds()
        return others, time.monotonic() * len(os.sched_getaffinity(0))

    def share(self) -> float:
        """Share of the usable processors' time that went to others than itself and its children."""
        others, capacity = self._now()
        return max(0.0, (others - self._start[0]) / (capacity - self._start[1]))


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _caches() -> str:
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size, shared = (
            (folder / name).read_text().strip()
            for name in ("level", "type", "size", "shared_cpu_list")
        )
        found.append(f"L{level} {kind} {size} (shared by cpu {shared})")
    return ", ".join(found) or "unknown"


def _huge_pages() -> str:
    path = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return path.read_text().strip() if path.exists() else "unknown"


def _compiler() -> str:
    try:
        compiler = find_compiler()
    except MissingError as missing:
        return f"missing ({missing})"
    outcome = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return f"{outcome.stdout.splitlines()[0]}, {' '.join(FLAGS)}"


def _version(package: str) -> str:
    try:
        importlib.import_module(package)
    except ImportError as error:
        return f"MISSING ({error})"
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package, imported from a folder"


def _swiftopt_level() -> str:
    try:
        return str(importlib.import_module("swiftopt._core").level())
    except ImportError:
        return "-"


def facts(threads: int) -> dict[str, str]:
    """Describe machine, versions and settings, in the order to print them."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _cpu_model(),
        "processors": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "caches of cpu 0": _caches(),
        "memory": f"{memory / 2**30:.1f} GiB",
        "transparent huge pages": _huge_pages(),
        "system": platform.platform(),
        "load average at the start": f"{os.getloadavg()[0]:.2f}",
        "threads of each contender": str(threads),
        "python": platform.python_version(),
        **{name: _version(name) for name in _PEERS},
        "swiftopt's level": _swiftopt_level(),
        "limit compiled by": _compiler(),
        **{name: os.environ.get(name, "not set") for name in _VARIABLES},
    }
