"""``python -m swiftopt``, and the script ``swiftopt``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def main() -> int:
    """Run the command line, and return the exit status."""
    program = Path(sys.argv[0]).name
    if program == "__main__.py":
        program = "python -m swiftopt"
    try:
        return _run(program)
    except KeyboardInterrupt:  # during the imports
        if sys.stderr is not None:
            print("Stopped.", file=sys.stderr)
        return 130


def _run(program: str) -> int:
    if find_spec("click") is None:
        from swiftopt._cli import _plain

        return _plain.main(program, sys.argv[1:])
    from swiftopt._cli import _app

    return _app.main(program, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
