"""The optimizer of a configuration."""

from __future__ import annotations

from typing import Any

import swiftopt as so
from swiftopt import nn
from swiftopt.study._config import Config
from swiftopt.study._schedules import learning_rate


def make_optimizer(config: Config, network: nn.Module, updates: int) -> so.Optimizer:
    """Return the optimizer, bound to the network's gradients."""
    options: dict[str, Any] = {"lr": learning_rate(config, updates)}
    if config.optimizer == "SGD":
        options |= {"momentum": config.momentum, "nesterov": config.nesterov}
    if config.weight_decay is not None:
        options["weight_decay"] = config.weight_decay
    if config.clip_norm is not None:
        options["clip_norm"] = config.clip_norm
    if config.accumulate > 1:
        options["accumulate"] = config.accumulate
    optimizer: so.Optimizer = getattr(so, config.optimizer)(network.named_parameters(), **options)
    optimizer.bind(network.gradients())  # the same arrays in every step
    return optimizer
