"""Saving and loading checkpoints, against the package that writes the same format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..checkpoints import LOAD, SAVE, CheckpointProblem, PackageLoad, PackageSave, SwiftOptLoadNew
from ..contenders import Contender
from .base import Bar, Case, within

_CHECK_BYTES = 10_000_000
#: At least 0.8 times the package's speed.
_SHARE = 1 / 0.8


@dataclass(frozen=True)
class CheckpointCase(Case):
    """A case about files of one size."""

    def problem(self, is_small: bool) -> CheckpointProblem:
        size = 4 * self.elements
        return CheckpointProblem(min(size, _CHECK_BYTES) if is_small else size)

    def bytes_per_step(self, problem: CheckpointProblem) -> int:
        return problem.size


def _case(what: str, size: int, lineup: Sequence[type[Contender]], *bars: Bar) -> CheckpointCase:
    return CheckpointCase(
        f"checkpoint-{what}-1e{len(str(size)) - 1}",
        f"{what} {size / 1e6:,.0f} MB of float32",
        lineup,
        bars,
        elements=size // 4,
        bytes_needed=6 * size,  # arrays, two files in the page cache, and what is loaded
    )


#: Small files show what a save costs besides: a second commit of the file system's journal,
#: since the rename that makes a file valid comes after its bytes are on the disk.
CHECKPOINTS: tuple[Case, ...] = (
    _case("save", 10**7, SAVE),
    _case("load", 10**7, LOAD),
    _case("save", 10**9, SAVE, within(_SHARE, PackageSave)),
    _case(
        "load",
        10**9,
        LOAD,
        within(_SHARE, PackageLoad),
        Bar(SwiftOptLoadNew.name, _SHARE, (PackageLoad.name,)),
    ),
)
