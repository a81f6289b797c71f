"""The techniques, their partners, and what articles promise of them."""

from __future__ import annotations

from math import inf
from typing import Any

from swiftopt.study._claims import Claim, less
from swiftopt.study._techniques import Technique

#: The baselines: SGD as people write it first, and tuned with momentum and a schedule.
NAIVE, TUNED = "sgd_naive", "sgd_tuned"
#: Tuned SGD with a constant rate and with a schedule: what both reach is the target.
SETTERS = ("momentum", TUNED)
#: Tuned SGD whose length of run was chosen too: what "all together" has to beat.
TUNED_SHORT = "sgd_short"
#: Plain SGD gets so many times the usual length before it counts as a miss.
GIVEN_UP = 3.0
#: What most techniques are added to.
BASE = "adamw"

_OPTIMIZERS = {
    "rmsprop": ("RMSprop", "RMSprop"),
    "adagrad": ("Adagrad", "AdaGrad"),
    "lion": ("Lion", "Lion"),
}

_SCHEDULES = {
    "cosine": ("cosine", "cosine schedule"),
    "step": ("step", "step schedule"),
    "exponential": ("exponential", "exponential schedule"),
}

_BATCH_SIZES: dict[int, tuple[str, ...]] = {
    16: ("logistic", "mlp", "cnn", "lstm", "flights"),
    64: ("logistic", "mlp", "cnn", "transformer", "lstm", "flights"),
    256: ("logistic", "mlp", "cnn", "transformer", "lstm"),
    1024: ("logistic", "mlp", "cnn", "flights"),
    4096: ("logistic", "mlp", "flights"),
}

#: Whose times, curves and profiles are drawn.
DRAWN = (NAIVE, TUNED, TUNED_SHORT, BASE, "adam_warmup_cosine", "all_short")

#: Everything that a workload has parts for.
_ALL: dict[str, Any] = {
    "schedule": "cosine",
    "warmup": 0.05,
    "batch_norm": True,
    "residual": True,
    "dropout": 0.1,
    "clip_norm": 1.0,
    "dtype": "bfloat16",
    "feed": "loader",
}

_BASELINES = (
    Technique(
        NAIVE,
        "plain SGD, as first written",
        changes={"horizon": GIVEN_UP},
        held_out=True,
        note="lr 0.01 (the default of Keras), no momentum, three times as long before it counts "
        "as a miss",
    ),
    Technique("sgd", "SGD, constant rate", NAIVE, {"horizon": 1.0}, tuned=True),
    Technique("momentum", "SGD, momentum", "sgd", {"momentum": 0.9}, tuned=True),
    Technique(
        TUNED,
        "SGD, momentum, cosine",
        "momentum",
        {"schedule": "cosine"},
        tuned=True,
        held_out=True,
    ),
    Technique(
        TUNED_SHORT,
        "SGD, momentum, cosine, length chosen",
        TUNED,
        tuned=True,
        searches_horizon=True,
        held_out=True,
    ),
)

_RULES = (
    Technique("nesterov", "Nesterov momentum", "momentum", {"nesterov": True}, tuned=True),
    Technique(
        "adam",
        "Adam",
        "sgd",
        {"optimizer": "Adam"},
        tuned=True,
        held_out=True,
        claims=(
            Claim("time", 1.2, 1.4, "1.2-1.4× faster than plain SGD", NAIVE),
            Claim("steps", *less(0.25, 0.4), "25-40 % fewer epochs than plain SGD", NAIVE),
            Claim("accuracy", 0.5, 1.5, "+0.5 to +1.5 points over plain SGD", NAIVE),
        ),
    ),
    Technique(
        BASE,
        "AdamW",
        "sgd",
        {"optimizer": "AdamW"},
        tuned=True,
        held_out=True,
        claims=(
            Claim(
                "time",
                *less(0.15, 0.25),
                "the choice of optimizer: 15-25 % less time",
                "momentum",
            ),
        ),
    ),
    *(
        Technique(name, title, "sgd", {"optimizer": optimizer}, tuned=True)
        for name, (optimizer, title) in _OPTIMIZERS.items()
    ),
)

_RATES = (
    Technique(
        "warmup",
        "warm-up over 5 % of the steps",
        BASE,
        {"warmup": 0.05},
        tuned=True,
        claims=(
            Claim(
                "time",
                *less(0.15, 0.25),
                "15-25 % less time to a stable plateau (transformers: up to 20 %)",
            ),
        ),
    ),
    *(
        Technique(name, title, BASE, {"schedule": schedule}, tuned=True)
        for name, (schedule, title) in _SCHEDULES.items()
    ),
    Technique(
        "adam_warmup_cosine",
        "Adam, warm-up, cosine",
        "adam",
        {"warmup": 0.05, "schedule": "cosine"},
        tuned=True,
        held_out=True,
        claims=(
            Claim("time", 1.4, 1.8, "1.4-1.8× faster than plain SGD", NAIVE),
            Claim("accuracy", 0.8, 1.5, "+0.8 to +1.5 points over plain SGD", NAIVE),
        ),
    ),
    Technique("clip_norm", "gradient norm clipped at 1", BASE, {"clip_norm": 1.0}),
)

_NETWORKS = (
    Technique(
        "batch_norm",
        "batch norm",
        BASE,
        {"batch_norm": True},
        tuned=True,
        held_out=True,
        claims=(Claim("steps", *less(0.25, 0.35), "25-35 % fewer epochs"),),
    ),
    Technique("dropout", "dropout 0.2", BASE, {"dropout": 0.2}),
    Technique(
        "batch_norm_dropout",
        "batch norm and dropout 0.2",
        BASE,
        {"batch_norm": True, "dropout": 0.2},
        tuned=True,
        claims=(
            Claim("time", 1.1, 1.3, "1.1-1.3× faster"),
            Claim("accuracy", 0.5, 1.0, "+0.5 to +1.0 points"),
        ),
    ),
    Technique("separable", "separable convolutions", BASE, {"separable": True}),
    *(
        technique
        for depth in (9, 21, 57)
        for technique in (
            Technique(
                f"plain_{depth}",
                f"{depth} layers, plain",
                "batch_norm",
                {"depth": depth, "separable": True},
            ),
            Technique(
                f"residual_{depth}",
                f"{depth} layers, residual",
                f"plain_{depth}",
                {"residual": True},
                claims=(Claim("accuracy", 1.0, inf, "needed beyond 20-30 layers"),)
                if depth > 30
                else (),
            ),
        )
    ),
)

_REGULARIZATION = (
    Technique("label_smoothing", "label smoothing 0.1", BASE, {"label_smoothing": 0.1},
              only=("logistic", "mlp", "cnn")),
    Technique("augmentation", "random shifts and flips", BASE, {"augmentation": True}),
    Technique(
        "augmentation_dropout",
        "random shifts, flips, dropout 0.2",
        BASE,
        {"augmentation": True, "dropout": 0.2},
        claims=(
            Claim("gap", 0.18, 0.22, "18-22 % less gap between training and validation loss"),
            Claim("time", *less(0.15, 0.3), "up to 30 % shorter runs (kept: from 15 % on)"),
        ),
    ),
    Technique(
        "early_stopping",
        "early stopping, patience of 5 evaluations",
        BASE,
        {"patience": 5},
        claims=(
            Claim("run", *less(0.2, 0.4), "20-40 % less time"),
            Claim("accuracy", -0.3, inf, "at the same accuracy (within 0.3 points)"),
        ),
    ),
)  # fmt: skip

_SYSTEM = (
    *(
        Technique(
            f"batch_{size}",
            f"batches of {size}",
            BASE,
            {"batch_size": size},
            scales_rate=True,
            only=only,
        )
        for size, only in _BATCH_SIZES.items()
    ),
    Technique(
        "accumulate",
        "gradients of 4 batches accumulated",
        BASE,
        {"accumulate": 4},
        scales_rate=True,
        claims=(
            Claim("time", 1.0, 1.2, "1.0-1.2× faster"),
            Claim("accuracy", 0.2, 0.5, "+0.2 to +0.5 points"),
        ),
    ),
    Technique(
        "bfloat16",
        "bfloat16, float32 masters",
        BASE,
        {"dtype": "bfloat16"},
        held_out=True,
        claims=(
            Claim("epoch", 1.5, 2.0, "1.5-2.0× faster per epoch"),
            Claim("accuracy", -0.3, inf, "±0 points (within 0.3)"),
        ),
    ),
    Technique(
        "loader",
        "Loader instead of NumPy indexing",
        BASE,
        {"feed": "loader"},
        claims=(Claim("wait", *less(0.2, 0.3), "20-30 % less time waiting for data"),),
    ),
    Technique(
        "augmentation_loader",
        "Loader, with shifts and flips",
        "augmentation",
        {"feed": "loader"},
        claims=(Claim("wait", *less(0.2, 0.3), "20-30 % less time waiting for data"),),
    ),
)

_TOGETHER = (
    Technique(
        "all",
        "all together",
        BASE,
        _ALL,
        tuned=True,
        fits_in=True,
        note="without what the network has no place for, and without dropout where a run sees no "
        "sample again (Chowdhery et al. 2022, PaLM, section 5)",
    ),
    Technique(
        "all_short",
        "all together, length chosen",
        "all",
        tuned=True,
        searches_horizon=True,
        held_out=True,
        claims=(
            Claim("time", *less(0.3, 0.6), "30-60 % less time than plain SGD", NAIVE),
            Claim("time", *less(0.3, 0.6), "30-60 % less time than tuned SGD", TUNED_SHORT),
        ),
    ),
)

#: By name, partners first.
TECHNIQUES: dict[str, Technique] = {
    technique.name: technique
    for technique in (
        *_BASELINES, *_RULES, *_RATES, *_NETWORKS, *_REGULARIZATION, *_SYSTEM, *_TOGETHER
    )
}  # fmt: skip
