"""Arrays from one floating dtype to another, bfloat16 included."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array, as_array, as_parameter
from swiftopt._dtypes import KINDS, kind_of, kind_of_dtype, zeros

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


def cast(
    source: Any,
    dtype: DTypeLike | Literal["bfloat16"] | None = None,
    *,
    out: Array | None = None,
    rounding: Literal["nearest", "stochastic"] = "nearest",
    seed: int = 0,
) -> Array:
    """Return the numbers of an array in another dtype.

    At the speed of memory, on all threads, and the same bits on every machine and for every
    thread count.

    Parameters
    ----------
    source : array of any shape
        float32, float64, float16 or bfloat16, and C-contiguous. bfloat16 is ml_dtypes' or a
        `bfloat16_view`.
    dtype : dtype, optional
        Of the new array: one of the same four, as NumPy spells it or as "bfloat16". Without
        ml_dtypes, bfloat16 arrays are `bfloat16_view` ones.
    out : array, optional
        Where to write instead, of the shape of `source`. It must not share its memory.
        Either `dtype` or `out` must be given.
    rounding : {"nearest", "stochastic"}
        "nearest": ties go to even, what is too large becomes infinity, and the result is
        rounded once, from float64 too. "stochastic", to float16 and bfloat16 only: each
        number becomes one of its two neighbours by chance, the nearer the likelier, so that
        the mean is right; chance never makes infinity of a number that is finite otherwise.
    seed : int, default 0
        In 0 ... 2**64 - 1. With it and an element's index alone, its random number is fixed
        (Philox 4x32-10; Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

    Returns
    -------
    array
        `out` if it was given, else a new array of the shape of `source`.

    Raises
    ------
    TypeError
        If an array or `dtype` has another dtype, or if none or both of `dtype` and `out` are
        given.
    ValueError
        If an array is not contiguous or aligned, `out` is read-only, overlaps `source` or has
        another shape, or `rounding` or `seed` is not one of the above.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> weights = np.array([1.0, 0.1, 70000.0], np.float32)
    >>> so.cast(weights, "float16").tolist()
    [1.0, 0.0999755859375, inf]
    >>> so.cast(so.cast(weights, "bfloat16"), "float32").tolist()
    [1.0, 0.10009765625, 70144.0]

    Numbers between two neighbours keep their mean:

    >>> thirds = np.full(100_000, 1 + 1 / 3 * 2**-7, np.float32)  # a third of the way
    >>> rounded = so.cast(thirds, "bfloat16", rounding="stochastic", seed=1)
    >>> mean = so.cast(rounded, "float64").mean()
    >>> bool(abs((mean - 1) * 2**7 - 1 / 3) < 0.01)
    True
    """
    array = as_array(source, "source")
    target = _target(array, dtype, out)
    if rounding not in ("nearest", "stochastic"):
        raise ValueError(f"rounding is {rounding!r}; it must be 'nearest' or 'stochastic'")
    is_stochastic = rounding == "stochastic"
    if is_stochastic and (kind := kind_of(target)) in ("float32", "float64"):
        raise ValueError(f"rounding is 'stochastic'; to {kind} it must be 'nearest'")
    _core.cast(array, target, is_stochastic, index(seed))
    return target


def _target(source: Array, dtype: Any, out: Array | None) -> Array:
    if (dtype is None) == (out is None):
        raise TypeError("either dtype or out must be given, and not both")
    if out is None:
        return zeros(source.shape, _kind(dtype))
    target = as_parameter(out, "out")
    if target.shape != source.shape:
        raise ValueError(f"out has shape {target.shape}; source has shape {source.shape}")
    return target


def _kind(dtype: Any) -> str:
    if isinstance(dtype, str) and dtype == "bfloat16":  # NumPy may not know it
        return dtype
    kind = kind_of_dtype(np.dtype(dtype))
    if kind is None:
        raise TypeError(f"dtype is {dtype!r}; it must be one of {', '.join(KINDS)}")
    return kind
