"""Definitions of all schedules, for mpmath's numbers, and arguments to evaluate them with."""

from hypothesis import strategies as st
from mpmath import mp, mpf

# What the library promises: 4 units of the last place of the largest value.
TOLERANCE = 4 * 2.0**-52
SMALLEST = 2.0**-1074
TWO_THIRDS = mpf(2 / 3)  # of a double


def line(n, start, end, length):
    return start + (end - start) * n / length if n < length else end


def decayed(weight):
    """From `initial` to `final` by a weight of the share of time that is done."""

    def definition(n, initial, total, final=0, **others):
        if n >= total:
            return final
        return final + (initial - final) * weight(n / total, **others)

    return definition


cosine = decayed(lambda x, k_decay=1: (1 + mp.cos(mp.pi * x**k_decay)) / 2)
polynomial = decayed(lambda x, power=1, k_decay=1: (1 - x**k_decay) ** power)


def passed(n, steps):
    return sum(step <= n for step in steps)


def multi_step(n, initial, milestones, gamma=0.1):
    count = passed(n, milestones)
    return initial * (mp.fprod(gamma[:count]) if isinstance(gamma, list) else mpf(gamma) ** count)


def rounded(value):
    return mpf(float(value))


def cosine_restarts(n, initial, period, final=0, period_factor=1, decay=1):
    index, begin, length = 0, mpf(0), period
    if period_factor == 1:
        index = int(n / period) + 1
        while rounded(index * period) > n:
            index -= 1
        begin = index * period
    else:
        while rounded(begin + length) <= n:
            index, begin, length = index + 1, begin + length, length * period_factor
    # A border's rounding may put a step a hair before the exact begin of its cycle.
    return cosine(max(n - begin, 0), initial * decay**index, length, final)


def cyclic(n, low, high, rise, fall=None, decay=1, gamma=1):
    fall = rise if fall is None else fall
    cycle = mp.floor(n / (rise + fall))
    position = n - cycle * (rise + fall)
    weight = position / rise if position < rise else (rise + fall - position) / fall
    return low + (high - low) * weight * decay**cycle * gamma**n


def after_warmup(fall):
    """`fall` behind a warm-up, with the arguments of warmup_cosine and warmup_linear."""

    def definition(n, peak, warmup, total, start=0, final=0):
        if n < warmup:
            return line(n, start, peak, warmup)
        return fall(n - warmup, peak, total - warmup, final)

    return definition


def inverse_sqrt(n, peak, warmup=0, timescale=None, start=0):
    if n < warmup:
        return line(n, start, peak, warmup)
    timescale = timescale or warmup or 10_000
    return peak * mp.sqrt(timescale / (n - warmup + timescale))


def one_cycle(
    n, peak, total, warmup, start=None, final=None, shape="cosine", three_phase=False
):  # fmt: skip
    start = peak / 25 if start is None else start
    final = start / 10_000 if final is None else final
    way = {"cosine": cosine, "linear": polynomial}[shape]
    if n < warmup:
        return way(n, start, warmup, peak)
    if not three_phase:
        return way(n - warmup, peak, total - warmup, final)
    if n < 2 * warmup:
        return way(n - warmup, peak, warmup, start)
    return way(n - 2 * warmup, start, total - 2 * warmup, final)


def warmup_stable_decay(n, peak, total, warmup, decay, start=0, final=0, shape="linear"):
    if n < warmup:
        return line(n, start, peak, warmup)
    if n < total - decay:
        return peak
    if shape == "1-sqrt":
        return polynomial(n - total + decay, peak, decay, final, k_decay=mpf(0.5))
    way = {"cosine": cosine, "linear": polynomial}[shape]
    return way(n - total + decay, peak, decay, final)


def slanted_triangular(n, peak, total, cut_fraction=0.1, ratio=32):
    # Howard and Ruder 2018, equation 3, with a rounded cut and an exact end.
    cut = round(float(cut_fraction) * float(total))
    p = n / cut if n < cut else max(0, 1 - (n - cut) / (total - cut))
    return peak * (1 + p * (ratio - 1)) / ratio


def swa(n, start, every=1):
    count, rest = mp.floor((n - start) / every), (n - start) % every
    return mpf(0) if n < start else count / (count + 1) if rest < 1 else mpf(1)


DEFINITIONS = {
    "constant": lambda n, value: value,
    "step_decay": lambda n, initial, step_size, gamma=0.1: (
        initial * mpf(gamma) ** mp.floor(n / step_size)
    ),
    "piecewise_constant": lambda n, values, boundaries: values[passed(n, boundaries)],
    "multi_step": multi_step,
    "exponential": lambda n, initial, gamma: initial * gamma**n,
    "linear": polynomial,
    "polynomial": polynomial,
    "cosine": cosine,
    "geometric": lambda n, initial, total, final: (
        initial * (final / initial) ** (n / total) if n < total else final
    ),
    "tanh": decayed(lambda x, lower=-6, upper=3: (1 - mp.tanh(lower + (upper - lower) * x)) / 2),
    "rex": decayed(lambda x: (1 - x) / (mpf(0.5) + (1 - x) / 2)),
    "cosine_restarts": cosine_restarts,
    "cyclic": cyclic,
    "warmup": lambda n, peak, warmup, start=0: line(n, start, peak, warmup),
    "warmup_cosine": after_warmup(cosine),
    "warmup_linear": after_warmup(polynomial),
    "inverse_sqrt": inverse_sqrt,
    "one_cycle": one_cycle,
    "warmup_stable_decay": warmup_stable_decay,
    "slanted_triangular": slanted_triangular,
    "ema_warmup": lambda n, decay, gamma=1, power=TWO_THIRDS: min(
        decay, 1 - (1 + n / gamma) ** -power
    ),
    "swa": swa,
}

CASES = [
    ("constant", {"value": 0.1}),
    ("step_decay", {"initial": 0.1, "step_size": 30}),
    ("step_decay", {"initial": 0.1, "step_size": 1, "gamma": 0.99}),
    ("step_decay", {"initial": 0.1, "step_size": 100_000, "gamma": 0.7}),
    ("piecewise_constant", {"values": [0.1], "boundaries": []}),
    ("piecewise_constant", {"values": [0.1, 0.3, 0.01], "boundaries": [10, 1000.5]}),
    ("multi_step", {"initial": 0.1, "milestones": [10, 100, 10_000]}),
    ("multi_step", {"initial": 0.1, "milestones": [10, 100, 10_000], "gamma": [0.7, 3, 0.01]}),
    ("multi_step", {"initial": 0.3, "milestones": [*range(1, 999)], "gamma": [0.999] * 998}),
    ("exponential", {"initial": 0.1, "gamma": 0.9}),
    ("exponential", {"initial": 0.1, "gamma": 0.999_999_9}),
    ("exponential", {"initial": 0.1, "gamma": 1 - 2.0**-53}),
    ("exponential", {"initial": 1e-7, "gamma": 1.000_001}),
    ("exponential", {"initial": 0.1, "gamma": 0}),
    ("linear", {"initial": 0.1, "total": 10_000}),
    ("linear", {"initial": -0.3, "final": 0.7, "total": 999.5}),
    ("polynomial", {"initial": 0.1, "total": 10_000_000, "power": 0.9}),
    ("polynomial", {"initial": 0.1, "final": 0.001, "total": 1000, "power": 2}),
    ("polynomial", {"initial": 0.1, "final": 0.3, "total": 1000, "power": 3.7}),
    ("polynomial", {"initial": 0.1, "total": 1000, "power": 0.5}),
    ("polynomial", {"initial": 0.1, "total": 10_000_000, "power": 0.01, "k_decay": 3}),
    ("polynomial", {"initial": 0.1, "final": 0.01, "total": 1000, "k_decay": 0.5}),
    ("polynomial", {"initial": 0.1, "total": 1000, "power": 20, "k_decay": 0.1}),
    ("cosine", {"initial": 0.1, "total": 10_000_000}),
    ("cosine", {"initial": 0.1, "final": 0.3, "total": 100}),
    ("cosine", {"initial": -1.0, "final": 1.0, "total": 1000.25}),
    ("cosine", {"initial": 0.1, "final": 1e-5, "total": 1000, "k_decay": 1.5}),
    ("cosine", {"initial": -1.0, "final": 1.0, "total": 10_000_000, "k_decay": 0.7}),
    ("geometric", {"initial": 1e-7, "final": 10, "total": 1000}),
    ("geometric", {"initial": -0.3, "final": -1e-300, "total": 99_999.5}),
    ("tanh", {"initial": 0.1, "total": 1000}),
    ("tanh", {"initial": 0.1, "final": 0.3, "total": 10_000, "lower": -300, "upper": 299}),
    ("rex", {"initial": 0.1, "total": 10_000_000}),
    ("rex", {"initial": 0.1, "final": 0.01, "total": 1000}),
    ("cosine_restarts", {"initial": 0.1, "period": 10}),
    ("cosine_restarts", {"initial": 0.1, "period": 100 / 3, "final": 0.01, "decay": 0.999}),
    ("cosine_restarts", {"initial": 0.1, "period": 10, "period_factor": 2, "decay": 0.5}),
    ("cosine_restarts", {"initial": -1.0, "final": 1.0, "period": 10, "period_factor": 1.1}),
    ("cosine_restarts", {"initial": 0.1, "period": 3, "period_factor": 1.001, "final": 1e-3}),
    ("cosine_restarts", {"initial": 0.1, "period": 99_999.5, "period_factor": 1 + 2.0**-52}),
    ("cyclic", {"low": 0.001, "high": 0.1, "rise": 10}),
    ("cyclic", {"low": 0.9, "high": 0.8, "rise": 7, "fall": 3, "decay": 0.5}),
    ("cyclic", {"low": 0.001, "high": 0.1, "rise": 500, "gamma": 0.99994}),
    ("cyclic", {"low": 0.001, "high": 0.1, "rise": 30, "fall": 70, "decay": 0.9, "gamma": 0}),
    ("warmup", {"peak": 0.1, "warmup": 1000}),
    ("warmup", {"peak": 0.1, "warmup": 0}),
    ("warmup", {"peak": 0.1, "warmup": 3, "start": 0.05}),
    ("warmup_cosine", {"peak": 1e-3, "warmup": 500, "total": 10_000}),
    ("warmup_cosine", {"peak": 0.3, "warmup": 0, "total": 100, "final": 0.1}),
    ("warmup_cosine", {"peak": 0.3, "warmup": 1000, "total": 10_000_000, "start": 0.1}),
    ("warmup_linear", {"peak": 1e-3, "warmup": 10_000, "total": 1_000_000, "final": 1e-5}),
    ("inverse_sqrt", {"peak": 0.1}),
    ("inverse_sqrt", {"peak": 0.1, "warmup": 1000, "start": 0.01}),
    ("inverse_sqrt", {"peak": 0.1, "warmup": 10, "timescale": 99.5}),
    ("one_cycle", {"peak": 0.1, "warmup": 300, "total": 1000}),
    ("one_cycle", {"peak": 0.85, "warmup": 29.5, "total": 99, "start": 0.95, "final": 0.95}),
    ("one_cycle", {"peak": 0.1, "warmup": 300, "total": 1000, "three_phase": True}),
    ("one_cycle", {"peak": 0.1, "warmup": 0, "total": 1000, "shape": "linear"}),
    ("warmup_stable_decay", {"peak": 0.1, "warmup": 100, "decay": 200, "total": 1000}),
    (
        "warmup_stable_decay",
        {"peak": 0.1, "warmup": 10, "decay": 90, "total": 100, "shape": "1-sqrt", "final": 0.01},
    ),
    (
        "warmup_stable_decay",
        {"peak": 0.1, "warmup": 0, "decay": 5_000, "total": 10_000, "shape": "cosine"},
    ),
    ("warmup_stable_decay", {"peak": 0.1, "warmup": 10, "decay": 0, "total": 100, "start": 0.01}),
    ("slanted_triangular", {"peak": 0.1, "total": 1000}),
    ("slanted_triangular", {"peak": 0.1, "total": 99, "cut_fraction": 0, "ratio": 1}),
    ("ema_warmup", {"decay": 0.9999}),
    ("ema_warmup", {"decay": 0.99, "gamma": 25, "power": 0.7}),
    ("swa", {"start": 100}),
    ("swa", {"start": 0, "every": 30}),
]

VALUES = st.floats(-10, 10)
COUNTS = st.integers(1, 10**7)
SHARES = st.floats(0, 1) | st.floats(1e-9, 1e-3).map(lambda x: 1 - x)
FACTORS = st.floats(0.01, 20)
STRATEGIES = {
    **dict.fromkeys(("value", "initial", "final", "peak", "start", "low", "high"), VALUES),
    **dict.fromkeys(("total", "step_size", "period", "rise", "fall", "timescale"), COUNTS),
    **dict.fromkeys(("warmup", "decay"), st.integers(0, 10**7)),
    "gamma": SHARES,
    "power": FACTORS,
    "k_decay": FACTORS,
    "values": st.lists(VALUES, min_size=1, max_size=6),
    "milestones": st.lists(COUNTS, max_size=5, unique=True).map(sorted),
    "boundaries": st.lists(COUNTS, max_size=5, unique=True).map(sorted),
    "period_factor": st.floats(1.01, 3) | st.sampled_from([1, 2, 3, 1.5, 1.01]),
    "lower": st.floats(-300, 300),
    "upper": st.floats(-300, 300),
    "three_phase": st.booleans(),
    "shape": st.sampled_from(["linear", "cosine"]),
    "cut_fraction": st.floats(0, 0.9),
    "ratio": st.floats(1, 1000),
    "every": COUNTS,
}
#: Where a name means something else.
SPECIAL = {
    "cosine_restarts": {"decay": SHARES},
    "cyclic": {"decay": SHARES},
    "geometric": {
        "initial": st.floats(1e-12, 1e12),
        "final": st.floats(1e-12, 1e12),
    },
    "ema_warmup": {"decay": SHARES, "gamma": FACTORS},
    "slanted_triangular": {"total": st.integers(6, 10**7)},  # 9/10 of which leave a step
    "swa": {"start": COUNTS},
    "warmup_stable_decay": {"shape": st.sampled_from(["linear", "cosine", "1-sqrt"])},
}


def fit(name, arguments):
    """Make drawn arguments fit each other; false if they can't."""
    if name == "piecewise_constant":
        count = min(len(arguments["values"]) - 1, len(arguments["boundaries"]))
        arguments["values"] = arguments["values"][: count + 1]
        arguments["boundaries"] = arguments["boundaries"][:count]
    if name == "warmup_stable_decay":
        return arguments["warmup"] + arguments["decay"] <= arguments["total"]
    if name == "one_cycle" and arguments["three_phase"]:
        return 2 * arguments["warmup"] < arguments["total"]
    if name == "slanted_triangular":  # the peak is at a whole step
        return round(arguments["cut_fraction"] * arguments["total"]) < arguments["total"]
    if {"warmup", "total"} <= arguments.keys():
        return arguments["warmup"] < arguments["total"]
    return True


def expected(name, n, arguments):
    exact = {key: _exact(value) for key, value in arguments.items()}
    with mp.workprec(200):
        return DEFINITIONS[name](mpf(n), **exact)


def _exact(value):
    if isinstance(value, list):
        return [mpf(v) for v in value]
    return value if isinstance(value, str | bool) else mpf(value)


def largest_argument(name, arguments):
    """Return the largest value that the arguments name; averages' decays are up to 1."""
    keys = {"value", "values", "initial", "final", "peak", "start", "low", "high"}
    if name in ("ema_warmup", "swa"):
        return 1.0
    values = [arguments[key] for key in keys & arguments.keys()]
    return max(abs(v) for value in values for v in (value if isinstance(value, list) else [value]))
