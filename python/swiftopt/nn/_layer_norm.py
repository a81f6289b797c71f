"""Normalization of each row by its mean and variance."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn._norm import Norm


class LayerNorm(Norm):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis (Ba et al. 2016).

    Parameters
    ----------
    num_features : int
        The last axis.
    eps : float, default 1e-5

    Attributes
    ----------
    weight, bias : array (num_features,)
        1 and 0 at first.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.LayerNorm(2, eps=1e-12)
    >>> layer(np.array([[1.0, 3.0]], np.float32)).tolist()
    [[-1.0, 1.0]]
    """

    function = "layer_norm"
    statistics = ("mean", "inverse_std")

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__(num_features, eps)
        self.bias: Array | None = np.zeros(self.num_features, np.float32)
