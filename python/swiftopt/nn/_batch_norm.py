"""Normalization by the statistics of the batch."""

from __future__ import annotations

import numpy as np

from swiftopt.nn import _checks
from swiftopt.nn._fusion import before_pooling, product_sums
from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Operand, Value


class BatchNorm(Module):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias, per channel (Ioffe & Szegedy 2015).

    Mean and (biased) variance are those over all axes but the last, so it serves features
    and images alike. In evaluation mode they are the running ones. The sums come from the
    convolution or product before it, the addition of a `Residual` and a ReLU that follow are
    computed with it.

    Parameters
    ----------
    num_features : int
        The last axis.
    eps : float, default 1e-5
    momentum : float, default 0.1
        The share of the new batch in the running statistics, as in torch (Keras counts the
        share of the old ones); the running variance is the unbiased one.

    Attributes
    ----------
    weight, bias : array (num_features,)
        Trained; 1 and 0 at first.
    running_mean, running_var : array (num_features,)
        Buffers; 0 and 1 at first.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.BatchNorm(1, eps=1e-12)
    >>> layer(np.array([[1.0], [3.0]], np.float32)).tolist()
    [[-1.0], [1.0]]
    >>> [round(float(number), 3) for number in (layer.running_mean[0], layer.running_var[0])]
    [0.2, 1.1]
    """

    number_names = ("weight", "bias")
    buffer_names = ("running_mean", "running_var")

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        channels = _checks.size(self, "num_features", num_features)
        self.eps = _checks.positive(self, "eps", eps)
        self.momentum = _checks.fraction(self, "momentum", momentum, below_one=False)
        self.weight = np.ones(channels, np.float32)
        self.bias = np.zeros(channels, np.float32)
        self.running_mean = np.zeros(channels, np.float32)
        self.running_var = np.ones(channels, np.float32)

    @property
    def num_features(self) -> int:
        """Return the last axis."""
        return int(self.weight.shape[0])

    def initialize(self, rng: np.random.Generator) -> None:
        """Set everything to its first value."""
        self.weight[...], self.bias[...] = 1, 0
        self.running_mean[...], self.running_var[...] = 0, 1

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record it."""
        channels = self.num_features
        _checks.features(self, x, planner, channels, "channels")
        x = planner.activation(x)
        rows, training = x.count // channels, self.training
        if training and rows == 1:
            raise ValueError(
                "BatchNorm: input has 1 row, which has no variance; training needs at least 2 "
                "(leave out a batch of one, or call eval())"
            )
        sizes = {"rows": rows, "channels": channels}
        arrays: dict[str, Operand] = {"x": x, "weight": self.weight, "bias": self.bias}
        if training:
            names = ("column_sums", "column_square_sums")
            sums = product_sums(planner, x, channels, names)
            if sums is not None:
                arrays |= {"sums": sums[names[0]], "square_sums": sums[names[1]]}
        mean, inverse_std = planner.number(channels), planner.number(channels)
        y = planner.value(*x.shape)
        arrays |= {
            "running_mean": self.running_mean,
            "running_var": self.running_var,
            "y": y,
            "mean": mean,
            "inverse_std": inverse_std,
        }
        settings = {"eps": self.eps, "momentum": self.momentum, "training": float(training)}
        call = planner.call("batch_norm", arrays, sizes, settings)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            has_relu, residual = bool(call.settings.get("relu")), call.arrays.get("residual")
            gradient, pooled_rows = before_pooling(gradient)
            x_gradient = planner.value(*x.shape)
            residual_gradient = None
            if isinstance(residual, Value):
                is_own = has_relu or pooled_rows > 1
                residual_gradient = planner.value(*x.shape) if is_own else gradient
            planner.call(
                "batch_norm_backward",
                {
                    "dy": gradient,
                    "x": x,
                    # Without a residual, where y is 0 follows from the other arrays.
                    "y": y if has_relu and residual is not None else None,
                    "weight": self.weight,
                    "bias": self.bias,
                    "mean": mean,
                    "inverse_std": inverse_std,
                    "dx": x_gradient,
                    "dweight": self.gradient_of("weight"),
                    "dbias": self.gradient_of("bias"),
                    "dresidual": None if residual_gradient is gradient else residual_gradient,
                },
                sizes,
                {
                    "training": float(training),
                    "relu": float(has_relu),
                    "pooled_rows": float(pooled_rows),
                },
            )
            planner.add_gradient(x, x_gradient)
            if isinstance(residual, Value) and residual_gradient is not None:
                if residual_gradient is gradient:
                    planner.keep(residual_gradient)
                planner.add_gradient(residual, residual_gradient)

        planner.on_backward(backward)
        return y

    def describe(self) -> str:
        """Return what `repr` shows in the parentheses."""
        return f"{self.num_features}"
