"""The learning rate of a configuration, as a schedule."""

from __future__ import annotations

import swiftopt as so
from swiftopt.study._config import Config


def learning_rate(config: Config, updates: int) -> float | so.Schedule:
    """Return the rate over a run of so many updates: a rise, then the schedule.

    >>> learning_rate(Config(lr=0.5), 100)
    0.5
    >>> rate = learning_rate(Config(lr=0.5, schedule="cosine", warmup=0.1), 100)
    >>> rate(0), rate(10), rate(100)
    (0.0, 0.5, 0.0)
    """
    warmup = round(config.warmup * updates)
    if config.warmup:
        warmup = max(warmup, 1)
    left = max(updates - warmup, 1)
    rate: so.Schedule
    match config.schedule:
        case "cosine":
            rate = so.cosine(config.lr, total=left)
        case "step":
            milestones = [max(left // 2, 1), max(3 * left // 4, 2)]
            rate = so.multi_step(config.lr, milestones=milestones)
        case "exponential":
            rate = so.exponential(config.lr, gamma=0.01 ** (1 / left))
        case _:
            if not warmup:
                return config.lr
            rate = so.constant(config.lr)
    return rate.warmup(warmup) if warmup else rate
