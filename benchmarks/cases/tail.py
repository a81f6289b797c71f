"""The tail of a mixed-precision step: unscale, check, clip, AdamW, copy, zero."""

from __future__ import annotations

from ..contenders import SwiftOpt
from ..limit import Limit
from ..peers.deepspeed_adam import DeepSpeedTail
from ..peers.torch_tail import TorchAsWritten, TorchDefaultTail, TorchExpert
from ..problem import Settings
from ..receive import Produced, Received, Reproduced
from ..rules import RULES
from ..shapes import Shape, gpt2_small
from .base import Bar, Case, Lineup, faster, step_case, within

_RULE = RULES["adamw"]
_LINEUP: Lineup = (SwiftOpt, Limit, TorchAsWritten, TorchExpert, TorchDefaultTail, DeepSpeedTail)
_RECEIVE: Lineup = (Produced, Received, Reproduced)
#: One layer, for quick looks.
_SMALL: list[Shape] = gpt2_small()[2:14]


def _settings(gradient_dtype: str) -> Settings:
    return Settings(
        clip_norm=1.0,
        loss_scale=128.0,
        zero_gradient=True,
        gradient_dtype=gradient_dtype,
        copy_dtype="bfloat16",
    )


def _bars(as_written: float) -> tuple[Bar, ...]:
    return (
        within(1.10, Limit),
        faster(as_written, TorchAsWritten),
        faster(1.25, TorchExpert),
        faster(5, TorchDefaultTail),
    )


def _cases(dtype: str, as_written: float) -> list[Case]:
    settings = _settings(dtype)
    short = {"float32": "f32", "bfloat16": "bf16"}[dtype]
    return [
        step_case(f"tail-{short}-layer", _RULE, _SMALL, _LINEUP, settings=settings),
        step_case(
            f"tail-{short}-gpt2", _RULE, gpt2_small(), _LINEUP, _bars(as_written), settings=settings
        ),
        step_case(f"receive-{short}-layer", _RULE, _SMALL, _RECEIVE, settings=settings),
        step_case(f"receive-{short}-gpt2", _RULE, gpt2_small(), _RECEIVE, settings=settings),
    ]


TAIL: tuple[Case, ...] = (*_cases("float32", 1.5), *_cases("bfloat16", 2.1))
