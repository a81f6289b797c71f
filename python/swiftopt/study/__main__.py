"""``python -m swiftopt.study``: run the study, see what is left, write its report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from swiftopt.study._errors import StudyError
from swiftopt.study._progress import Progress, duration, line
from swiftopt.study._protocol import FULL, QUICK
from swiftopt.study._report import report
from swiftopt.study._run import PHASES, Outcome, outcome, run


def main() -> int:
    """Return the exit status: 0, or 1 after an error, or 130 after Ctrl-C."""
    options = _parser().parse_args()
    try:
        if options.command == "report":
            paths = report(options.folder, options.output, quick=options.quick)
            print(f"{paths['markdown']}\n{paths['html']}")
            return 0
        if options.command == "plan":
            print(_words(outcome(options.folder, QUICK if options.quick else FULL)))
            return 0
        print(_words(outcome(options.folder, QUICK if options.quick else FULL)), flush=True)
        found = run(
            options.folder,
            options.quick,
            budget_hours=options.hours,
            progress=_show,
            jobs=options.jobs,
            phases=(options.only,) if options.only else PHASES,
        )
        print(f"\n{_words(found)}")
    except StudyError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _words(found: Outcome) -> str:
    if found.is_complete:
        return f"All {found.trials_done} trials are done, and all times are measured."
    return (
        f"{found.trials_done} trials are done, {found.trials_left} are left, and "
        f"{found.timings_left} times: about {duration(found.seconds_left)}, one after the other."
    )


def _show(progress: Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{line(progress)[:110]}", end="", file=sys.stderr, flush=True)
    elif progress.done % 50 == 0:
        print(line(progress), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m swiftopt.study", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, words in (
        ("run", "run what is missing; may be stopped and run again"),
        ("plan", "say what is done and left, and how long it takes"),
        ("report", "write study.md, pictures, numbers and a page from what is there"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("folder", type=Path, help="where results are, or will be")
        command.add_argument("--quick", action="store_true", help="the small study of minutes")
        if name == "run":
            command.add_argument("--hours", type=float, help="begin nothing new after so long")
            command.add_argument("--jobs", type=int, default=1, help="trials at the same time")
            command.add_argument("--only", choices=PHASES, help="this part alone")
        if name == "report":
            command.add_argument("--output", type=Path, help="default: report, in the folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
