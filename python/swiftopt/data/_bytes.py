"""Byte budgets."""

from __future__ import annotations

import re
from operator import index
from typing import SupportsIndex

_UNITS = {
    "": 1, "B": 1,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip
_TEXT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_MOST = 2**62  # what 64 bits of a signed number hold, with room to add


def byte_count(budget: str | SupportsIndex, name: str = "budget") -> int:
    """Return a byte budget as an integer.

    Parameters
    ----------
    budget : int or str
        Bytes, or a text such as "256MB", "1.5 GB" or "64KiB". Powers of 1000 have the units
        kB, MB, GB and TB, powers of 1024 KiB, MiB, GiB and TiB; upper and lower case are the
        same.
    name : str
        What messages call it.

    Raises
    ------
    TypeError
        If it is neither an integer nor a text.
    ValueError
        If it is negative, no number with a unit, or 2**62 or more.

    Examples
    --------
    >>> byte_count("256MB"), byte_count("1.5 KiB"), byte_count(0)
    (256000000, 1536, 0)
    """
    if isinstance(budget, str):
        match = _TEXT.fullmatch(budget)
        unit = _UNITS.get(match[2].upper()) if match else None
        if match is None or unit is None:
            raise ValueError(
                f'{name} is {budget[:40]!r}; it must be bytes as an integer or as in "256MB" '
                "(kB, MB, GB, TB or KiB, MiB, GiB, TiB)"
            )
        whole, _, fraction = match[1].partition(".")
        if len(whole) > 30 or len(fraction) > 30:
            raise ValueError(f"{name} is {budget[:40]!r}...; it has too many digits")
        count = int(whole + fraction) * unit // 10 ** len(fraction)
    else:
        try:
            count = index(budget)
        except TypeError:
            raise TypeError(
                f'{name} is {type(budget).__name__}; it must be an integer or a text as "256MB"'
            ) from None
    if isinstance(budget, bool) or not 0 <= count < _MOST:
        shown = str(budget) if isinstance(budget, str | bool) or abs(count) < 10**30 else "huge"
        raise ValueError(f"{name} is {shown}; it must be 0 or more and below 2**62 bytes")
    return int(count)
