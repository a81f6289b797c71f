"""Layers on NumPy arrays, planned once per shape of the input.

A network is a `Sequential` of layers or a `Module` of your own; `CrossEntropyLoss` and
`MSELoss` start its backward pass, and `Module.named_parameters` and `Module.gradients` go
straight into an optimizer. `functional` has one function per direction of a layer.
"""

from swiftopt.nn import functional
from swiftopt.nn._avg_pool2d import AvgPool2d
from swiftopt.nn._batch_norm import BatchNorm
from swiftopt.nn._conv2d import Conv2d
from swiftopt.nn._cross_entropy_loss import CrossEntropyLoss
from swiftopt.nn._depthwise_conv2d import DepthwiseConv2d
from swiftopt.nn._dropout import Dropout
from swiftopt.nn._embedding import Embedding
from swiftopt.nn._flatten import Flatten
from swiftopt.nn._gelu import GELU
from swiftopt.nn._global_avg_pool2d import GlobalAvgPool2d
from swiftopt.nn._gru import GRU
from swiftopt.nn._layer_norm import LayerNorm
from swiftopt.nn._linear import Linear
from swiftopt.nn._lstm import LSTM
from swiftopt.nn._max_pool2d import MaxPool2d
from swiftopt.nn._module import Module
from swiftopt.nn._mse_loss import MSELoss
from swiftopt.nn._multi_head_attention import MultiHeadAttention
from swiftopt.nn._planner import Planner
from swiftopt.nn._positional_embedding import PositionalEmbedding
from swiftopt.nn._relu import ReLU
from swiftopt.nn._residual import Residual
from swiftopt.nn._rms_norm import RMSNorm
from swiftopt.nn._separable_conv2d import SeparableConv2d
from swiftopt.nn._sequential import Sequential
from swiftopt.nn._sigmoid import Sigmoid
from swiftopt.nn._silu import SiLU
from swiftopt.nn._tanh import Tanh
from swiftopt.nn._values import Value

__all__ = [
    "GELU",
    "GRU",
    "LSTM",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "CrossEntropyLoss",
    "DepthwiseConv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "LayerNorm",
    "Linear",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "MultiHeadAttention",
    "Planner",
    "PositionalEmbedding",
    "RMSNorm",
    "ReLU",
    "Residual",
    "SeparableConv2d",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "Value",
    "functional",
]
