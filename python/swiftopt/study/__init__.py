"""The technique study: what each technique of training really buys.

`run` runs it (over as many sittings as it takes) and `report` writes tables, pictures and a
page from what is there. `python -m swiftopt.study` does both. docs/study.md has the protocol.
"""

from swiftopt.study._config import Config
from swiftopt.study._errors import StudyError
from swiftopt.study._progress import Progress
from swiftopt.study._protocol import FULL, QUICK, Protocol
from swiftopt.study._report import report
from swiftopt.study._run import Outcome, outcome, run
from swiftopt.study._table import TECHNIQUES
from swiftopt.study._techniques import Technique
from swiftopt.study.workloads import WORKLOADS, Workload

__all__ = [
    "FULL",
    "QUICK",
    "TECHNIQUES",
    "WORKLOADS",
    "Config",
    "Outcome",
    "Progress",
    "Protocol",
    "StudyError",
    "Technique",
    "Workload",
    "outcome",
    "report",
    "run",
]
