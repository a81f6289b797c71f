"""Hyper-parameters that come as one tuple."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_three_betas(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group's entries with ``beta1``, ``beta2`` and ``beta3`` in place of ``betas``."""
    values = dict(entries)
    betas = values.pop("betas")
    if not isinstance(betas, tuple | list) or len(betas) != 3:
        raise TypeError(f"betas is {betas!r}; it must be three numbers")
    values["beta1"], values["beta2"], values["beta3"] = betas
    return values
