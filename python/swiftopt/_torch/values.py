"""Numbers out of a state_dict, torch's or NumPy's, without torch."""

from __future__ import annotations

import sys
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import decoded, kind_of

# torch counts steps in float32, which stops here.
LARGEST_FLOAT32_COUNT = 2**24


def _is_tensor(value: Any) -> bool:
    # Whoever has a tensor has imported torch.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def as_numbers(value: Any, what: str) -> Array:
    """Return a torch tensor or a NumPy array of any floating dtype in float32 or float64.

    It may share memory with `value`.

    Raises
    ------
    TypeError
        If it is neither, or has no such dtype; the message begins with `what`.
    """
    if _is_tensor(value):
        return _numbers_of_tensor(value, what)
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{what} is a {type(value).__name__}; it must be a torch tensor or a NumPy array"
        )
    if not value.dtype.isnative:
        value = value.astype(value.dtype.newbyteorder("="))
    if kind_of(value) is None:
        raise TypeError(
            f"{what} has dtype {value.dtype}; it must be float32, float64, float16 or bfloat16"
        )
    return np.asarray(decoded(value))


def _numbers_of_tensor(value: Any, what: str) -> Array:
    import torch

    if value.layout is not torch.strided or value.is_meta or not value.is_floating_point():
        raise TypeError(
            f"{what} is a tensor of dtype {value.dtype}, layout {value.layout} and device "
            f"{value.device}; it must be a dense tensor of a floating dtype"
        )
    if value.dtype not in (torch.float32, torch.float64):
        value = value.to(torch.float32)
    try:
        numbers: Array = value.numpy(force=True)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise TypeError(f"{what} can't be read as an array: {error}") from error
    return numbers


def as_plain(value: Any, what: str) -> Any:
    """Return a hyper-parameter as Python has it: a number, bool, string, None, or a tuple.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if isinstance(value, tuple | list):
        return tuple(as_plain(item, what) for item in value)
    if _is_tensor(value) or isinstance(value, np.ndarray | np.generic):
        if int(np.prod(value.shape)) != 1:
            raise TypeError(f"{what} has the shape {tuple(value.shape)}; it must be a number")
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{what} is {value!r}; it must be a number")


def as_scalar(value: Any, what: str) -> float:
    """Return the number of a tensor or an array of one element, or of Python, as a float.

    Raises
    ------
    TypeError, ValueError
        If it is none, or not finite.
    """
    if _is_tensor(value) or isinstance(value, np.ndarray | np.generic):
        if int(np.prod(value.shape)) != 1:
            raise ValueError(f"{what} has the shape {tuple(value.shape)}; it must be one number")
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} is {value!r}; it must be a number")
    number = float(value) if abs(value) <= sys.float_info.max else float("inf")
    if not isfinite(number):
        raise ValueError(f"{what} is {value}; it must be finite")
    return number


def as_count(value: Any, what: str) -> int:
    """Return a number of steps.

    Raises
    ------
    TypeError, ValueError
        If it is none, or not a whole number from 0 to 2**53.
    """
    number = as_scalar(value, what)
    # Beyond 2**53 a float64 no longer counts.
    if not 0 <= number <= 2**53 or number != int(number):
        raise ValueError(f"{what} is {number:g}; it must be a whole number >= 0")
    return int(number)


def running_product(beta: float, count: int) -> float:
    """Return the product that `count` native steps make of 1, to the bit.

    Beyond 2**24 of them it is only as accurate as that.
    """
    return _remembered_product(beta, count)


def _product(beta: float, count: int) -> float:
    product = 1.0
    for _ in range(min(count, LARGEST_FLOAT32_COUNT)):
        smaller = product * beta
        if smaller == product:  # 0, or the least float, which rounds to itself
            return product
        product = smaller
    remaining, power = max(count - LARGEST_FLOAT32_COUNT, 0), beta
    while remaining:
        if remaining & 1:
            product *= power
        power *= power
        remaining >>= 1
    return product


# Most parameters have the same.
_remembered_product = lru_cache(maxsize=32)(_product)
