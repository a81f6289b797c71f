"""Calls of layer functions from their reference rows, in any dtype and at any place."""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from swiftopt import _core

from .layer_rows import Case, LayerRow, Out, rows

DESCRIPTIONS = {entry["name"]: entry for entry in _core.layer_descriptions()}
ROWS = rows()
DTYPES = {
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53, "bfloat16": 2.0**-8}
# Below the normal numbers half of the smallest step is the error; bfloat16 has float32's range.
SMALLEST = {"float32": 2.0**-149, "float64": 2.0**-1074, "bfloat16": 2.0**-133}
SIZE_LIMIT = 200_000
"""Cases with more elements run at one place in memory and with two threads only."""


def seeded(name: str) -> np.random.Generator:
    """A generator of the row's own, the same in every run."""
    return np.random.default_rng(list(name.encode()))


CASES = [
    (name, index)
    for name, row in ROWS.items()
    if name in DESCRIPTIONS
    for index in range(len(row.cases(seeded(name))))
]


def row_and_case(name: str, index: int) -> tuple[LayerRow, Case]:
    """Row `name` and its case number `index`."""
    return ROWS[name], ROWS[name].cases(seeded(name))[index]


def dtype_of(kind: str, dtype: str) -> str | None:
    """The dtype of arrays of a kind in calls with this dtype of values; None: as given."""
    return {
        "value": dtype,
        "any": dtype,
        "number": "float64" if dtype == "float64" else "float32",
        "sum": "float64",
    }.get(kind)


def placed(array: np.ndarray, shift: int) -> np.ndarray:
    """A copy that lies `shift` elements behind an address that is aligned to 64."""
    room = np.zeros(array.nbytes + 64 + shift * array.itemsize, np.uint8)
    start = -room.ctypes.data % 64 + shift * array.itemsize
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@dataclass
class Call:
    """A call with its arrays, before or after it ran."""

    name: str
    case: Case
    dtype: str
    arrays: dict[str, Any]

    @property
    def described(self) -> list[tuple[str, str, str, bool, int]]:
        """Name, kind, role, is_optional, may_be of every array."""
        return DESCRIPTIONS[self.name]["arrays"]

    @property
    def written(self) -> dict[str, np.ndarray]:
        """The arrays that the call writes."""
        return {
            name: self.arrays[name]
            for name, _, role, _, _ in self.described
            if role != "input" and self.arrays[name] is not None
        }

    def native(self, **replaced: Any) -> Any:
        """The native call, with some arrays replaced."""
        arrays = [{**self.arrays, **replaced}[name] for name, *_ in self.described]
        return _core.LayerCall(self.name, arrays, self.case.sizes, self.case.settings)

    def run(self) -> dict[str, bytes]:
        """Compute, and return the bytes of what was written."""
        self.native()()
        return {name: array.tobytes() for name, array in self.written.items()}


def make_call(name: str, index: int, dtype: str, shift: int = 0) -> Call:
    """A call of the case with arrays of its own; outputs start as NaN (integers as 77)."""
    _, case = row_and_case(name, index)
    arrays: dict[str, Any] = {}
    for array, kind, _, _, _ in DESCRIPTIONS[name]["arrays"]:
        given = case.arrays.get(array)
        if given is None:
            arrays[array] = None
            continue
        target = dtype_of(kind, dtype)
        if isinstance(given, Out):
            out_dtype = DTYPES[target] if target is not None else np.dtype(np.uint8)
            filler = 77 if target is None else np.nan
            given = np.full(given.shape, filler, out_dtype)
        elif target is not None:
            given = np.asarray(given).astype(DTYPES[target])
        arrays[array] = placed(np.ascontiguousarray(given), shift)
    assert set(case.arrays) <= set(arrays), f"{name} has no arrays {set(case.arrays) - set(arrays)}"
    return Call(name, case, dtype, arrays)


def expected_of(call: Call) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """What the reference says of a call that hasn't run, and the allowed errors."""
    row = ROWS[call.name]
    inputs = {
        name: array.astype(np.float64) if DTYPES.get(dtype_of(kind, call.dtype) or "") else array
        for name, kind, role, _, _ in call.described
        if role != "output" and (array := call.arrays[name]) is not None
    }
    expected = row.reference(call.case, inputs)
    eps = 2.0**-53 if call.dtype == "float64" else 2.0**-24
    tolerance = row.tolerance(call.case, inputs, expected, eps)
    for name, kind, role, _, _ in call.described:
        if role == "input" or call.arrays[name] is None:
            continue
        stored = dtype_of(kind, call.dtype)
        if stored is not None:
            rounding = UNIT_ROUNDOFF[stored] * np.abs(expected[name]) + SMALLEST[stored]
            tolerance[name] = np.asarray(tolerance[name]) * (1 + UNIT_ROUNDOFF[stored]) + rounding
    return expected, tolerance


def wrong(got, expected, tolerance):
    """Where a result is further off than it may be; infinities and NaN must be the same."""
    expected = np.asarray(expected, np.float64)
    is_same = (got == expected) | (np.isnan(got) & np.isnan(expected))
    error = np.abs(np.where(is_same, 0, got) - np.where(is_same, 0, expected))
    return ~is_same & ~(error <= tolerance)  # not `error > tolerance`, so that NaN is wrong
