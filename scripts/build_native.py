"""Build build/native/libswiftopt.a: everything below the C contract, as Embedded Swift.

Each instruction level is linked into one object whose only global symbol fills its
table of kernels. Otherwise the linker would merge equal names of two levels, and an old
processor could end up in code that was compiled for a new one. The build fails if
anything of a level leaked (see check).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "swift"
OUTPUT = ROOT / "build" / "native"


class Level(NamedTuple):
    """A module of which only the function that fills its table may be seen."""

    module: str
    filler: str
    forbidden: str  # what its code must not contain
    may_fuse: bool = False


# A register or a mask that only higher levels have. Baseline code has no AVX at all, so no
# "v..." mnemonic. Nothing is above the last level.
ABOVE_BASELINE = r"%[yz]mm|\tv[a-z0-9]+\s"
ABOVE_AVX2 = r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])\b"
ABOVE_AVX512 = r"\tvdpbf16ps|\tvcvtne2?ps2bf16"
NOTHING = r"(?!)"

LEVELS = [
    Level("SwiftOptKernels", "so_kernels_baseline", ABOVE_BASELINE),
    Level("SwiftOptKernelsAVX2", "so_kernels_avx2", ABOVE_AVX2),
    Level("SwiftOptKernelsAVX512", "so_kernels_avx512", ABOVE_AVX512),
    Level("SwiftOptLayers", "so_layers_baseline", ABOVE_BASELINE),
    Level("SwiftOptLayersAVX2", "so_layers_avx2", ABOVE_AVX2),
    Level("SwiftOptLayersAVX512", "so_layers_avx512", ABOVE_AVX512),
    Level("SwiftOptMatrix", "so_matrix_baseline", ABOVE_BASELINE, may_fuse=True),
    Level("SwiftOptMatrixAVX2", "so_matrix_avx2", ABOVE_AVX2, may_fuse=True),
    Level("SwiftOptMatrixAVX512", "so_matrix_avx512", ABOVE_AVX512, may_fuse=True),
    Level("SwiftOptMatrixAVX512BF16", "so_matrix_avx512bf16", NOTHING, may_fuse=True),
]
# A fused multiply-add rounds once where the other levels round twice. Matrix products
# are not the same bits at every level anyway, and they alone may use it: in modules of their
# own, and in the convolutions' kernels, which are kept out of line for that.
FUSED = r"\tvfn?m(add|sub)"
MAY_FUSE = (
    r"<\$[es]\d+SwiftOptLayers\w*\d((Depthwise|Direct)(Weight)?Kernel|TapSums)"
    r"(33_\w{32}LL)?V\d[\w$]*>:$"
)
COMMON = [
    "SwiftOptShims",
    "SwiftOptMath",
    "SwiftOptOptimizers",
    "SwiftOptSchedules",
    "SwiftOptData",
    "SwiftOptEngine",
    "SwiftOptABI",
]


def run(*command: str | Path, **environment: str) -> str:
    """Run a command from the repository's root and return what it prints."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stdout}")
    return result.stdout


def link_object(name: str, modules: list[str], keep: list[str]) -> Path:
    """Link the modules' objects into one and make all symbols but `keep` local."""
    # The folder keeps the objects of sources that were renamed or deleted.
    objects = [
        path
        for module in modules
        for path in sorted((SCRATCH / "release" / f"{module}.build").glob("*.o"))
        if (ROOT / "Sources" / module / path.stem).exists()
    ]
    if not objects:
        sys.exit(f"no objects of {', '.join(modules)} under {SCRATCH}")
    linked = OUTPUT / f"{name}.o"
    # Groups are resolved here: the final linker would keep only one level's copy.
    run("ld", "-r", "--unique", "--force-group-allocation", "-o", linked, *objects)
    run("objcopy", "--wildcard", *(f"--keep-global-symbol={symbol}" for symbol in keep), linked)
    return linked


def check(path: Path, symbols: str, forbidden: str, may_fuse: bool) -> None:
    """Exit with a message if code of this object could run on another level."""
    defined = [line.split() for line in run("nm", "--defined-only", path).splitlines()]
    shared = [line[-1] for line in defined if line[-2] in "TWVDBR"]
    leaked = [symbol for symbol in shared if not re.fullmatch(symbols, symbol)]
    if leaked:
        sys.exit(f"{path.name} shares symbols with the other levels: {leaked[:5]}")
    is_product = False
    for line in run("objdump", "-d", "--no-show-raw-insn", path).splitlines():
        if line.endswith(">:"):  # a function begins
            is_product = re.search(MAY_FUSE, line) is not None
        elif re.search(forbidden, line):
            sys.exit(f"{path.name} has an instruction above its level: {line.strip()}")
        elif not (may_fuse or is_product) and re.search(FUSED, line):
            sys.exit(f"{path.name} has a fused multiply-add: {line.strip()}")


def build() -> Path:
    """Build the archive and return its path."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    run(
        *("swift", "build", "-c", "release", "--product", "SwiftOpt"),
        *("--scratch-path", SCRATCH),
        SWIFTOPT_EMBEDDED="1",
    )
    common = link_object("common", COMMON, ["so_*"])
    check(common, r"so_\w+", ABOVE_BASELINE, may_fuse=False)
    objects = [common]
    for level in LEVELS:
        linked = link_object(level.filler, [level.module], [level.filler])
        check(linked, level.filler, level.forbidden, level.may_fuse)
        objects.append(linked)
    archive = OUTPUT / "libswiftopt.a"
    archive.unlink(missing_ok=True)
    run("ar", "rcs", archive, *objects)
    return archive


if __name__ == "__main__":
    print(build())
