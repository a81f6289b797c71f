"""The activation SiLU."""

from swiftopt.nn._activation import Activation


class SiLU(Activation):
    """x times the sigmoid of x (Elfwing et al. 2017).

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> y = nn.SiLU()(np.array([[-1.0, 2.0]], np.float32))
    >>> [round(float(element), 3) for element in y[0]]
    [-0.269, 1.762]
    """

    function = "silu"
