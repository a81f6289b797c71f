"""Arrays of every dtype that trains."""

import numpy as np

import swiftopt as so

KINDS = ["float32", "float64", "float16", "bfloat16"]


def make(kind, values, dtype=None):
    """An array of any kind; `dtype` is what the fixture gives."""
    if kind != "bfloat16":
        return np.array(values, kind)
    if dtype is not None:
        return np.array(values).astype(dtype)
    # Exact for values with at most 8 significant bits.
    bits = np.asarray(np.array(values, np.float32).view(np.uint32) >> 16, np.uint16)
    return so.bfloat16_view(bits)
