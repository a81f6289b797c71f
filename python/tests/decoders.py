"""A source of samples that counts how often each is decoded."""

import threading
from collections import Counter

import numpy as np

import swiftopt as so


class Decoder:
    """Counts its calls. Sample i is [[i, i + 1, i + 2]] in int32; some items can't be decoded."""

    def __init__(self, bad=()):
        self.bad, self.calls, self.lock = set(bad), Counter(), threading.Lock()

    def __call__(self, item):
        with self.lock:
            self.calls[item] += 1
        if item in self.bad:
            raise ValueError(f"damaged {item}")
        return expected([item])[0]


def expected(items):
    return np.array([[[item, item + 1, item + 2]] for item in items], np.int32).reshape(-1, 1, 3)


SAMPLE_BYTES = 12


def source(count=20, bad=(), **options):
    decoder = Decoder(bad)
    options = {"sample_shape": (1, 3), "dtype": np.int32, "workers": 3, **options}
    return so.data.Decoded(range(count), decoder, **options), decoder


def read(decoded, indices, **options):
    out = np.full((len(indices), *decoded.shape[1:]), -7, decoded.dtype)
    bad = decoded.read(np.array(indices, np.int64), out, **options)
    return out, bad
