"""What layers say of input and settings that can't be right."""

import numpy as np
import pytest

from swiftopt import nn
from swiftopt.nn import functional

SETTINGS = [
    (lambda: nn.Linear(0, 3), "Linear: in_features is 0; it must be at least 1"),
    (lambda: nn.Linear(3, -1), "Linear: out_features is -1; it must be at least 1"),
    (lambda: nn.Conv2d(3, 8, 0), "Conv2d: kernel_size is 0; it must be at least 1"),
    (lambda: nn.Conv2d(3, 8, (3, 3, 3)), "Conv2d: kernel_size has 3 numbers; it must have one or"),
    (lambda: nn.Conv2d(3, 8, 3, stride=0), "Conv2d: stride is 0; it must be at least 1"),
    (lambda: nn.Conv2d(3, 8, 3, padding=-1), "Conv2d: padding is -1; it must be at least 0"),
    (
        lambda: nn.Conv2d(3, 8, 3, groups=2),
        "Conv2d: groups is 2; it must divide in_channels 3 and out_channels 8",
    ),
    (lambda: nn.DepthwiseConv2d(0, 3), "DepthwiseConv2d: channels is 0"),
    (lambda: nn.MaxPool2d(2, padding=2), "MaxPool2d: padding is 2; it must be at most half of"),
    (lambda: nn.BatchNorm(0), "BatchNorm: num_features is 0"),
    (lambda: nn.BatchNorm(3, eps=0), "BatchNorm: eps is 0.0; it must be positive"),
    (lambda: nn.BatchNorm(3, momentum=2), "BatchNorm: momentum is 2.0; it must be 0 <= momentum"),
    (lambda: nn.LayerNorm(3, eps=float("nan")), "LayerNorm: eps is nan"),
    (lambda: nn.Dropout(1), "Dropout: p is 1.0; it must be 0 <= p < 1"),
    (lambda: nn.GELU("erf"), "GELU: approximate is 'erf'; it must be 'none' or 'tanh'"),
    (lambda: nn.Embedding(5, 0), "Embedding: embedding_dim is 0"),
    (
        lambda: nn.MultiHeadAttention(8, 3),
        "MultiHeadAttention: num_heads is 3; it must divide embed_dim 8",
    ),
    (lambda: nn.LSTM(3, 0), "LSTM: hidden_size is 0"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), "CrossEntropyLoss: label_smoothing is 1.5"),
]


@pytest.mark.parametrize(("build", "message"), SETTINGS)
def test_settings_are_explained(build, message):
    with pytest.raises(ValueError, match="^" + message.replace("(", r"\(")):
        build()


SHAPES = [
    (nn.Linear(4, 3), (2, 5), "Linear: input has 5 features, weight expects 4"),
    (nn.Linear(4, 3), (4,), r"Linear: input has shape \(4,\); it must be \(batch, ..., 4 feat"),
    (nn.Conv2d(4, 8, 3), (2, 9, 9, 3), "Conv2d: input has 3 channels, weight expects 4"),
    (nn.Conv2d(4, 8, 3), (9, 9, 4), r"Conv2d: input has shape \(9, 9, 4\); it must be \(batch, h"),
    (
        nn.Conv2d(4, 8, 5, padding=1),
        (2, 9, 2, 4),
        "Conv2d: input has width 2, with padding 4; kernel_size 5 needs at least as much",
    ),
    (
        nn.Conv2d(4, 8, 3, dilation=4),
        (2, 9, 8, 4),
        "Conv2d: input has width 8; kernel_size 3 with dilation 4 needs 9",
    ),
    (nn.DepthwiseConv2d(4, 3), (1, 9, 9, 5), "DepthwiseConv2d: input has 5 channels, weight"),
    (nn.BatchNorm(4), (2, 3), "BatchNorm: input has 3 channels, weight expects 4"),
    (nn.LayerNorm(4), (2, 3), "LayerNorm: input has 3 features, weight expects 4"),
    (nn.MaxPool2d(3), (1, 2, 9, 4), "MaxPool2d: input has height 2; kernel_size 3"),
    (nn.GlobalAvgPool2d(), (2, 3), r"GlobalAvgPool2d: input has shape \(2, 3\); it must be"),
    (nn.PositionalEmbedding(5, 4), (2, 6, 4), r"PositionalEmbedding: input has shape \(2, 6, 4\)"),
    (nn.MultiHeadAttention(4, 2), (2, 4), r"MultiHeadAttention: input has shape \(2, 4\); it"),
    (nn.LSTM(4, 2), (2, 4), r"LSTM: input has shape \(2, 4\); it must be \(batch, time, 4\)"),
    (nn.GRU(4, 2), (2, 3, 5), "GRU: input has 5 features, it must have 4"),
    (
        nn.Residual(nn.Linear(4, 3)),
        (2, 4),
        r"Residual: branch has output shape \(2, 3\), input has shape \(2, 4\); they must be",
    ),
    (nn.Residual(nn.Linear(4, 3), nn.Linear(4, 5)), (2, 4), r"shortcut has shape \(2, 5\)"),
]


@pytest.mark.parametrize(("layer", "shape", "message"), SHAPES)
def test_shapes_are_explained(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match=message):
        layer.output_shape(shape)


def test_the_layer_is_named():
    net = nn.Sequential(nn.Linear(4, 3), nn.Residual(nn.Sequential(nn.ReLU(), nn.Linear(5, 3))))
    with pytest.raises(ValueError, match="Linear: input has 3 features") as caught:
        net(np.zeros((2, 4), np.float32))
    assert caught.value.__notes__ == ["in the layer '1.branch.1'"]


def test_dtypes_are_explained():
    net = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(TypeError, match=r"has dtype float64, the network float32; x\.astype"):
        net(np.zeros((2, 4)))
    with pytest.raises(TypeError, match="Linear: input has dtype int64; it must be float32"):
        net(np.zeros((2, 4), np.int64))
    with pytest.raises(TypeError, match="Embedding: input has dtype float32; indices must be"):
        nn.Embedding(3, 4)(np.zeros((2, 4), np.float32))
    with pytest.raises(TypeError, match="the input is a list; it must be an array"):
        net([[0.0] * 4])
    with pytest.raises(ValueError, match="must have a batch axis"):
        net(np.float32(1).reshape(()))
    with pytest.raises(TypeError, match="float32, float64 or bfloat16"):
        net.to("float16")
    net.to("float64")
    with pytest.raises(TypeError, match="has dtype float32, the network float64"):
        net(np.zeros((2, 4), np.float32))


def test_arrays_that_are_not_contiguous_are_refused():
    net = nn.Sequential(nn.Linear(4, 3))
    with pytest.raises(ValueError, match="the input is not C-contiguous"):
        net(np.zeros((4, 2), np.float32).T)
    net(np.zeros((2, 4), np.float32))
    with pytest.raises(ValueError, match="the input is not C-contiguous"):
        net(np.zeros((4, 2), np.float32).T)


def test_a_layer_can_be_in_one_place_only():
    layer = nn.Linear(4, 4)
    with pytest.raises(ValueError, match="Linear at '1' occurs twice in the network"):
        nn.Sequential(layer, layer)(np.zeros((2, 4), np.float32))


def test_all_layers_have_one_dtype():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4).to("float64"))
    with pytest.raises(ValueError, match="Linear at '1' has dtype float64 in a network of float32"):
        net(np.zeros((2, 4), np.float32))


def test_layers_must_be_modules():
    with pytest.raises(TypeError, match="layer 1 is a function; it must be a Module"):
        nn.Sequential(nn.Linear(4, 4), lambda x: x)


def test_an_index_out_of_range_is_refused():
    net = nn.Sequential(nn.Embedding(5, 4))
    with pytest.raises(ValueError, match=r"indices\[1\] is 5; it must be in 0 \.\.\. 4") as caught:
        net(np.array([[0, 5]]))
    assert caught.value.__notes__ == ["in the layer '0'"]
    loss = nn.CrossEntropyLoss()
    with pytest.raises(ValueError, match=r"labels\[1\] is -2; it must be in 0 \.\.\. 2"):
        loss(np.zeros((3, 3), np.float32), np.array([0, -2, 3]))


def test_losses_explain_their_arrays():
    loss, logits = nn.CrossEntropyLoss(), np.zeros((2, 3), np.float32)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        loss.backward()
    with pytest.raises(ValueError, match=r"targets have shape \(3,\), predictions \(2, 3\)"):
        loss(logits, np.zeros(3, np.int64))
    with pytest.raises(TypeError, match="targets have dtype float32; it must be uint8, int32 or"):
        loss(logits, np.zeros(2, np.float32))
    with pytest.raises(ValueError, match=r"targets have shape \(2, 4\).* must have the same shape"):
        loss(logits, np.zeros((2, 4), np.float32))
    with pytest.raises(
        TypeError, match="targets have dtype float64; probabilities must be float32"
    ):
        loss(logits, np.zeros((2, 3)))
    with pytest.raises(ValueError, match="ignore_index is 2, which is for labels"):
        nn.CrossEntropyLoss(ignore_index=2)(logits, np.zeros((2, 3), np.float32))
    with pytest.raises(TypeError, match="predictions have dtype int64"):
        loss(np.zeros((2, 3), np.int64), np.zeros(2, np.int64))
    squared = nn.MSELoss()
    with pytest.raises(ValueError, match=r"targets have shape \(2,\), predictions \(2, 3\)"):
        squared(logits, np.zeros(2, np.float32))
    with pytest.raises(TypeError, match="targets have dtype float64, predictions float32"):
        squared(logits, np.zeros((2, 3)))


def test_modules_without_a_plan_say_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty doesn't define plan"):
        Empty()(np.zeros((2, 3), np.float32))


class Apart(nn.Module):
    """Keeps its layer where nobody finds it."""

    def __init__(self):
        super().__init__()
        self.parts = [nn.Linear(4, 3)]

    def plan(self, x, planner):
        return planner.child("parts", self.parts[0], x)


class Forward(nn.Module):
    """Is written as one would for torch."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x)


class Hasty(nn.Module):
    """Forgets to initialize its base class."""

    def __init__(self):
        self.layer = nn.Linear(4, 3)


def test_modules_of_ones_own_are_explained():
    x = np.zeros((2, 4), np.float32)
    with pytest.raises(ValueError, match="Apart: Linear 'parts' isn't among children"):
        Apart()(x)
    net = Forward()
    gradient = np.ones_like(net(x))
    with pytest.raises(RuntimeError, match="Forward has a forward of its own: define plan"):
        net.backward(gradient)
    with pytest.raises(AttributeError, match=r"Hasty: call super\(\)\.__init__\(\) before layer"):
        Hasty()


def test_sizes_must_be_ints():
    with pytest.raises(TypeError, match="Conv2d: padding is 'same'; it must be an int"):
        nn.Conv2d(3, 4, 3, padding="same")
    with pytest.raises(TypeError, match=r"Linear: in_features is 4\.0; it must be an int"):
        nn.Linear(4.0, 3)


def test_a_failed_loss_leaves_no_gradient():
    loss, logits = nn.CrossEntropyLoss(), np.zeros((2, 3), np.float32)
    loss(logits, np.array([0, 1]))
    with pytest.raises(ValueError, match=r"labels\[1\] is 3"):
        loss(logits, np.array([0, 3]))
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        loss.backward()


def test_functions_name_their_own_arguments():
    x, weight = np.ones((4, 6), np.float32), np.ones((3, 6), np.float32)
    with pytest.raises(ValueError, match=r"linear: x is not C-contiguous; pass np\.ascont"):
        functional.linear(x[:, ::2], weight[:, :3].copy())
    with pytest.raises(ValueError, match="linear: weight is not C-contiguous"):
        functional.linear(x[:, :3].copy(), weight[:, :3])
    out = np.zeros((4, 3), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="linear: out is read-only"):
        functional.linear(x, weight, out=out)


def test_a_refused_output_leaves_the_other_one_alone():
    x, gradient = np.ones((4, 6), np.float32), np.ones((4, 3), np.float32)
    sums, out = np.zeros(3, np.float32), np.zeros((3, 12), np.float32)[:, ::2]
    with pytest.raises(ValueError, match="linear_backward_weight: out is not C-contiguous"):
        functional.linear_backward_weight(gradient, x, out=out, grad_bias=sums)
    assert not sums.any()
