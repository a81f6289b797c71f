"""The networks that are trained, as plain data: every contender builds them from this."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .rules import Array


@dataclass(frozen=True)
class Layer:
    """One layer; without parameters unless it says which."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter, in swiftopt's layout."""
        return {}

    def initial(self, generator: np.random.Generator) -> dict[str, Array]:
        """Draw weights with a standard deviation of 1 / sqrt(inputs); weights of a norm are 1."""
        return {
            name: np.zeros(shape, np.float32)
            if name.endswith("bias")
            else generator.standard_normal(shape, np.float32) / np.float32(math.sqrt(self.inputs))
            for name, shape in self.shapes().items()
        }

    @property
    def inputs(self) -> int:
        """Return how many products are added up in an output."""
        return 1


@dataclass(frozen=True)
class Linear(Layer):
    """A dense layer with a bias; weight (outputs, inputs)."""

    features: int
    outputs: int

    @property
    def inputs(self) -> int:
        return self.features

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.outputs, self.features), "bias": (self.outputs,)}


@dataclass(frozen=True)
class Conv2d(Layer):
    """A convolution of images (batch, height, width, channels), without a bias.

    Padding is kernel // 2. The weight is (outputs, kernel, kernel, channels).
    """

    channels: int
    outputs: int
    kernel: int
    stride: int = 1

    @property
    def inputs(self) -> int:
        return self.channels * self.kernel**2 // 2  # He et al. 2015: a ReLU follows

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.outputs, self.kernel, self.kernel, self.channels)}


@dataclass(frozen=True)
class SeparableConv2d(Layer):
    """A 3x3 depthwise convolution, then a 1x1 one, both without a bias."""

    channels: int
    outputs: int
    stride: int = 1

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"depthwise": (3, 3, self.channels), "pointwise": (self.outputs, self.channels)}

    def initial(self, generator: np.random.Generator) -> dict[str, Array]:
        drawn = super().initial(generator)
        drawn["depthwise"] /= 3
        drawn["pointwise"] *= np.float32(math.sqrt(2 / self.channels))
        return drawn


@dataclass(frozen=True)
class Norm(Layer):
    """What both norms have: a weight and a bias for each channel."""

    channels: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.channels,), "bias": (self.channels,)}

    def initial(self, generator: np.random.Generator) -> dict[str, Array]:
        shape = (self.channels,)
        return {"weight": np.ones(shape, np.float32), "bias": np.zeros(shape, np.float32)}


@dataclass(frozen=True)
class BatchNorm(Norm):
    """Batch normalisation over all axes but the last; a ReLU follows if it says so."""

    relu: bool = True
    initial_weight: float = 1.0

    def initial(self, generator: np.random.Generator) -> dict[str, Array]:
        drawn = super().initial(generator)
        drawn["weight"] *= np.float32(self.initial_weight)
        return drawn


@dataclass(frozen=True)
class LayerNorm(Norm):
    """Layer normalisation over the last axis."""


@dataclass(frozen=True)
class Attention(Layer):
    """Causal multi-head self-attention, with biases; query, key and value are one product."""

    width: int
    heads: int

    @property
    def inputs(self) -> int:
        return self.width

    def shapes(self) -> dict[str, tuple[int, ...]]:
        width = self.width
        return {
            "qkv_weight": (3 * width, width),
            "qkv_bias": (3 * width,),
            "out_weight": (width, width),
            "out_bias": (width,),
        }


@dataclass(frozen=True)
class Embedding(Layer):
    """A row of the weight for each index; learnt positions are added if `time` isn't 0."""

    count: int
    width: int
    time: int = 0

    @property
    def inputs(self) -> int:
        return 4  # half a unit each

    def shapes(self) -> dict[str, tuple[int, ...]]:
        positions = {"positions": (self.time, self.width)} if self.time else {}
        return {"weight": (self.count, self.width), **positions}


@dataclass(frozen=True)
class ReLU(Layer):
    """max(x, 0)."""


@dataclass(frozen=True)
class GELU(Layer):
    """The exact one, with erf."""


@dataclass(frozen=True)
class GlobalAvgPool2d(Layer):
    """The mean of each channel: (batch, channels)."""


@dataclass(frozen=True)
class Residual(Layer):
    """x + layers(x), and a ReLU of the sum if it says so."""

    layers: tuple[Layer, ...]
    relu: bool = False


@dataclass(frozen=True)
class Network:
    """Layers, and what goes in."""

    name: str
    title: str
    layers: tuple[Layer, ...]
    #: Of one example, without the batch; () for a sequence of `time` bytes.
    input_shape: tuple[int, ...]
    classes: int = 10
    time: int = 0
    #: The learning rate with which the first steps learn much.
    lr: float = 1e-3

    def parameters(self) -> list[Array]:
        """Draw all parameters, layer by layer."""
        generator = np.random.default_rng(11)
        return [array for layer in walk(self.layers) for array in layer.initial(generator).values()]


def walk(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Yield all layers in the order of their parameters; a Residual is followed by its own."""
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from walk(layer.layers)


def _perceptron() -> Network:
    sizes = (784, 512, 512)
    layers: list[Layer] = []
    for features, outputs in itertools.pairwise(sizes):
        layers += [Linear(features, outputs), ReLU()]
    return Network(
        "mlp", "perceptron 784-512-512-10", (*layers, Linear(512, 10)), input_shape=(784,)
    )


def _separable() -> Network:
    layers = (
        Conv2d(1, 32, 3),
        BatchNorm(32),
        SeparableConv2d(32, 64),
        BatchNorm(64),
        SeparableConv2d(64, 128, stride=2),
        BatchNorm(128),
        GlobalAvgPool2d(),
        Linear(128, 10),
    )
    return Network("cnn", "separable CNN 1-32-64-128", layers, (28, 28, 1), lr=5e-3)


def _residual(blocks: int = 20, width: int = 64) -> Network:
    """A stem like the separable CNN's, then blocks after He et al. 2015 (figure 5, left).

    The last weights of a block begin at 0.2, so that 20 of them don't blow up the sum.
    """
    block = Residual(
        (
            SeparableConv2d(width, width),
            BatchNorm(width),
            SeparableConv2d(width, width),
            BatchNorm(width, relu=False, initial_weight=0.2),
        ),
        relu=True,
    )
    layers = (
        Conv2d(1, 32, 3),
        BatchNorm(32),
        SeparableConv2d(32, width, stride=2),
        BatchNorm(width),
        *(block,) * blocks,
        GlobalAvgPool2d(),
        Linear(width, 10),
    )
    title = f"residual network of {blocks} blocks of 2 separable convolutions, {width} channels"
    return Network("resnet", title, layers, (28, 28, 1))


def _transformer(depth: int = 4, width: int = 128, heads: int = 4, time: int = 128) -> Network:
    """Pre-norm, as GPT-2, with weights of the last layer of their own."""
    block = (
        Residual((LayerNorm(width), Attention(width, heads))),
        Residual((LayerNorm(width), Linear(width, 4 * width), GELU(), Linear(4 * width, width))),
    )
    layers = (Embedding(256, width, time), *block * depth, LayerNorm(width), Linear(width, 256))
    title = f"causal transformer, {depth} layers of width {width}, {heads} heads, context {time}"
    return Network("transformer", title, layers, input_shape=(), classes=256, time=time)


MLP, CNN, RESNET, TRANSFORMER = _perceptron(), _separable(), _residual(), _transformer()
