"""What the tests run over: every registered rule, its class, and variants of its options."""

import inspect

import numpy as np

import swiftopt
from swiftopt import _core

RULES = {description["name"]: description for description in _core.optimizer_descriptions()}

LEVELS = [name for name in _core.level_names() if _core.level_supported(name)]
"""The instruction levels of this machine, lowest first."""

OF_MATRICES = {name for name, rule in RULES.items() if rule["kind"] in ("factored", "matrix")}
"""Rules that arrays of two axes are matrices to, which have error models of their own."""

OF_WHOLE_TENSORS = {"adafactor", "lamb", "lars", "muon"}
"""Rules that a tensor and its pieces are different to."""

VARIANTS_OF_ALL = [
    {},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"clip_norm": 1.0},
    {"clip_tensor_norm": 0.5},
    {"clip_value": 0.3},
    {
        "weight_decay": 0.1,
        "maximize": True,
        "clip_norm": 2.0,
        "clip_tensor_norm": 1.5,
        "clip_value": 0.1,
    },
]

EXTRA_VARIANTS_OF_ALL = [
    {"weight_decay": 0.1, "decay": "coupled"},
    {"weight_decay": 0.1, "decay": "decoupled"},
    {"weight_decay": 0.1, "decay": "independent"},
    {"l1_penalty": 0.05},
    {"l2_penalty": 0.1},
    {"adaptive_clip": 0.2},
    {"cautious": True},
    {"ema_decay": 0.9},
    {"ema_decay": 0.5, "cautious": True, "weight_decay": 0.1, "maximize": True},
    {
        "adaptive_clip": 0.5,
        "clip_tensor_norm": 1.5,
        "clip_norm": 2.0,
        "clip_value": 0.1,
        "maximize": True,
        "l1_penalty": 0.05,
        "l2_penalty": 0.1,
        "weight_decay": 0.1,
        "ema_decay": 0.9,
    },
]
"""What swiftopt.h calls a group's, beside VARIANTS_OF_ALL."""

SHAPES = [(0,), (0, 3), (1,), (17,), (1, 5), (5, 1), (7, 33), (3, 4, 11)]
"""For the extra variants: adaptive clipping looks at the first axis."""

ADAM_VARIANTS = [
    {"betas": (0.5, 0.9)},
    {"betas": (0.0, 0.0)},
    {"eps": 0.0},
    {"amsgrad": True},
    {"epsilon_hat": True, "eps": 1e-3},
    {"amsgrad": True, "epsilon_hat": True, "weight_decay": 0.3},
]

VARIANTS_OF_RULE = {
    "sgd": [
        {"lr": 0.1, "momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "dampening": 0.3, "momentum_start": "zero"},
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ],
    "adam": ADAM_VARIANTS,
    "adamw": [*ADAM_VARIANTS, {"weight_decay": 0.0}],
    "rmsprop": [
        {"alpha": 0.9, "eps": 1e-3},
        {"eps": 0.0, "momentum": 0.5},
        {"centered": True},
        {"momentum": 0.9, "centered": True, "weight_decay": 0.1},
        {"initial_accumulator_value": 0.5},
    ],
    "adagrad": [
        {"lr": 0.1, "lr_decay": 0.1},
        {"initial_accumulator_value": 0.5, "eps": 1e-3},
        {"eps": 0.0},
    ],
    "lion": [{"betas": (0.5, 0.9), "weight_decay": 0.1}, {"betas": (0.95, 0.5)}],
    "nadam": [
        {"betas": (0.5, 0.9), "momentum_decay": 0.1},
        {"betas": (0.0, 0.0), "eps": 1e-3},
        {"eps": 0.0, "momentum_decay": 0.0},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "radam": [
        {"betas": (0.5, 0.9)},
        {"betas": (0.9, 0.5), "eps": 1e-3},  # never divides
        {"eps": 0.0},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "adamax": [{"betas": (0.5, 0.9)}, {"betas": (0.0, 0.0), "eps": 1e-3}, {"eps": 0.0}],
    "adadelta": [{"rho": 0.5, "eps": 1e-3}, {"lr": 0.1, "rho": 0.99}],
    "rprop": [
        {"lr": 0.1, "etas": (0.3, 1.5)},
        {"step_sizes": (1e-3, 2e-2)},
        {"lr": 0.0},
    ],
    "adabelief": [{"betas": (0.5, 0.9)}, {"betas": (0.9, 0.5), "eps": 1e-8}, {"eps": 0.0}],
    "ademamix": [
        {"betas": (0.5, 0.9, 0.99), "weight_decay": 0.1},
        {"betas": (0.0, 0.0, 0.0), "alpha": 0.5},
        {"alpha": 0.0, "weight_decay": 0.0},
        {"eps": 0.0},
    ],
    "adan": [
        {"betas": (0.5, 0.7, 0.9), "weight_decay": 0.3},
        {"betas": (0.0, 0.0, 0.0)},
        {"eps": 0.0},
        {"no_prox": True, "weight_decay": 0.1, "eps": 1e-3},
    ],
    "lamb": [
        {"betas": (0.5, 0.9), "weight_decay": 0.3},
        {"weight_decay": 0.0},
        {"weight_decay": 0.0, "always_adapt": True, "eps": 0.0},
        {"trust_clip": True, "eps": 1e-3},
    ],
    "lars": [
        {"momentum": 0.0, "lr": 0.5},
        {"nesterov": True, "trust_coefficient": 0.1},
        {"weight_decay": 0.0, "lr": 0.01},
        {"weight_decay": 0.0, "always_adapt": True, "eps": 0.0},
        {"trust_clip": True, "trust_coefficient": 0.01, "lr": 0.001, "eps": 1e-3},
    ],
    "schedulefreesgd": [{"lr": 0.01, "momentum": 0.5}, {"momentum": 0.98, "weight_decay": 0.01}],
    "schedulefreeadamw": [
        {"betas": (0.5, 0.9), "weight_decay": 0.3},
        {"betas": (0.98, 0.0)},
        {"eps": 0.0, "lr": 0.1},
    ],
    "adafactor": [
        {"lr": 0.1, "beta2_decay": -0.5, "weight_decay": 0.1},
        {"eps": (1e-3, 0.5), "d": 2.0},
        {"beta1": 0.9},
    ],
    "muon": [
        {"momentum": 0.5, "nesterov": False},
        {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 2, "eps": 1e-3},
        {"adamw_betas": (0.5, 0.9), "adamw_eps": 0.0, "weight_decay": 0.0},
    ],
}

BUSY_OPTIONS = {
    "sgd": {"momentum": 0.9, "nesterov": True},
    "adam": {"amsgrad": True},
    "adamw": {"amsgrad": True, "weight_decay": 0.1},
    "rmsprop": {"momentum": 0.9, "centered": True},
    "adagrad": {"lr_decay": 0.01},
    "lion": {"weight_decay": 0.1},
    "nadam": {"momentum_decay": 0.1},
    "radam": {"betas": (0.5, 0.9)},
    "adamax": {"weight_decay": 0.1},
    "adadelta": {"rho": 0.5},
    "rprop": {"lr": 0.1},
    "adabelief": {"weight_decay": 0.1},
    "ademamix": {"weight_decay": 0.1},
    "adan": {"weight_decay": 0.1},
    "lamb": {"weight_decay": 0.1},
    "lars": {"nesterov": True, "trust_coefficient": 0.1},
    "schedulefreesgd": {"lr": 0.1, "weight_decay": 0.1},
    "schedulefreeadamw": {"weight_decay": 0.1},
    "adafactor": {"beta1": 0.9},
    "muon": {"momentum": 0.5},
}
"""Per rule, the options that use all of its state."""


def learning_rate(name, value):
    """The lr with which a rule's first steps are about `value` long for gradients about 1.

    Adadelta's are lr times the root of its eps, LARS's lr times its trust in the gradient.
    """
    return value * {"adadelta": 1e3, "lars": 10.0}.get(name, 1.0)


def class_of(name):
    """The public class of a rule, found by its name without regard to case; None if missing."""
    for public in swiftopt.__all__:
        if public.lower() == name and inspect.isclass(getattr(swiftopt, public)):
            return getattr(swiftopt, public)
    return None


def variants():
    """Every (rule, options) of the tables, in a stable order."""
    return [
        (name, options)
        for name in RULES
        for options in VARIANTS_OF_ALL + VARIANTS_OF_RULE.get(name, [])
    ]


def allows(name, options):
    """Whether a rule takes these of the common options.

    A rule whose equations have the decay takes no other; one that keeps a second sequence of
    the weights can't leave out steps of the first.
    """
    has_own_decay = RULES[name]["decay"] == "own"
    has_iterates = any(slot[6] for slot in RULES[name]["slots"])
    return not (has_own_decay and options.get("decay")) and not (
        has_iterates and options.get("cautious")
    )


def extra_variants():
    """Every (rule, options) of the extra options that the rule allows."""
    return [
        (name, options)
        for name in RULES
        for options in EXTRA_VARIANTS_OF_ALL
        if allows(name, options)
    ]


def variant_id(value):
    """A readable test id for a rule's name or its options."""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items()) or "defaults"
    return str(value)


def key_of(shape):
    """The name of a parameter of this shape."""
    return "p" + "x".join(map(str, np.atleast_1d(shape)))


def make_params(shapes, dtype=np.float64, seed=1):
    """Named parameters of these shapes, standard normal, at most 4 in magnitude."""
    generator = np.random.default_rng(seed)
    return {
        key_of(shape): generator.standard_normal(shape).clip(-4, 4).astype(dtype)
        for shape in shapes
    }


def make_gradients(shapes, steps, dtype=np.float64, seed=2):
    """One dict of gradients per step.

    Each element has a magnitude of its own (from 0.01 to 10), and one in a hundred never
    has any gradient at all.
    """
    generator = np.random.default_rng(seed)
    scales = {}
    for shape in shapes:
        scale = 10.0 ** generator.uniform(-2, 1, shape)
        scale[generator.random(shape) < 0.01] = 0.0
        scales[key_of(shape)] = scale
    return [
        {key: (scale * generator.standard_normal(scale.shape)).astype(dtype)
         for key, scale in scales.items()}
        for _ in range(steps)
    ]  # fmt: skip


def bits(optimizer, params):
    """All bits that training changes: parameters, then state, by name."""
    pieces = [(key, array.tobytes()) for key, array in params.items()]
    for name, slots in optimizer.state.items():
        pieces += [(name, slot, np.asarray(array).tobytes()) for slot, array in slots.items()]
    return pieces


def copied_state(optimizer):
    """A deep copy of `optimizer.state` as plain dicts."""
    return {
        name: {slot: np.array(array) for slot, array in slots.items()}
        for name, slots in optimizer.state.items()
    }
