"""Check the wheels in a folder: name, size, what the extension needs and shows."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2"}
NEWEST_GLIBC = (2, 17)  # manylinux2014
# Optimizers alone have 0.6 MB, and all Python files half a megabyte. The layers, in three dtypes
# and three instruction levels, the products, in four, and data feeding take the rest.
LARGEST = 2_250_000
EXPORTS = {"PyInit__core", "swiftopt_get_num_threads", "swiftopt_set_num_threads"}


def faults(wheel: Path) -> list[str]:
    """Return what is wrong with a wheel."""
    found = []
    if not re.fullmatch(r"swiftopt-[\d.]+-cp311-abi3-manylinux2014_x86_64\.whl", wheel.name):
        found.append(f"its name is {wheel.name}")
    if wheel.stat().st_size >= LARGEST:
        found.append(f"it has {wheel.stat().st_size} bytes")
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        extension = archive.extract("swiftopt/_core.abi3.so", folder)
        dynamic = _output("objdump", "-p", extension)
        symbols = _output("objdump", "-T", extension)
    needed = set(re.findall(r"NEEDED\s+(\S+)", dynamic))
    if needed - LIBRARIES:
        found.append(f"it needs {sorted(needed - LIBRARIES)}")
    versions = {tuple(map(int, text.split("."))) for text in re.findall(r"GLIBC_([\d.]+)", symbols)}
    if max(versions) > NEWEST_GLIBC:
        found.append(f"it needs glibc {'.'.join(map(str, max(versions)))}")
    shown = set(re.findall(r" g +DF \.text\s+\S+\s+\S+\s+(\S+)", symbols))
    if shown != EXPORTS:
        found.append(f"it shows {sorted(shown)}")
    return found


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    wheels = sorted(Path(sys.argv[1]).glob("*.whl"))
    problems = {wheel.name: faults(wheel) for wheel in wheels}
    for wheel in wheels:
        print(f"{wheel}: {wheel.stat().st_size} bytes", *problems[wheel.name], sep="\n  ")
    sys.exit(not wheels or any(problems.values()))
