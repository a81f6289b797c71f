"""Every schedule, one step in a call and a million."""

from __future__ import annotations

from dataclasses import dataclass

from ..schedule_rows import ROWS
from ..schedules import LINEUP, ScheduleProblem, SwiftOptSchedule
from .base import THREADS, Bar, Case

_CHECK_COUNT = 1000


@dataclass(frozen=True)
class ScheduleCase(Case):
    """A case about one schedule."""

    row: str = ""

    def problem(self, is_small: bool) -> ScheduleProblem:
        count = min(self.elements, _CHECK_COUNT) if is_small else self.elements
        return ScheduleProblem(ROWS[self.row], count, THREADS)

    def bytes_per_step(self, problem: ScheduleProblem) -> int:
        return 16 * problem.count


def _case(row: str, count: int, name: str, at_most: float) -> ScheduleCase:
    return ScheduleCase(
        f"schedules-{name}-{row}",
        f"{row} schedule: {count:,} step{'s' if count > 1 else ''} in a call",
        LINEUP,
        (Bar(SwiftOptSchedule.name, at_most),),
        elements=count,
        bytes_needed=80 * count,
        row=row,
    )


SCHEDULES: tuple[Case, ...] = (
    *(_case(row, 1, "one", 0.5e-6) for row in ROWS),
    *(_case(row, 10**6, "1e6", 20e-3) for row in ROWS),
)
