"""Metric-driven control and loss scaling: small state machines with a plain state.

`ReduceOnPlateau` and `EarlyStopping` look at a metric (`observe`), `LossScaler` at whether
gradients are finite. Each has a ``state`` (a plain dict) and ``load_state``.
"""

from __future__ import annotations

from swiftopt._controlled import Controlled
from swiftopt._early_stopping import EarlyStopping
from swiftopt._loss_scaler import LossScaler
from swiftopt._plateau import ReduceOnPlateau

__all__ = ["Controlled", "EarlyStopping", "LossScaler", "ReduceOnPlateau"]
