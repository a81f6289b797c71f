"""Layers as functions, forward and backward, with `out=` everywhere.

Values are float32, float64 or bfloat16 arrays, all of a call of one dtype. Biases, weights of
norms, statistics, losses and the gradients of parameters are float64 where values are, else
float32, in which bfloat16 values are computed.
"""

from swiftopt.nn.functional._add import add
from swiftopt.nn.functional._attention import attention, attention_backward
from swiftopt.nn.functional._avg_pool2d import avg_pool2d, avg_pool2d_backward
from swiftopt.nn.functional._batch_norm import batch_norm, batch_norm_backward
from swiftopt.nn.functional._conv2d import (
    conv2d,
    conv2d_backward_input,
    conv2d_backward_weight,
)
from swiftopt.nn.functional._cross_entropy import cross_entropy
from swiftopt.nn.functional._depthwise_conv2d import (
    depthwise_conv2d,
    depthwise_conv2d_backward_input,
    depthwise_conv2d_backward_weight,
)
from swiftopt.nn.functional._dropout import dropout, dropout_backward
from swiftopt.nn.functional._embedding import embedding, embedding_backward
from swiftopt.nn.functional._gelu import gelu, gelu_backward
from swiftopt.nn.functional._global_avg_pool2d import global_avg_pool2d, global_avg_pool2d_backward
from swiftopt.nn.functional._gru_cell import GRUCellGradients, gru_cell, gru_cell_backward
from swiftopt.nn.functional._layer_norm import layer_norm, layer_norm_backward
from swiftopt.nn.functional._linear import linear, linear_backward_input, linear_backward_weight
from swiftopt.nn.functional._lstm_cell import LSTMCellGradients, lstm_cell, lstm_cell_backward
from swiftopt.nn.functional._max_pool2d import max_pool2d, max_pool2d_backward
from swiftopt.nn.functional._mean_squared_error import mean_squared_error
from swiftopt.nn.functional._relu import relu, relu_backward
from swiftopt.nn.functional._rms_norm import rms_norm, rms_norm_backward
from swiftopt.nn.functional._separable_conv2d import separable_conv2d
from swiftopt.nn.functional._sigmoid import sigmoid, sigmoid_backward
from swiftopt.nn.functional._silu import silu, silu_backward
from swiftopt.nn.functional._softmax import softmax, softmax_backward
from swiftopt.nn.functional._tanh import tanh, tanh_backward

__all__ = [
    "GRUCellGradients",
    "LSTMCellGradients",
    "add",
    "attention",
    "attention_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "conv2d",
    "conv2d_backward_input",
    "conv2d_backward_weight",
    "cross_entropy",
    "depthwise_conv2d",
    "depthwise_conv2d_backward_input",
    "depthwise_conv2d_backward_weight",
    "dropout",
    "dropout_backward",
    "embedding",
    "embedding_backward",
    "gelu",
    "gelu_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "gru_cell",
    "gru_cell_backward",
    "layer_norm",
    "layer_norm_backward",
    "linear",
    "linear_backward_input",
    "linear_backward_weight",
    "lstm_cell",
    "lstm_cell_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "mean_squared_error",
    "relu",
    "relu_backward",
    "rms_norm",
    "rms_norm_backward",
    "separable_conv2d",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
]
