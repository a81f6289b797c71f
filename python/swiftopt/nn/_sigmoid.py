"""The activation Sigmoid."""

from swiftopt.nn._activation import Activation


class Sigmoid(Activation):
    """1 / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> y = nn.Sigmoid()(np.array([[-1.0, 2.0]], np.float32))
    >>> [round(float(element), 3) for element in y[0]]
    [0.269, 0.881]
    """

    function = "sigmoid"
