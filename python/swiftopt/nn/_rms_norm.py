"""Normalization of each row by its root mean square."""

from __future__ import annotations

from swiftopt.nn._norm import Norm


class RMSNorm(Norm):
    """y = x / sqrt(mean(x²) + eps) * weight over the last axis (Zhang & Sennrich 2019).

    Parameters
    ----------
    num_features : int
        The last axis.
    eps : float, default 1e-5

    Attributes
    ----------
    weight : array (num_features,)
        1 at first.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.RMSNorm(2, eps=1e-12)
    >>> [round(float(number), 4) for number in layer(np.array([[1.0, 7.0]], np.float32))[0]]
    [0.2, 1.4]
    """

    number_names = ("weight",)
    function = "rms_norm"
    statistics = ("inverse_rms",)

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__(num_features, eps)
