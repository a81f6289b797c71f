"""[train] early_stopping and plateau: what observes an entry of the history."""

from __future__ import annotations

from typing import Any

import numpy as np

import swiftopt
import swiftopt.data
from swiftopt import nn
from swiftopt._cli._document import Document


def refused(document: Document, key: str, function: Any, *args: Any, **named: Any) -> Any:
    """Call a function, and say of which key in [train] a refusal is."""
    try:
        return function(*args, **named)
    except (TypeError, ValueError) as error:
        if isinstance(error, swiftopt.data.DataError):
            raise
        words = str(error).replace(".__init__()", "()")
        raise document.error("train", key, words) from error


def plateau(document: Document, given: dict[str, Any]) -> swiftopt.ReduceOnPlateau | None:
    """Return the factor of the learning rate."""
    if given["plateau"] is None:
        return None
    found: swiftopt.ReduceOnPlateau = refused(
        document, "plateau", swiftopt.ReduceOnPlateau, **_with_mode(document, given, "plateau")
    )
    return found


def early_stopping(
    document: Document, given: dict[str, Any], net: nn.Module
) -> swiftopt.EarlyStopping | None:
    """Return what ends the training, and keeps the best weights."""
    if given["early_stopping"] is None:
        return None
    options = _with_mode(document, given, "early_stopping")
    if "params" in options:
        raise document.error("train", "early_stopping", "params: it is always the whole network")
    if "path" in options:
        options["path"] = document.beside(options["path"])
    # Statistics of norms belong to the weights; counters aren't floating-point.
    statistics = {
        name: array for name, array in net.buffers().items() if np.asarray(array).dtype.kind == "f"
    }
    options["params"] = {**net.named_parameters(), **statistics}
    found: swiftopt.EarlyStopping = refused(
        document, "early_stopping", swiftopt.EarlyStopping, **options
    )
    return found


def _with_mode(document: Document, given: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the options with the mode: an accuracy is best at its greatest, a loss at its least.

    The classes know nothing of what they observe; with the wrong mode they would keep the worst.
    """
    monitor = given["monitor"] or "the loss"
    better, worse = ("max", "min") if monitor.endswith("accuracy") else ("min", "max")
    if given[key].get("mode") == worse:
        words = f'mode is "{worse}", which would take the worst of {monitor} for the best'
        raise document.error("train", key, f'{words}; leave it out, or make it "{better}"')
    return {"mode": better, **given[key]}
