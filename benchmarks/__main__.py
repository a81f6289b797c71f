"""Command line: ``python -m benchmarks [--quick] [--json PATH] [--only CASE]``."""

from __future__ import annotations

import argparse
import json
from fnmatch import fnmatchcase
from pathlib import Path

from .cases import CASES, QUICK_LARGEST, THREADS, run
from .machine import facts
from .products_summary import describe_products
from .report import describe_all, describe_case, describe_facts
from .report_json import as_json
from .timing import PAIRS

_QUICK_ROUNDS = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{_QUICK_ROUNDS} rounds, no case above {QUICK_LARGEST:,} elements; "
        "bars are not judged",
    )
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"), metavar="PATH")
    parser.add_argument(
        "--only", metavar="CASE", help="a case, or a shell pattern such as 'adamw-*'"
    )
    arguments = parser.parse_args()
    arguments.cases = [
        case
        for case in CASES
        if (arguments.only is None or fnmatchcase(case.name, arguments.only))
        and not (arguments.quick and case.elements > QUICK_LARGEST)
    ]
    if not arguments.cases:
        names = ", ".join(case.name for case in CASES)
        parser.error(f"--only {arguments.only!r} matches none of: {names}")
    return arguments


def main() -> None:
    """Run the cases; a missed bar is reported, never an error."""
    arguments = _arguments()
    rounds = _QUICK_ROUNDS if arguments.quick else PAIRS
    machine = facts(THREADS)
    print(describe_facts(machine), flush=True)
    outcomes = []
    for case in arguments.cases:
        outcomes.append(run(case, rounds))
        print(describe_case(outcomes[-1]), flush=True)
    print(describe_all(outcomes))
    print(describe_products(outcomes))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(as_json(machine, outcomes), indent=1) + "\n")
    print(f"\nEvery sample is in {arguments.json}")


if __name__ == "__main__":
    main()
