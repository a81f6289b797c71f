"""Every setting and state that is refused, before the first step and in mid-run."""

import fractions
import math

import numpy as np
import pytest

import swiftopt as so

from .cases import BUSY_OPTIONS, RULES, class_of, copied_state
from .natives import FLAG_OF_WORD, WHOLE, option_with

NAN, INF = math.nan, math.inf

# Values that no number of any rule may have, and what they raise.
BAD_NUMBERS = [
    (NAN, ValueError),
    (INF, ValueError),
    (-1.0, ValueError),
    ("0.1", TypeError),
    (None, TypeError),
    (1j, TypeError),
    (True, TypeError),
    ([0.1], TypeError),
    (np.ones(3), TypeError),
    (10**400, ValueError),
    (lambda step: 0.1, TypeError),
]
# But these options may.
ALLOWED = {("beta2_decay", "-1.0"), ("eps1", "None")}
OWN_LIMITS = {
    "momentum_start": ["fast", None, 1],
    "betas": [0.9, (0.9,), (0.9, 0.9, 0.9), "ab", None],
}


def bad_options():
    """(rule, options, exception, word): every hyper-parameter with every bad value."""
    for name, description in RULES.items():
        own = {entry[0]: entry for entry in description["hyperparameters"]}
        numbers = ["lr", "weight_decay", *(key for key, entry in own.items() if not entry[5])]
        for key in numbers:
            for value, error in BAD_NUMBERS:
                if (key, str(value)) in ALLOWED:
                    continue
                if key in WHOLE:
                    error = (TypeError, ValueError)
                yield name, dict([option_with(name, key, value)]), error, key
        for key, (_, _, minimum, maximum, is_open, is_flag) in own.items():
            beyond = [maximum if is_open else math.nextafter(maximum, INF)]
            beyond += [math.nextafter(minimum, -INF)] * (minimum > 0)
            for value in beyond:
                if not is_flag and math.isfinite(value):
                    error = (TypeError, ValueError) if key in WHOLE else ValueError
                    yield name, dict([option_with(name, key, value)]), error, key
        for key in ("clip_norm", "clip_tensor_norm", "clip_value"):
            for value in (0.0, -1.0, NAN, "1", True, [1.0], np.ones(3)):
                error = ValueError if isinstance(value, float) else TypeError
                yield name, {key: value}, error, key
        of_words = {flag for flag, _ in FLAG_OF_WORD.values()}
        flags = [key for key, entry in own.items() if entry[5] and key not in of_words]
        for key in ["maximize", *flags]:
            for value in (2, "yes", None, so.constant(1.0)):
                yield name, {key: value}, (TypeError, ValueError), key
    for value in OWN_LIMITS["momentum_start"]:
        yield "sgd", {"momentum_start": value}, (TypeError, ValueError), "momentum_start"
    for value in OWN_LIMITS["betas"]:
        yield "adam", {"betas": value}, (TypeError, ValueError), "betas"
        yield "rprop", {"etas": value}, (TypeError, ValueError), "etas"
        yield "rprop", {"step_sizes": value}, (TypeError, ValueError), "step_sizes"
    yield "rprop", {"step_sizes": (0.2, 0.1)}, ValueError, "step_sizes"
    for name in ("nadam", "radam"):
        for value in (2, "yes", None, so.constant(1.0)):
            yield name, {"decoupled_weight_decay": value}, TypeError, "decoupled_weight_decay"
        both = {"decoupled_weight_decay": True, "decay": "coupled"}
        yield name, both, ValueError, "decoupled_weight_decay"
    for value in (0.9, (0.9, 0.9), "abc", None):
        yield "adan", {"betas": value}, (TypeError, ValueError), "betas"
    for name in ("schedulefreesgd", "schedulefreeadamw"):
        yield name, {"cautious": True}, ValueError, "cautious"
    yield "lars", {"nesterov": True, "momentum": 0.0}, ValueError, "nesterov"
    yield "sgd", {"nesterov": True}, ValueError, "nesterov"
    yield "sgd", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, ValueError, "nesterov"


def option_id(value):
    if isinstance(value, dict):
        return ",".join(f"{key}={str(item)[:24]}" for key, item in value.items())
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("name", "options", "error", "word"), list(bad_options()), ids=option_id)
def test_hyperparameters(name, options, error, word, frozen):
    w = np.ones(3)
    with frozen(w), pytest.raises(error, match=word):
        class_of(name)([w], **options)
    with frozen(w), pytest.raises(error, match=word):
        class_of(name)(**options)
    if not {"clip_norm"} & set(options):
        with frozen(w), pytest.raises(error, match=word):
            class_of(name)([{"params": [w], **options}])


def test_numbers_that_are_none_of_pythons_are_welcome():
    so.SGD([np.ones(1)], lr=fractions.Fraction(1, 2)).step([np.ones(1)])
    so.Adam([np.ones(1)], lr=0, betas=(0, 0), eps=0, weight_decay=0).step([np.ones(1)])


TOO_LARGE = so.constant(1e308) * 10.0
BAD_SCHEDULES = {
    "negative": so.constant(-1.0),
    "inf": TOO_LARGE,
    "nan": TOO_LARGE + so.constant(-1e308) * 10.0,
    "one": so.constant(1.0),
}


def bad_schedules():
    """(rule, option, kind): every number with every kind of value that it can't have."""
    for name, description in RULES.items():
        for option in ("lr", "weight_decay"):
            yield from ((name, option, kind) for kind in ("negative", "inf", "nan"))
        for option in ("clip_norm", "clip_value", "clip_tensor_norm"):
            yield from ((name, option, kind) for kind in ("negative", "nan"))
        for option, _, minimum, maximum, is_open, is_flag in description["hyperparameters"]:
            if not is_flag and option not in WHOLE:
                kinds = ["inf", "nan"] + ["negative"] * (minimum >= 0)
                kinds += ["one"] * (is_open and maximum == 1)
                yield from ((name, option, kind) for kind in kinds)


@pytest.mark.parametrize(("name", "option", "kind"), list(bad_schedules()))
def test_a_schedule_that_goes_bad_in_mid_run(name, option, kind, refused):
    good = so.constant({"eta_plus": 1.5, "d": 1.5, "beta2_decay": -0.5}.get(option, 0.5))
    schedule = good.then(BAD_SCHEDULES[kind], at=1).then(good, at=3)
    key, value = option_with(name, option, schedule)
    w = np.ones(3)
    options = {**BUSY_OPTIONS[name], key: value}
    options.pop("nesterov", None)  # it allows no dampening
    optimizer = class_of(name)([w], **options)
    optimizer.step([np.ones(3)])
    for _ in range(2):
        refused(lambda: optimizer.step([np.ones(3)]), ValueError, [option], optimizer, w)
    # Repaired, it goes on where it was.
    if option == "clip_norm":
        optimizer.clip_norm = 0.5
    else:
        optimizer.param_groups[0][key] = option_with(name, option, good(0))[1]
    assert optimizer.step([np.ones(3)]).step == 2


# States for Adam over [ones(3)], each made from a good one.
STATES = [
    ("list", lambda s: [s], TypeError, ["state", "list"]),
    ("no names", lambda s: {}, ValueError, ["'0'", "missing"]),
    ("other name", lambda s: {"w": s["0"]}, ValueError, ["'0'"]),
    ("surplus name", lambda s: {**s, "1": s["0"]}, ValueError, ["'1'"]),
    ("slots", lambda s: {"0": 3.0}, TypeError, ["'0'", "float"]),
    ("no slot", lambda s: {"0": {k: v for k, v in s["0"].items() if k != "exp_avg"}}, ValueError,
     ["'0'", "exp_avg"]),
    ("surplus slot", lambda s: {"0": {**s["0"], "momentum_buffer": np.ones(3)}}, ValueError,
     ["'0'", "momentum_buffer"]),
    ("shape", lambda s: {"0": {**s["0"], "exp_avg": np.ones(4)}}, ValueError, ["exp_avg", "(4,)"]),
    ("scalar for an array", lambda s: {"0": {**s["0"], "exp_avg": 1.0}}, ValueError, ["exp_avg"]),
    ("dtype", lambda s: {"0": {**s["0"], "exp_avg": np.ones(3, np.float32)}}, ValueError,
     ["exp_avg", "float32"]),
    ("step nan", lambda s: {"0": {**s["0"], "step": np.array(NAN)}}, ValueError, ["step"]),
    ("step inf", lambda s: {"0": {**s["0"], "step": np.array(INF)}}, ValueError, ["step"]),
    ("step < 0", lambda s: {"0": {**s["0"], "step": np.array(-1.0)}}, ValueError, ["step"]),
    ("step 1.5", lambda s: {"0": {**s["0"], "step": np.array(1.5)}}, ValueError, ["step"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "words"), [row[1:] for row in STATES], ids=[row[0] for row in STATES]
)
def test_states(make, error, words, refused):
    w = np.ones(3)
    optimizer = so.Adam([w])
    optimizer.step([np.ones(3)])
    state = make({name: dict(slots) for name, slots in copied_state(optimizer).items()})
    refused(lambda: optimizer.load_state(state), error, words, optimizer, w)
