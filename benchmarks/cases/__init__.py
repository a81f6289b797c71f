"""All cases, in the order of the report."""

from __future__ import annotations

from .adamw import ADAMW
from .base import THREADS, Bar, Case, Outcome, run
from .casts import CASTS
from .checkpoints import CHECKPOINTS
from .data import DATA
from .every_rule import EVERY_RULE
from .kernels import KERNEL_CASES
from .low_precision import LOW_PRECISION
from .products import PRODUCTS
from .schedules import SCHEDULES
from .tail import TAIL
from .training import TRAINING

__all__ = ["CASES", "QUICK_LARGEST", "THREADS", "Bar", "Case", "Outcome", "run"]

CASES: tuple[Case, ...] = (
    *ADAMW,
    *EVERY_RULE,
    *LOW_PRECISION,
    *TAIL,
    *CASTS,
    *SCHEDULES,
    *CHECKPOINTS,
    *PRODUCTS,
    *KERNEL_CASES,
    *TRAINING,
    *DATA,
)
QUICK_LARGEST = 10_000_000
