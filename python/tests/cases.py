"""What the tests run over: every registered rule, its class, and variants of its options."""

import inspect

import numpy as np

import swiftopt
from swiftopt import _core

RULES = {description["name"]: description for description in _core.optimizer_descriptions()}

LEVELS = [name for name in _core.level_names() if _core.level_supported(name)]
"""The instruction levels of this machine, lowest first."""

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
}

BUSY_OPTIONS = {
    "sgd": {"momentum": 0.9, "nesterov": True},
    "adam": {"amsgrad": True},
    "adamw": {"amsgrad": True, "weight_decay": 0.1},
    "rmsprop": {"momentum": 0.9, "centered": True},
    "adagrad": {"lr_decay": 0.01},
    "lion": {"weight_decay": 0.1},
}
"""Per rule, the options that use all of its state."""


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


def variant_id(value):
    """A readable test id for a rule's name or its options."""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items()) or "defaults"
    return str(value)


def native_options(options):
    """The option names as the native description has them."""
    names = set(options)
    if "betas" in names:
        names = names - {"betas"} | {"beta1", "beta2"}
    if "momentum_start" in names:
        names = names - {"momentum_start"} | {"momentum_start_zero"}
    return names


def make_params(sizes, dtype=np.float64, seed=1):
    """Named parameters of these sizes, standard normal, at most 4 in magnitude."""
    generator = np.random.default_rng(seed)
    return {f"p{size}": generator.standard_normal(size).clip(-4, 4).astype(dtype) for size in sizes}


def make_gradients(sizes, steps, dtype=np.float64, seed=2):
    """One dict of gradients per step.

    Each element has a magnitude of its own (from 0.01 to 10), and one in a hundred never
    has any gradient at all.
    """
    generator = np.random.default_rng(seed)
    scales = {}
    for size in sizes:
        scale = 10.0 ** generator.uniform(-2, 1, size)
        scale[generator.random(size) < 0.01] = 0.0
        scales[f"p{size}"] = scale
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
