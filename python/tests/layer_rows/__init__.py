"""Reference rows of the layer functions: what each one computes, in float64 NumPy.

A row is all that the conformance tests need to know of a function. `rows()` gathers the
`ROWS` of every module of this package; a registered function without a row fails a test.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Out:
    """The shape of an output."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One call: the arrays by name, the sizes and settings in the function's order.

    Inputs and updated arrays are float64 (or of an integer dtype, kept as it is), which the
    tests cast to the dtype at hand; outputs are `Out`. An optional array that isn't named is
    not given.
    """

    arrays: dict[str, Any]
    sizes: tuple[int, ...]
    settings: tuple[float, ...] = ()


@dataclass(frozen=True)
class LayerRow:
    """One layer function.

    `cases(rng)` gives calls. `reference(case, inputs)` gives every output and updated array in
    float64, from inputs as they were after the cast. `tolerance(case, inputs, expected, eps)`
    gives for each the largest absolute error that the arithmetic may make, a number or an
    array, where `eps` is the unit roundoff of the arithmetic; rounding to the output's dtype
    comes on top.
    """

    name: str
    cases: Callable[[np.random.Generator], list[Case]]
    reference: Callable[[Case, dict[str, Any]], dict[str, Any]]
    tolerance: Callable[[Case, dict[str, Any], dict[str, Any], float], dict[str, Any]]


def extended(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with 64 bits of significand, for references that would err as much in float64
    as what they judge."""
    return {
        name: array.astype(np.longdouble) if array.dtype == np.float64 else array
        for name, array in inputs.items()
    }


def rows() -> dict[str, LayerRow]:
    """Every row of this package's modules, by name."""
    found: dict[str, LayerRow] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):  # what several rows need
            continue
        for row in importlib.import_module(f"{__name__}.{module.name}").ROWS:
            assert row.name not in found, f"two rows are called {row.name}"
            found[row.name] = row
    return found
