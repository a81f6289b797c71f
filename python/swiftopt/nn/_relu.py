"""The activation ReLU."""

from swiftopt.nn._activation import Activation


class ReLU(Activation):
    """max(x, 0).

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> y = nn.ReLU()(np.array([[-1.0, 2.0]], np.float32))
    >>> [round(float(element), 3) for element in y[0]]
    [0.0, 2.0]
    """

    function = "relu"
