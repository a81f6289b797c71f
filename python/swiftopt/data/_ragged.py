"""Samples of different lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt._arrays import as_array
from swiftopt.data._element_types import number_of_array


class Ragged:
    """Samples of different lengths, stored one after the other: a field of `Loader`.

    In a batch each sample is padded to the longest of this batch. `BatchBySize` makes batches of
    similar lengths.

    Parameters
    ----------
    values : array
        The items of all samples, along the first axis.
    offsets : array of int64
        Sample i has the items offsets[i] ..< offsets[i + 1]: one number more than there are
        samples, from 0 on.
    pad : number
        What is behind a shorter sample.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> words = so.data.Ragged(np.array([7, 8, 9, 5, 6]), np.array([0, 3, 3, 5]), pad=-1)
    >>> lengths = np.diff(words.offsets)
    >>> next(iter(so.data.Loader((words, lengths), batch_size=3)))
    (array([[ 7,  8,  9],
           [-1, -1, -1],
           [ 5,  6, -1]]), array([3, 0, 2]))
    """

    def __init__(self, values: Any, offsets: Any, pad: float = 0) -> None:
        self.values = as_array(values, "Ragged: values")
        self.offsets = np.ascontiguousarray(offsets)
        if self.values.ndim < 1 or not self.values.flags.c_contiguous:
            raise ValueError("Ragged: values must be a C-contiguous array of items")
        if self.offsets.dtype.kind not in "iu" or self.offsets.ndim != 1 or self.offsets.size < 2:
            raise TypeError("Ragged: offsets must be integers, one more than there are samples")
        self.offsets = self.offsets.astype(np.int64)
        if self.offsets[0] < 0 or self.offsets[-1] > len(self.values):
            raise ValueError(
                f"Ragged: offsets go from {self.offsets[0]} to {self.offsets[-1]}; they must be in "
                f"0 ... {len(self.values)}"
            )
        if (np.diff(self.offsets) < 0).any():
            raise ValueError("Ragged: offsets must not decrease")
        if number_of_array(self.values) is None:
            raise TypeError(f"Ragged: values have dtype {self.values.dtype}; they must be numbers")
        try:
            self.pad = float(pad)
        except (TypeError, ValueError):
            raise TypeError(f"Ragged: pad is {pad!r}; it must be a number") from None

    @property
    def most(self) -> int:
        """Return the length of the longest sample."""
        return int(np.diff(self.offsets).max())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"Ragged({len(self)} samples of up to {self.most} items of {self.values.dtype})"
