"""How classes turn entries of a group into what the native rule knows."""

from __future__ import annotations

from typing import Any

from swiftopt._groups import as_flag


def take_pair(values: dict[str, Any], name: str, first: str, second: str) -> None:
    """Replace the pair `name` by two entries.

    Raises
    ------
    TypeError
        If it is no pair.
    """
    pair = values.pop(name)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"{name} is {pair!r}; it must be a pair of numbers or schedules")
    values[first], values[second] = pair


def take_three_betas(values: dict[str, Any]) -> None:
    """Replace `betas` by ``beta1``, ``beta2`` and ``beta3``.

    Raises
    ------
    TypeError
        If they are not three.
    """
    betas = values.pop("betas")
    if not isinstance(betas, tuple | list) or len(betas) != 3:
        raise TypeError(f"betas is {betas!r}; it must be three numbers")
    values["beta1"], values["beta2"], values["beta3"] = betas


def take_decoupled(values: dict[str, Any]) -> None:
    """Replace `decoupled_weight_decay` by what it means for `decay`.

    Raises
    ------
    TypeError, ValueError
        If it is no bool, or true while `decay` asks for another kind.
    """
    if as_flag("decoupled_weight_decay", values.pop("decoupled_weight_decay")):
        if values["decay"] not in (None, "decoupled"):
            raise ValueError(f"decoupled_weight_decay is True, but decay is {values['decay']!r}")
        values["decay"] = "decoupled"
