"""AdamW with moments in bfloat16 and in 8 bits."""

from __future__ import annotations

import os

from ..contenders import SwiftOpt, SwiftOptBFloat16State, SwiftOptBlock8State, on_threads
from ..limit import Limit, LimitBFloat16State, LimitBlock8State
from ..peers.eight_bit import BitsAndBytes, TorchAO
from ..rules import RULES
from .base import Bar, Case, Lineup, step_case

_RULE = RULES["adamw"]
_STATES = (SwiftOpt, SwiftOptBFloat16State, SwiftOptBlock8State)
_LINEUP: Lineup = (
    *_STATES,
    Limit,
    LimitBFloat16State,
    LimitBlock8State,
    TorchAO,
    BitsAndBytes,
)
_BARS = (
    Bar(SwiftOptBFloat16State.name, 1 / 1.25, (SwiftOpt.name,)),
    Bar(SwiftOptBlock8State.name, 1.0, (SwiftOpt.name,)),
    Bar(SwiftOptBlock8State.name, 1 / 4, (TorchAO.name, BitsAndBytes.name)),
)
#: A multiple of 256, and large enough for torchao and bitsandbytes not to use float32.
_CHECK_ELEMENTS = 20_480
#: 2^20 and 2^23 for the same reason; 10^8 is 256 * 390 625.
_SIZES = ((2**20, ()), (2**23, ()), (10**8, _BARS))


def _thread_counts() -> list[int]:
    usable = len(os.sched_getaffinity(0))
    return [*(2**k for k in range(8) if 2**k < usable), usable]


LOW_PRECISION: tuple[Case, ...] = (
    *(
        step_case(
            f"states-{count}", _RULE, [(count,)], _LINEUP, bars, check_elements=_CHECK_ELEMENTS
        )
        for count, bars in _SIZES
    ),
    step_case(
        "states-threads",
        _RULE,
        [(2**23,)],
        tuple(on_threads(kind, n) for kind in _STATES for n in _thread_counts()),
        check_elements=_CHECK_ELEMENTS,
    ),
)
