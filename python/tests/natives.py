"""Which options of a class hold which native hyper-parameters of its rule."""

import inspect

from .cases import RULES, class_of

GROUPED = {
    "betas": {"beta1": 0.5, "beta2": 0.5, "beta3": 0.5},
    "etas": {"eta_minus": 0.5, "eta_plus": 1.5},
    "step_sizes": {"step_size_min": 0.0, "step_size_max": 50.0},
    "eps": {"eps1": 0.5, "eps2": 0.5},
    "adamw_betas": {"adamw_beta1": 0.5, "adamw_beta2": 0.5},
}
"""Options that hold several native hyper-parameters, each with a value that is allowed."""

FLAG_OF_WORD = {
    "momentum_start": ("momentum_start_zero", "zero"),
    "adjust_lr_fn": ("match_rms_adamw", "match_rms_adamw"),
}
"""Options that are words: the native flag, and the word that sets it."""

WHOLE = {"ns_steps"}
"""Options that are whole numbers, and no schedules."""


def parts_of(name, option):
    """The native hyper-parameters of a rule that an option of several holds; often none."""
    parts = GROUPED.get(option, {})
    if option not in inspect.signature(class_of(name)).parameters:
        return []
    return [entry[0] for entry in RULES[name]["hyperparameters"] if entry[0] in parts]


def option_of(name, native):
    """The option that sets a native hyper-parameter."""
    return next((option for option in GROUPED if native in parts_of(name, option)), native)


def option_with(name, native, value):
    """The option that sets one native hyper-parameter, and its value."""
    option = option_of(name, native)
    if option == native:
        return native, value
    parts = GROUPED[option]
    return option, tuple(
        value if part == native else parts[part] for part in parts_of(name, option)
    )


def native_options(name, options):
    """The option names as the native description has them."""
    natives = {native for option in options for native in parts_of(name, option) or [option]}
    for word, (flag, _) in FLAG_OF_WORD.items():
        if word in natives:
            natives = natives - {word} | {flag}
    return natives - {"decoupled_weight_decay"}  # says how the group's weight decay acts
