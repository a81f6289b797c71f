"""AdamW in float32: every size, real models' tensors, many small tensors."""

from __future__ import annotations

from ..contenders import NumPyExpression, SwiftOpt, SwiftOptBound, on_threads
from ..limit import Limit, LimitOneThread
from ..peers.deepspeed_adam import DeepSpeed
from ..peers.jax_optax import Optax
from ..peers.numba_loop import Numba
from ..peers.torch_optim import Torch, TorchDefault
from ..problem import Settings
from ..rules import RULES
from ..shapes import gpt2_small, resnet50
from .base import THREADS, Bar, Case, Lineup, faster, step_case, within

_RULE = RULES["adamw"]
_FRAMEWORKS = (Torch, TorchDefault, DeepSpeed, Optax)
# swiftopt first: its state arrays are the ones that the others share.
_ALL: Lineup = (SwiftOpt, Limit, Numba, *_FRAMEWORKS, NumPyExpression)
_PLAIN: Lineup = (SwiftOpt, Limit, Torch, NumPyExpression)
_SCALING: Lineup = (SwiftOpt, on_threads(SwiftOpt, 1), Limit, LimitOneThread)
_CLIP = Settings(clip_norm=1.0)

_LARGE = within(1.05, Limit)
_CACHED = (within(1.3, Limit), within(1.1, Numba, *_FRAMEWORKS))
_SMALL = (faster(3, Numba), faster(15, *_FRAMEWORKS))
#: Between the powers of ten the limit alone: no size may fall behind it.
_HALVES = (31_623, 316_228, 3_162_278, 31_622_777)

_SIZES: dict[int, tuple[Bar, ...]] = {
    10**3: (Bar(SwiftOpt.name, 2e-6), *_SMALL),
    10**4: (within(1.3, Limit),),
    10**5: _CACHED,
    10**6: _CACHED,
    10**7: (within(1.3, Limit),),
    10**8: (_LARGE,),
}

ADAMW: tuple[Case, ...] = (
    *(
        step_case(f"adamw-1e{len(str(count)) - 1}", _RULE, [(count,)], _ALL, bars)
        for count, bars in _SIZES.items()
    ),
    *(
        step_case(f"adamw-{count}", _RULE, [(count,)], (SwiftOpt, Limit), (within(1.3, Limit),))
        for count in _HALVES
    ),
    step_case("adamw-gpt2", _RULE, gpt2_small(), _ALL, (_LARGE,)),
    step_case("adamw-resnet50", _RULE, resnet50(), _ALL, (within(1.1, Limit),)),
    step_case(
        "adamw-list",
        _RULE,
        [(100,)] * 1_000,
        (SwiftOpt, SwiftOptBound, *_ALL[1:]),
        (
            faster(20, Numba),
            faster(40, *_FRAMEWORKS),
            Bar(SwiftOpt.name, 150e-6),
            within(2.5, SwiftOptBound),
        ),
    ),
    step_case("adamw-float64-1e7", _RULE, [(10**7,)], _PLAIN, dtype="float64"),
    *(
        step_case(f"adamw-clip-1e{e}", _RULE, [(10**e,)], _PLAIN, bars, settings=_CLIP)
        for e, bars in ((6, ()), (7, ()), (8, (_LARGE,)))
    ),
    step_case("adamw-clip-gpt2", _RULE, gpt2_small(), _PLAIN, (_LARGE,), settings=_CLIP),
    *(
        step_case(f"adamw-threads-1e{e}", _RULE, [(10**e,)], _SCALING)
        for e in (5, 6, 7)
        if THREADS > 1
    ),
)
