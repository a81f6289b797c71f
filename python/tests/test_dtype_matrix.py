"""Every rule with every dtype of parameters, gradients and states, and every rounding.

How far a run may be from the same one in float32 (float64 for such parameters): all runs see
the same gradients, whose elements keep their signs, so that no average cancels. With u the
unit roundoff of a dtype and N steps:

- A parameter of a low-precision dtype is rounded to the nearest in each step, by up to
  u·|p|: N·u·|p| in all. By chance it goes to one of two neighbours 2·u·|p| apart, which is
  u·|p| at most in the root mean square, and adds up like a random walk: √N·u·|p|. With Kahan's
  compensation only the last rounding is left, and N of the compensation, which is u·|p| at
  most itself. The master is as it is in float32, to the bit, and the parameter is it, rounded.
- A state is rounded by chance, likewise. The step follows it: averages forget old roundings,
  and a root halves them, so all states together count as one that is √N·u off, relative to
  the path.

Errors are taken as root mean squares over the elements.
"""

import math

import numpy as np
import pytest

from swiftopt._dtypes import decoded, kind_of

from .arrays import KINDS
from .cases import BUSY_OPTIONS, RULES, class_of, learning_rate
from .mixed import as_kind

UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# Neighbours of 8-bit codes are 1/8 (signed) or 1/16 apart.
STATE_UNIT = {**UNIT, "block8": 2.0**-4, None: 0.0}
SIZE = 600
STEPS = 8

all_rules = pytest.mark.parametrize("name", RULES)
parameters = pytest.mark.parametrize(
    ("kind", "way"),
    [("float64", "master"), ("float32", "master")]
    + [(kind, way) for kind in ("float16", "bfloat16")
       for way in ("master", "kahan", "stochastic", "nearest")],
)  # fmt: skip


def state_dtypes(name):
    """Those that all the slots of a rule can have; for float16, the slots that can."""
    slots = [slot for slot in RULES[name]["slots"] if slot[3] != "exact" and slot[4] == "full"]
    signed = {slot[0]: "float16" for slot in slots if slot[3] == "signed"}
    return [None, "float32", "float64", "bfloat16", "block8", *([signed] if signed else [])]


def unit_of_state(state_dtype):
    return STATE_UNIT["float16" if isinstance(state_dtype, dict) else state_dtype]


def start(seed=5):
    """Numbers that every dtype has: 7 bits, between 1 and 2, of both signs."""
    generator = np.random.default_rng(seed)
    return (64 + generator.integers(0, 64, SIZE)) / 64 * generator.choice([-1, 1], SIZE)


def gradients(kind):
    """Rounded to `kind`; magnitudes within a factor of 4, each with a sign of its own."""
    generator = np.random.default_rng(6)
    base = generator.choice([-1, 1], SIZE) * 2.0 ** generator.uniform(-1, 1, SIZE)
    return [as_kind(base * generator.uniform(0.8, 1.2, SIZE), kind) for _ in range(STEPS)]


def trained(name, kind, grads, **options):
    w = as_kind(start(), kind)
    options = {**BUSY_OPTIONS[name], "lr": learning_rate(name, 2.0**-5), **options}
    optimizer = class_of(name)([w], **options)
    path = np.zeros(SIZE)
    for grad in grads:
        before = decoded(w).astype(float)
        assert optimizer.step([grad]).status == "updated"
        path += np.abs(decoded(w) - before)
    return decoded(w).astype(float), optimizer.state["0"], path


@all_rules
@parameters
def test_far_from_full_precision_only_as_rounding_goes(name, kind, way):
    computation = "float64" if kind == "float64" else "float32"
    for gradient_kind in KINDS:
        grads = gradients(gradient_kind)
        exact, _, path = trained(name, computation, grads)
        for state_dtype in state_dtypes(name):
            w, state, _ = trained(name, kind, grads, state_dtype=state_dtype, low_precision=way)
            if way == "master" and unit_of_state(state_dtype) <= UNIT[computation]:
                master = state.get("master", w)
                assert (master == exact).all()
                assert (w == decoded(as_kind(master, kind))).all()
                continue
            roundings = {
                "master": 1,
                "kahan": 1 + STEPS * UNIT[kind],
                "nearest": STEPS,
                "stochastic": math.sqrt(STEPS),
            }[way]
            own = roundings * UNIT[kind] * rms(np.abs(start()) + path)
            inherited = math.sqrt(STEPS) * unit_of_state(state_dtype) * rms(path)
            assert rms(w - exact) <= own + inherited, (gradient_kind, state_dtype)


@all_rules
@parameters
def test_all_of_them_train(name, kind, way):
    """Down the slope of w²: a tenth of it at least, in 16 steps of about 1/32."""
    # Of a matrix's step with singular values of 1, an element is 1/6.
    lr = 6 * 2.0**-5 if name == "muon" else learning_rate(name, 2.0**-5)
    for gradient_kind in KINDS:
        for state_dtype in state_dtypes(name):
            w = as_kind(start().reshape(20, 30), kind)
            options = {**BUSY_OPTIONS[name], "lr": lr}
            optimizer = class_of(name)([w], **options, state_dtype=state_dtype, low_precision=way)
            address = w.ctypes.data
            for _ in range(16):
                optimizer.step([as_kind(decoded(w), gradient_kind)])
            assert rms(decoded(w)) ** 2 <= 0.9 * rms(start()) ** 2, (gradient_kind, state_dtype)
            assert (kind_of(w), w.ctypes.data) == (kind, address)


def rms(array):
    return math.sqrt(np.mean(array**2))
