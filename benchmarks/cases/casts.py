"""Casts between float32 and the 16-bit formats, at every size."""

from __future__ import annotations

from dataclasses import dataclass

from ..casts import LINEUP, AsType, CastProblem, create
from ..streams import bytes_moved
from .base import THREADS, Case, faster

_CHECK_COUNT = 90_001
_PAIRS = (
    ("float32", "float16"),
    ("float16", "float32"),
    ("float32", "bfloat16"),
    ("bfloat16", "float32"),
)
_SHORT = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}


@dataclass(frozen=True)
class CastCase(Case):
    """A case about one pair of dtypes."""

    source: str = "float32"
    target: str = "float16"

    def problem(self, is_small: bool) -> CastProblem:
        count = min(self.elements, _CHECK_COUNT) if is_small else self.elements
        return create(self.source, self.target, count, THREADS)

    def bytes_per_step(self, problem: CastProblem) -> int:
        return bytes_moved(problem.passes())


def _case(source: str, target: str, exponent: int) -> CastCase:
    count = 10**exponent
    return CastCase(
        f"cast-{_SHORT[source]}-{_SHORT[target]}-1e{exponent}",
        f"cast of {count:,} elements from {source} to {target}",
        LINEUP,
        # NumPy widens and narrows float16 one element at a time.
        (faster(4, AsType),) if "float16" in (source, target) else (),
        elements=count,
        bytes_needed=20 * count,
        source=source,
        target=target,
    )


CASTS: tuple[Case, ...] = tuple(
    _case(source, target, exponent) for source, target in _PAIRS for exponent in range(3, 9)
)
