"""Initial values of parameters, those of torch.nn."""

from __future__ import annotations

import math

import numpy as np

from swiftopt._arrays import Array
from swiftopt._dtypes import write


def uniform(rng: np.random.Generator, array: Array | None, inputs: int) -> None:
    """Fill with numbers uniform in ±1/√inputs."""
    if array is not None:
        bound = 1 / math.sqrt(inputs)
        write(array, np.asarray(rng.uniform(-bound, bound, array.shape), np.float32))


def normal(rng: np.random.Generator, array: Array, deviation: float = 1.0) -> None:
    """Fill with normal numbers of mean 0."""
    write(array, np.asarray(deviation * rng.standard_normal(array.shape), np.float32))
