"""The activation Tanh."""

from swiftopt.nn._activation import Activation


class Tanh(Activation):
    """The hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> y = nn.Tanh()(np.array([[-1.0, 2.0]], np.float32))
    >>> [round(float(element), 3) for element in y[0]]
    [-0.762, 0.964]
    """

    function = "tanh"
