"""What the references have in common."""

import math

import numpy as np


def ratio(numerator, denominator):
    """The quotient; 0 where the denominator is 0, which is how eps=0 is defined."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator != 0)


def norm(arrays):
    """The Euclidean norm over all elements of all arrays."""
    return math.sqrt(sum(float(np.sum(array**2)) for array in arrays))
