"""Build build/native/libswiftopt.a: everything below the C contract, as Embedded Swift.

Each instruction level is linked into one object whose only global symbol fills its
table of kernels. Otherwise the linker would merge equal names of two levels, and an old
processor could end up in code that was compiled for a new one. The build fails if
anything of a level leaked (see check_levels).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / "build" / "swift"
OUTPUT = ROOT / "build" / "native"

# Module of each level, and what its object must not contain: a register or a mask that
# only higher levels have. Baseline code has no AVX at all, so no "v..." mnemonic.
LEVELS = {
    "baseline": ("SwiftOptKernels", r"%[yz]mm|\tv[a-z0-9]+\s"),
    "avx2": ("SwiftOptKernelsAVX2", r"%zmm|%k[0-7]\b|%[xy]mm(1[6-9]|2\d|3[01])\b"),
    "avx512": ("SwiftOptKernelsAVX512", r"(?!)"),
}
# A fused multiply-add rounds once where the other levels round twice. Matrix products
# are not the same bits at every level anyway, and they alone may use it, in the two
# functions of GemmTile.swift that are kept out of line for that.
FUSED = r"\tvfn?m(add|sub)"
MAY_FUSE = r"<\$[es]\d+SwiftOptKernels\w*\d\dgemmTile(Float|Double)\w*>:$"
COMMON = [
    "SwiftOptShims",
    "SwiftOptMath",
    "SwiftOptOptimizers",
    "SwiftOptSchedules",
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


def check_levels(objects: dict[str, Path]) -> None:
    """Exit with a message if code of one level could run on another."""
    for name, path in objects.items():
        forbidden = LEVELS["baseline" if name == "common" else name][1]
        symbols = run("nm", "--defined-only", path).splitlines()
        shared = [line.split()[-1] for line in symbols if line.split()[-2] in "TWVDBR"]
        expected = {"common": r"so_\w+$"}.get(name, rf"so_kernels_{name}$")
        leaked = [symbol for symbol in shared if not re.match(expected, symbol)]
        if leaked:
            sys.exit(f"{path.name} shares symbols with the other levels: {leaked[:5]}")
        code = run("objdump", "-d", "--no-show-raw-insn", path)
        may_fuse = False
        for line in code.splitlines():
            if line.endswith(">:"):  # a function begins
                may_fuse = re.search(MAY_FUSE, line) is not None
            elif re.search(forbidden, line):
                sys.exit(f"{path.name} has an instruction above its level: {line.strip()}")
            elif re.search(FUSED, line) and not may_fuse:
                sys.exit(f"{path.name} has a fused multiply-add: {line.strip()}")


def build() -> Path:
    """Build the archive and return its path."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    run(
        *("swift", "build", "-c", "release", "--product", "SwiftOpt"),
        *("--scratch-path", SCRATCH),
        SWIFTOPT_EMBEDDED="1",
    )
    objects = {
        name: link_object(name, [module], [f"so_kernels_{name}"])
        for name, (module, _) in LEVELS.items()
    }
    objects["common"] = link_object("common", COMMON, ["so_*"])
    check_levels(objects)
    archive = OUTPUT / "libswiftopt.a"
    archive.unlink(missing_ok=True)
    run("ar", "rcs", archive, *objects.values())
    return archive


if __name__ == "__main__":
    print(build())
