"""Every rule against the limit for its own bytes, and against torch where it has it."""

from __future__ import annotations

from ..contenders import NumPyExpression, SwiftOpt
from ..limit import Limit
from ..more_rules import MORE_RULES
from ..peers.torch_optim import Torch
from ..rules import RULES, Rule
from .base import Case, Lineup, step_case, within

_WITH_NUMPY: Lineup = (SwiftOpt, Limit, Torch, NumPyExpression)
_WITH_TORCH: Lineup = (SwiftOpt, Limit, Torch)
#: Products of whole matrices: bound by computing, not by bytes.
_MATRIX: Lineup = (SwiftOpt, Torch)

ALL_RULES: dict[str, Rule] = {**RULES, **MORE_RULES}
#: Bars are for rules that need nothing but the element at hand.
_BAR = (within(1.15, Limit),)


def _cases(name: str, rule: Rule) -> list[Case]:
    lineup = _WITH_NUMPY if rule.step else _WITH_TORCH
    if rule.kind == "matrix":
        return [step_case(f"{name}-1024x1024", rule, [(1024, 1024)], _MATRIX)]
    if rule.kind != "elementwise":
        return [
            step_case(f"{name}-1e6", rule, [(1_000, 1_000)], lineup),
            step_case(f"{name}-1e7", rule, [(2_500, 4_000)], lineup),
            step_case(f"{name}-1e8", rule, [(10_000, 10_000)], (SwiftOpt, Limit)),
        ]
    return [
        step_case(f"{name}-1e6", rule, [(10**6,)], lineup),
        step_case(f"{name}-1e7", rule, [(10**7,)], lineup),
        step_case(f"{name}-1e8", rule, [(10**8,)], (SwiftOpt, Limit), _BAR),
    ]


EVERY_RULE: tuple[Case, ...] = tuple(
    case for name, rule in ALL_RULES.items() if name != "adamw" for case in _cases(name, rule)
)
