"""swiftopt's layers as primitives of HIPS autograd.

Each function computes what its namesake in `swiftopt.nn.functional` does, takes arrays of
`autograd.numpy` as well, and can be differentiated by ``autograd.grad`` and the other
reverse-mode operators, once: gradients of gradients and forward mode have no rules. Needs the
package autograd (``pip install 'swiftopt[autograd]'``).
"""

try:
    import autograd as _autograd  # noqa: F401
except ModuleNotFoundError as _error:
    raise ImportError(
        "swiftopt.autograd needs the package autograd: pip install 'swiftopt[autograd]'"
    ) from _error

from swiftopt.autograd._activations import dropout, gelu, relu, sigmoid, silu, tanh
from swiftopt.autograd._images import (
    avg_pool2d,
    conv2d,
    depthwise_conv2d,
    global_avg_pool2d,
    max_pool2d,
)
from swiftopt.autograd._linear import linear
from swiftopt.autograd._losses import cross_entropy, mean_squared_error
from swiftopt.autograd._norms import batch_norm, layer_norm, rms_norm
from swiftopt.autograd._sequences import attention, embedding, softmax

__all__ = [
    "attention",
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "cross_entropy",
    "depthwise_conv2d",
    "dropout",
    "embedding",
    "gelu",
    "global_avg_pool2d",
    "layer_norm",
    "linear",
    "max_pool2d",
    "mean_squared_error",
    "relu",
    "rms_norm",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]
