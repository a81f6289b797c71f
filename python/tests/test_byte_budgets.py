"""Byte budgets as integers and as texts."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftopt.data._bytes import byte_count

# IEC 80000-13: powers of 1000 and of 1024.
UNITS = {"": 1, "B": 1} | {
    f"{prefix}{end}": base**power
    for power, prefix in enumerate("kMGT", 1)
    for end, base in (("B", 1000), ("iB", 1024))
}


@given(
    whole=st.integers(0, 10**6),
    fraction=st.from_regex(r"\A(\.[0-9]{1,9})?\Z"),
    unit=st.sampled_from(sorted(UNITS)),
    space=st.sampled_from(["", " ", "  "]),
    change=st.sampled_from([str, str.upper, str.lower]),
)
def test_texts_are_numbers_with_units(whole, fraction, unit, space, change):
    exact = Fraction(f"{whole}{fraction}") * UNITS[unit]
    text = f"{space}{whole}{fraction}{space}{change(unit)}"
    if exact >= 2**62:
        with pytest.raises(ValueError, match="below 2"):
            byte_count(text)
    else:
        assert byte_count(text) == int(exact)


@given(st.integers(0, 2**62 - 1))
def test_integers_are_bytes(count):
    assert byte_count(count) == byte_count(str(count)) == count
    assert byte_count(np.int64(count)) == count


@pytest.mark.parametrize(
    "text",
    ["", "MB", "1 XB", "1,5MB", "-1MB", "1e3", "1.MB", ".5MB", "1 M B", "0x10", "1MBs", "١MB"],
)
def test_other_texts_are_explained(text):
    with pytest.raises(ValueError, match=r"cache is .*; it must be bytes as an integer or as in"):
        byte_count(text, "cache")


@pytest.mark.parametrize("number", [-1, 2**62, True, -(10**40), "9" * 31, "1." + "9" * 31])
def test_numbers_out_of_range_are_explained(number):
    with pytest.raises(ValueError, match=r"cache is .*(0 or more and below 2|too many digits)"):
        byte_count(number, "cache")


def test_an_integer_beyond_what_python_prints_is_explained():
    with pytest.raises(ValueError, match="cache is huge; it must be 0 or more"):
        byte_count(10**5000, "cache")


@pytest.mark.parametrize("value", [None, 1.5, b"1MB", [1]])
def test_other_types_are_explained(value):
    with pytest.raises(TypeError, match=r"cache is .*; it must be an integer or a text"):
        byte_count(value, "cache")
