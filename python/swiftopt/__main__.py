"""``python -m swiftopt``: what this build is and what it found on this machine."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

import swiftopt
from swiftopt import _core, _table
from swiftopt._dtypes import KINDS
from swiftopt._state_dtypes import BLOCK8


def information() -> dict[str, Any]:
    """Return the facts that a bug report needs."""
    return {
        "swiftopt": swiftopt.__version__,
        "numpy": np.__version__,
        "level": _core.level(),
        "levels": [name for name in _core.level_names() if _core.level_supported(name)],
        "threads": _core.get_num_threads(),
        "blas": _blas()._asdict(),
        "dtypes": list(KINDS),
        "state_dtypes": [*KINDS, BLOCK8],
        "optimizers": sorted(swiftopt.optimizers.__all__, key=str.lower),
    }


def main() -> None:
    """Print the facts, one per line, or a table, or either as JSON."""
    parser = argparse.ArgumentParser(prog="python -m swiftopt", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    commands = parser.add_subparsers(dest="command", metavar="command")
    table = commands.add_parser("optimizers", help="list optimizers, their options and state")
    # Without a default of its own, which would undo a --json before the command.
    table.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    arguments = parser.parse_args()
    if arguments.command == "optimizers":
        rows = _table.rows()
        print(json.dumps(rows, indent=2) if arguments.json else _table.text(rows))
        return
    facts = information()
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return
    facts["blas"] = _blas_text(_blas())
    for name, value in facts.items():
        print(f"{name:<13}{', '.join(value) if isinstance(value, list) else value}")


def _blas() -> swiftopt.BlasInfo:
    """Return what `swiftopt.blas_info` tells, or why it raises."""
    try:
        return swiftopt.blas_info()
    except RuntimeError as error:
        return swiftopt.BlasInfo("none", reason=str(error))


def _blas_text(info: swiftopt.BlasInfo) -> str:
    """Return the library on one line: ``openblas 0.3.31 SkylakeX, 64-bit integers, path``."""
    if info.name == "none":
        return f"none: {info.reason}"
    title = " ".join(part for part in (info.name, info.version, info.core) if part)
    return f"{title}, {info.integer_bits}-bit integers, {info.path}"


if __name__ == "__main__":
    main()
