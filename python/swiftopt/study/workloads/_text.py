"""Characters of the King James Bible, in windows."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt.study import king_james
from swiftopt.study._errors import StudyError
from swiftopt.study._kept import kept
from swiftopt.study.workloads._workload import Data, Split

#: Values of a byte.
BYTES = 256
#: Windows begin at every eighth byte.
STRIDE = 8
WINDOWS = 160


@kept
def windows(new_testament: bool, context: int) -> Data:
    """Return windows (n, context) of bytes and, for each byte, the one after it.

    The first 90 % of the text are trained on, then come 5 % for validation and 5 % for the
    test. The New Testament is held out: no choice was made on it.
    """
    try:
        old, new = king_james.old_and_new()
    except (FileNotFoundError, ValueError) as error:
        raise StudyError(str(error)) from error
    text = np.frombuffer(new if new_testament else old, np.uint8)
    first, second = int(0.9 * len(text)), int(0.95 * len(text))
    return Data(
        _split(text[:first], context, STRIDE),
        _evaluation(text[first:second], context),
        _evaluation(text[second:], context),
    )


def _split(text: Array, context: int, stride: int) -> Split:
    shape = (max((len(text) - context - 1) // stride, 0), context)
    strides = (stride, 1)  # overlapping views: nothing is copied
    return Split(
        np.lib.stride_tricks.as_strided(text, shape, strides, writeable=False),
        np.lib.stride_tricks.as_strided(text[1:], shape, strides, writeable=False),
    )


def _evaluation(text: Array, context: int) -> Split:
    """Return windows that are spread evenly over the text, copied."""
    stride = max((len(text) - context - 1) // WINDOWS, 1)
    inputs, targets = _split(text, context, stride)
    return Split(inputs[:WINDOWS].copy(), targets[:WINDOWS].copy())
