"""``python -m swiftopt``: what this build is and what it found on this machine."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

import swiftopt
from swiftopt import _core


def information() -> dict[str, Any]:
    """Return the facts that a bug report needs."""
    return {
        "swiftopt": swiftopt.__version__,
        "numpy": np.__version__,
        "level": _core.level(),
        "levels": [name for name in _core.level_names() if _core.level_supported(name)],
        "threads": _core.get_num_threads(),
        "dtypes": ["float32", "float64"],
        "optimizers": swiftopt.optimizers.__all__,
    }


def main() -> None:
    """Print the facts, one per line or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m swiftopt", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    facts = information()
    if parser.parse_args().json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        print(f"{name:<11}{', '.join(value) if isinstance(value, list) else value}")


if __name__ == "__main__":
    main()
